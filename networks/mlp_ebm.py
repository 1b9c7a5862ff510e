"""Energy networks over state observations: of whole actions, and one per action dimension."""

import gin
import tensorflow as tf
from tf_agents.typing import types

from ibc.networks import energy_network, registry
from ibc.networks.encoders import flat
from ibc.networks.layers import dense, dropout, stacks


@registry.register
@gin.configurable
class MLPEBM(energy_network.EncodedEnergyNetwork):
    """−E(o, a): hidden layers on [observation window, action], then a linear unit."""

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
          dense_layer_type: 'regular', or 'spectral_norm': every layer's kernel, also that of the
            one which gives the energy, is divided by its largest singular value.
          name: Name of the network.

        Raises:
          ValueError: A name is unknown, the depth does not suit the layers, or the observation
            holds images.
        """
        initializers = dict(
            kernel_initializer=kernel_initializer, bias_initializer=bias_initializer
        )
        stack = stacks.make_stack(
            "MLPEBM",
            layers,
            width,
            depth,
            rate,
            activation,
            dense_layer_type=dense_layer_type,
            **initializers,
        )
        super().__init__(
            obs_spec,
            action_spec,
            encoder=flat.FlatEncoder(obs_spec),
            stack=stack,
            last=dense.layer_type(dense_layer_type)(1, **initializers),
            name=name,
        )


@registry.register
@gin.configurable
class AutoregressiveEBM(energy_network.EnergyNetwork):
    """Energies Eⱼ(o, a₁ … aⱼ), j = 1 … A (paper, appendix B.2).

    Each is an `MLPEBM` that sees the dimensions up to its own. All have the parameters that gin
    binds to `MLPEBM`; they share no weights.
    """

    head = "autoregressive"

    def __init__(
        self,
        obs_spec: types.NestedTensorSpec,
        action_spec: tf.TensorSpec,
        name: str = "AutoregressiveEBM",
    ):
        """Creates the networks; their variables come with `create_variables`.

        Args:
          obs_spec: Nest of specs [T, size] of one normalized observation window.
          action_spec: Spec [A] of one flat normalized action.
          name: Name of the network.

        Raises:
          ValueError: The action is not one vector, or as `MLPEBM`.
        """
        super().__init__(obs_spec, action_spec, name)
        self._energies = [
            MLPEBM(obs_spec, tf.TensorSpec([size]), name=f"energy_{size}")
            for size in range(1, action_spec.shape[0] + 1)
        ]
        for index, energy in enumerate(self._energies):
            energy._stack.first_mask = index * energy._stack.num_masks

    @property
    def num_dimensions(self) -> int:
        """A, the number of energies."""
        return len(self._energies)

    def build(self, input_shape) -> None:
        """Creates the variables, whose shapes follow from the specs."""
        for energy in self._energies:
            energy.create_variables()
        super().build(input_shape)

    def encode(
        self, observation: types.NestedTensor, training: dropout.Training = False
    ) -> tf.Tensor:
        """Computes every energy's part of the observation: [B, A, width]."""
        parts = [energy.encode(observation, training) for energy in self._energies]
        return tf.stack(parts, axis=1)

    def score_dimension(
        self,
        encoding: tf.Tensor,
        dimension: int,
        actions: tf.Tensor,
        training: dropout.Training = False,
    ) -> tf.Tensor:
        """Scores the first dimensions of actions by the last one's energy.

        Args:
          encoding: float32 [B, A, width].
          dimension: j, from 0 to A − 1.
          actions: float32 [B, N, j + 1] or more dimensions, which are not looked at.
          training: See `dropout.Training`.

        Returns:
          float32 [B, N].
        """
        energy = self._energies[dimension]
        return energy.score(encoding[:, dimension], actions[..., : dimension + 1], training)

    def score(
        self, encoding: tf.Tensor, actions: tf.Tensor, training: dropout.Training = False
    ) -> tf.Tensor:
        """Scores whole actions [B, N, A] by the last energy; returns [B, N]."""
        return self.score_dimension(encoding, self.num_dimensions - 1, actions, training)
