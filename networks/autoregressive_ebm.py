"""One energy network per action dimension (paper, appendix B.2)."""

import gin
import tensorflow as tf
from tf_agents.typing import types

from ibc.networks import energy_network, mlp_ebm


@gin.configurable
class AutoregressiveEBM(energy_network.EnergyNetwork):
    """Energies Eⱼ(o, a₁ … aⱼ), j = 1 … A, each an `MLPEBM` that sees the dimensions up to its own.

    All have the parameters that gin binds to `MLPEBM`; they share no weights.
    """

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
            mlp_ebm.MLPEBM(obs_spec, tf.TensorSpec([size]), name=f"energy_{size}")
            for size in range(1, action_spec.shape[0] + 1)
        ]

    @property
    def num_dimensions(self) -> int:
        """A, the number of energies."""
        return len(self._energies)

    def build(self, input_shape) -> None:
        """Creates the variables, whose shapes follow from the specs."""
        for energy in self._energies:
            energy.create_variables()
        super().build(input_shape)

    def encode(self, observation: types.NestedTensor, training: bool = False) -> tf.Tensor:
        """Computes every energy's part of the observation: [B, A, width]."""
        parts = [energy.encode(observation, training) for energy in self._energies]
        return tf.stack(parts, axis=1)

    def score_dimension(
        self, encoding: tf.Tensor, dimension: int, actions: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """Scores the first dimensions of actions by the last one's energy.

        Args:
          encoding: float32 [B, A, width].
          dimension: j, from 0 to A − 1.
          actions: float32 [B, N, j + 1] or more dimensions, which are not looked at.
          training: Whether this is part of a training step.

        Returns:
          float32 [B, N].
        """
        energy = self._energies[dimension]
        return energy.score(encoding[:, dimension], actions[..., : dimension + 1], training)

    def score(self, encoding: tf.Tensor, actions: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Scores whole actions [B, N, A] by the last energy; returns [B, N]."""
        return self.score_dimension(encoding, self.num_dimensions - 1, actions, training)
