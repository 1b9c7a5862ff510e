"""Energy network that thinks longest about the observation, and little about each action."""

import gin
import tensorflow as tf
from tf_agents.typing import types

from ibc.networks import energy_network, registry
from ibc.networks.encoders import flat
from ibc.networks.layers import dense, dense_stack, dropout, stacks
from ibc.utils import parameters


@registry.register
@gin.configurable
class EncodedMLPEBM(energy_network.EncodedEnergyNetwork):
    """−E(o, a): hidden layers on the observation window, then a few on [their output, action].

    What depends on the observation alone is computed once for all of its actions, so a thousand
    samples cost little more than the last layers do.
    """

    def __init__(
        self,
        obs_spec: types.NestedTensorSpec,
        action_spec: tf.TensorSpec,
        encoder_width: int = 256,
        encoder_depth: int = 2,
        width: int = 128,
        depth: int = 2,
        rate: float = 0.0,
        gain: float = 1.0,
        kernel_initializer: str = "glorot_uniform",
        bias_initializer: str = "zeros",
        name: str = "EncodedMLPEBM",
    ):
        """Creates the network; its variables come with `create_variables`.

        Args:
          obs_spec: Nest of specs [T, size] of one normalized observation window.
          action_spec: Spec [A] of one flat normalized action.
          encoder_width: Units per hidden layer of the observation.
          encoder_depth: Number of these layers.
          width: Units per hidden layer of observation and action.
          depth: Number of these layers, the first of which joins the two.
          rate: Dropout rate.
          gain: Factor of the joining layer's output, before its activation. Above 1, energies
            change over shorter distances from the start of training on.
          kernel_initializer: Keras initializer.
          bias_initializer: Keras initializer.
          name: Name of the network.

        Raises:
          ValueError: A number is out of range, an initializer unknown, or the observation holds
            images.
        """
        parameters.check_positive("EncodedMLPEBM", gain=gain)
        options = dict(kernel_initializer=kernel_initializer, bias_initializer=bias_initializer)
        encoder, stack = (
            stacks.make_stack("EncodedMLPEBM", "MLPDropout", units, layers, rate, **options)
            for units, layers in ((encoder_width, encoder_depth), (width, depth))
        )
        stack.first_mask = encoder.num_masks
        super().__init__(
            obs_spec,
            action_spec,
            encoder=_StateEncoder(flat.FlatEncoder(obs_spec), encoder),
            stack=stack,
            last=dense.layer_type("regular")(1, **options),
            name=name,
        )
        self._gain = gain

    def encode(
        self, observation: types.NestedTensor, training: dropout.Training = False
    ) -> tf.Tensor:
        """As in the base class, with the joining layer's output amplified."""
        return self._gain * super().encode(observation, training)

    def score(
        self, encoding: tf.Tensor, actions: tf.Tensor, training: dropout.Training = False
    ) -> tf.Tensor:
        """As in the base class; the joining layer's action part is amplified as well."""
        return super().score(encoding, self._gain * actions, training)


class _StateEncoder(tf.keras.layers.Layer):
    """Flattens states and applies hidden layers: float32 [B, width]."""

    def __init__(self, flatten: flat.FlatEncoder, stack: dense_stack.DenseStack):
        super().__init__()
        self._flatten = flatten
        self._stack = stack

    def call(
        self, observation: types.NestedTensor, training: dropout.Training = False
    ) -> tf.Tensor:
        """Encodes a nest of float tensors [B, T, size]."""
        return tf.cast(self._stack(self._flatten(observation), training), tf.float32)
