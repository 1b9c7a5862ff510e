"""Oracle of the reaching task: go straight to the reach target."""

from collections.abc import Mapping

import gin
import numpy as np
from tf_agents.environments import py_environment

from ibc.environments.block_pushing.oracles import pushing_info

SPEED = 0.2
"""Speed limit in m/s."""


@gin.configurable
class ReachOracle(pushing_info.BlockOracle):
    """Moves the commanded effector to the reach target, at most 0.2 m/s (REACH).

    The target is read from the environment: no observation shows where it stays once the
    block is touched.
    """

    observation_keys = ("effector_target_translation",)

    def __init__(self, env: py_environment.PyEnvironment, seed: int | None = None):
        """Creates the oracle.

        Args:
          env: TF-Agents environment over a block pushing environment of the reaching task.
          seed: Accepted as by every oracle; nothing is drawn here.

        Raises:
          ValueError: The environment is of another task.
        """
        del seed
        super().__init__(env)
        if getattr(self._env, "reach_target_translation", None) is None:
            raise ValueError(
                f"{type(self).__name__} needs an environment with a reach target, but "
                f"{type(self._env).__name__} has none; choose the oracle of the task."
            )

    def _displacement(self, observation: Mapping[str, np.ndarray]) -> np.ndarray:
        effector = observation["effector_target_translation"]
        return pushing_info.shortened(
            self._env.reach_target_translation - effector, SPEED / self._env.control_frequency
        )


@gin.configurable
class ReachNormalizedOracle(pushing_info.NormalizedMaps, ReachOracle):
    """`ReachOracle` for REACH_NORMALIZED."""
