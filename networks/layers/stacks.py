"""The stacks of hidden layers that gin files name."""

from types import ModuleType

import tensorflow as tf

from ibc.networks.layers import dense, dense_stack, dropout, resnet
from ibc.utils import parameters


class MLPDropoutLayer(dense_stack.DenseStack):
    """A plain multilayer perceptron: dense, activation, dropout; once per hidden size."""

    def __init__(
        self,
        hidden_sizes: list[int],
        rate: float = 0.1,
        activation: str = "relu",
        *options,
        **kwargs,
    ):
        """Creates the layers.

        Args:
          hidden_sizes: Units of each layer.
          rate: Dropout rate after each activation, in [0, 255/256].
          activation: Keras activation of each layer.
          *options: As in `DenseStack`.
          **kwargs: Passed to `DenseStack`.

        Raises:
          ValueError: As `DenseStack`, or the rate is out of range.
        """
        super().__init__(hidden_sizes, *options, **kwargs)
        self._rate = dropout.checked_rate(rate)
        self._units = list(hidden_sizes)
        first, *others = hidden_sizes
        self._weight_layers = [self._dense(first), *map(self._hidden_dense, others)]
        self._activation = tf.keras.activations.get(activation)

    @property
    def first_layer(self) -> dense.Dense:
        """The first dense layer, before its activation."""
        return self._weight_layers[0]

    @property
    def num_masks(self) -> int:
        """One after each layer."""
        return len(self._units)

    def _after_first(self, hidden: tf.Tensor, training: dropout.Training) -> tf.Tensor:
        first, *others = self._dropouts(hidden, self._units, training)
        hidden = first(self._activation(hidden))
        for layer, drop in zip(self._weight_layers[1:], others, strict=True):
            hidden = drop(self._activation(layer(hidden)))
        return hidden


_STACKS = {
    "MLPDropout": MLPDropoutLayer,
    "ResNetOrig": resnet.ResNetOrigLayer,
    "ResNetPreActivation": resnet.ResNetPreActivationLayer,
}


def make_stack(
    owner: str,
    layers: str,
    width: int,
    depth: int,
    rate: float,
    activation: str = "relu",
    kernel_initializer: str = "normal",
    bias_initializer: str = "normal",
    dense_layer_type: str = "regular",
) -> dense_stack.DenseStack:
    """Creates `depth` hidden layers of `width` units.

    Args:
      owner: The configurable whose parameters the others are, 'MLPEBM' say.
      layers: 'MLPDropout', 'ResNetOrig' or 'ResNetPreActivation'.
      width: Units per layer.
      depth: Number of layers, without a residual stack's projection.
      rate: Dropout rate.
      activation: Activation; `ResNetLayer.activation` wins over it in residual stacks.
      kernel_initializer: Keras initializer.
      bias_initializer: Keras initializer.
      dense_layer_type: 'regular' or 'spectral_norm'.

    Returns:
      The stack, not yet built.

    Raises:
      ValueError: A name is unknown, or width or depth is out of range or does not suit the layers.
    """
    parameters.check_whole(owner, width=width, depth=depth)
    if layers not in _STACKS:
        raise ValueError(f"{owner}.layers must be one of {list(_STACKS)}, but is {layers!r}.")
    _check_keras_name(f"{owner}.activation", activation, tf.keras.activations)
    for name, value in (
        ("kernel_initializer", kernel_initializer),
        ("bias_initializer", bias_initializer),
    ):
        _check_keras_name(f"{owner}.{name}", value, tf.keras.initializers, "normal")
    return _STACKS[layers](
        [width] * depth, rate, activation, kernel_initializer, bias_initializer, dense_layer_type
    )


def _check_keras_name(parameter: str, value: object, module: ModuleType, *aliases: str) -> None:
    """Refuses what Keras' `module.get` does not know, by the parameter's name."""
    try:
        module.get(value)
    except (ValueError, TypeError) as error:
        known = {name for name, found in vars(module).items() if callable(found)}
        known = {name for name in known if name.islower()} - {"get", "serialize", "deserialize"}
        names = ", ".join(sorted(known.union(aliases)))
        raise ValueError(f"{parameter} must be one of {names}, but is {value!r}.") from error
