"""What every stack of dense layers has in common."""

import abc
import functools
from collections.abc import Callable, Sequence

import tensorflow as tf

from ibc.networks.layers import dense, dropout
from ibc.utils import precision

Dropout = Callable[[tf.Tensor], tf.Tensor]


class DenseStack(tf.keras.layers.Layer, abc.ABC):
    """Layers whose first one, `first_layer`, accepts its input in two parts.

    `stack(concat([o, a]))` equals `stack.after_first(first_layer.apply_to_first(o) +
    first_layer.apply_to_last(a))`.
    """

    first_mask = 0
    """Number of the stack's first dropout mask, where several stacks draw from one key."""

    _rate = 0.0
    """Dropout rate; stacks with dropout set their own."""

    def __init__(
        self,
        hidden_sizes: list[int],
        kernel_initializer: str = "normal",
        bias_initializer: str = "normal",
        dense_layer_type: str = "regular",
        **kwargs,
    ):
        """Checks the sizes; subclasses create their layers with `_dense`.

        Args:
          hidden_sizes: Units of each layer, at least one.
          kernel_initializer: Keras initializer; 'normal' has a standard deviation of 0.05.
          bias_initializer: Keras initializer.
          dense_layer_type: 'regular' or 'spectral_norm'.
          **kwargs: Passed to Keras.

        Raises:
          ValueError: No hidden sizes, or an unknown dense layer type.
        """
        super().__init__(**kwargs)
        if not hidden_sizes:
            raise ValueError("A stack of layers needs a depth of at least 1, but it is 0.")
        self._hidden_policy = precision.hidden_policy()
        self._dense_type = dense.layer_type(dense_layer_type)
        self._initializers = dict(
            kernel_initializer=kernel_initializer, bias_initializer=bias_initializer
        )

    def _dense(self, units: int) -> dense.Dense:
        """Makes a first or last layer, which computes in float32."""
        return self._dense_type(units, **self._initializers)

    def _hidden_dense(self, units: int) -> dense.Dense:
        """Makes a layer that computes in the type of hidden layers."""
        return self._dense_type(units, dtype=self._hidden_policy, **self._initializers)

    @property
    @abc.abstractmethod
    def first_layer(self) -> dense.Dense:
        """The layer that sees the input; linear."""

    @property
    def num_masks(self) -> int:
        """How many dropout masks the stack draws in training."""
        return 0

    def _dropouts(
        self, hidden: tf.Tensor, units: Sequence[int], training: dropout.Training
    ) -> list[Dropout]:
        """Returns functions that zero some activations in training, and leave others alone.

        Args:
          hidden: [rows, any number], of the activations' type.
          units: Of the activations, [rows, units], of each of the `num_masks` functions.
          training: See `dropout.Training`.
        """
        if not training or self._rate == 0:
            return [tf.identity] * len(units)
        rows = tf.shape(hidden)[0] if hidden.shape[0] is None else hidden.shape[0]
        masks = dropout.masks(rows, units, self._rate, training, hidden.dtype, self.first_mask)
        return [functools.partial(tf.multiply, mask) for mask in masks]

    @abc.abstractmethod
    def _after_first(self, hidden: tf.Tensor, training: dropout.Training) -> tf.Tensor:
        """As `after_first`, with `hidden` in the type of hidden layers."""

    def _after_first_with_last(
        self, hidden: tf.Tensor, last: dense.Dense, training: dropout.Training
    ) -> tf.Tensor:
        """As `after_first` with a last layer, with `hidden` in the type of hidden layers."""
        return last(self._after_first(hidden, training))

    def after_first(
        self, hidden: tf.Tensor, training: dropout.Training = False, last: dense.Dense | None = None
    ) -> tf.Tensor:
        """Applies everything after the first product: [rows, units] to [rows, last units].

        Args:
          hidden: float32 [rows, units], what the first layer gives.
          training: See `dropout.Training`.
          last: A linear layer of few units to apply to the result, which may then be multiplied
            together with the stack's own last layer.

        Returns:
          [rows, last units], float32 unless the layers were created in mixed precision; with
          `last` float32 [rows, units of `last`].
        """
        hidden = tf.cast(hidden, precision.compute_dtype(self._hidden_policy))
        if last is None:
            return self._after_first(hidden, training)
        return self._after_first_with_last(hidden, last, training)

    def call(self, inputs: tf.Tensor, training: dropout.Training = False) -> tf.Tensor:
        """Applies the stack to float32 [rows, inputs]; returns [rows, last units]."""
        return self.after_first(self.first_layer(inputs), training)
