"""Energy network over state observations."""

import gin
import tensorflow as tf
from tf_agents.typing import types

from ibc.networks import energy_network
from ibc.networks.layers import dense, flatten, split_score, stacks


@gin.configurable
class MLPEBM(energy_network.EnergyNetwork):
    """E(o, a): hidden layers on [observation window, action], then a linear unit.

    The first product is split: its observation rows are multiplied once per observation, its
    action rows once per action, which equals multiplying the concatenation.
    """

    def __init__(
        self,
        obs_spec: types.NestedTensorSpec,
        action_spec: tf.TensorSpec,
        width: int = 512,
        depth: int = 2,
        rate: float = 0.1,
        activation: str = "relu",
        layers: str = "MLPDropout",
        kernel_initializer: str = "normal",
        bias_initializer: str = "normal",
        dense_layer_type: str = "regular",
        name: str = "MLPEBM",
    ):
        """Creates the network; its variables come with `create_variables`.

        Args:
          obs_spec: Nest of specs [T, size] of one normalized observation window.
          action_spec: Spec [A] of one flat normalized action.
          width: Units per hidden layer.
          depth: Number of hidden layers.
          rate: Dropout rate.
          activation: Activation of the hidden layers.
          layers: 'MLPDropout', 'ResNetOrig' or 'ResNetPreActivation'.
          kernel_initializer: Keras initializer.
          bias_initializer: Keras initializer.
          dense_layer_type: 'regular' or 'spectral_norm', for the hidden layers.
          name: Name of the network.

        Raises:
          ValueError: A name is unknown, or the depth does not suit the layers.
        """
        super().__init__(obs_spec, action_spec, name)
        self._stack = stacks.make_stack(
            layers,
            width,
            depth,
            rate,
            activation,
            kernel_initializer,
            bias_initializer,
            dense_layer_type,
        )
        self._head = dense.Dense(
            1, kernel_initializer=kernel_initializer, bias_initializer=bias_initializer
        )

    def build(self, input_shape) -> None:
        """Creates the variables, whose shapes follow from the specs."""
        inputs = flatten.flat_size(self.input_tensor_spec)
        self._head(self._stack(tf.zeros([1, inputs])))
        super().build(input_shape)

    def encode(self, observation: types.NestedTensor, training: bool = False) -> tf.Tensor:
        """Multiplies observations by the first layer's observation rows: [B, width]."""
        return self._stack.first_layer.head(flatten.flatten_window(observation), training)

    def score(self, encoding: tf.Tensor, actions: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Scores actions [B, N, A] under encodings [B, width]; returns [B, N]."""
        return split_score.split_score(
            self._stack.first_layer,
            lambda hidden: self._stack.after_first(hidden, training, self._head),
            encoding,
            actions,
            training,
        )
