"""Oracle of the discontinuous pushing task: one target, then the other."""

from collections.abc import Mapping

import gin
import numpy as np
from tf_agents.environments import py_environment

from ibc.environments.block_pushing.oracles import oriented_push_oracle, pushing_info
from ibc.utils import parameters


@gin.configurable
class DiscontinuousOrientedPushOracle(oriented_push_oracle.OrientedPushOracle):
    """Pushes the block to the first target, can wait there, and pushes it to the second."""

    observation_keys = (
        *oriented_push_oracle.OrientedPushOracle.observation_keys,
        "target2_translation",
    )

    def __init__(
        self,
        env: py_environment.PyEnvironment,
        seed: int | None = None,
        goal_tolerance: float = 0.04,
        wait: int = 0,
        action_noise_std: float = 0.0,
    ):
        """Creates the oracle.

        Args:
          env: TF-Agents environment over a block pushing environment with two targets.
          seed: Seed of the action noise; None means 0.
          goal_tolerance: Distance in metres within which the block is at the first target.
          wait: Number of steps to stand still there.
          action_noise_std: Standard deviation in metres of Gaussian noise on the actions.

        Raises:
          ValueError: A parameter is out of range, or the oracle is for another task.
        """
        name = type(self).__name__
        parameters.check_positive(name, goal_tolerance=goal_tolerance)
        parameters.check_not_negative(name, wait=wait)
        super().__init__(env, seed, action_noise_std)
        self._goal_tolerance = goal_tolerance
        self._wait = wait
        self._target = "target"
        self._steps_to_wait = 0

    def _start_episode(self, observation: Mapping[str, np.ndarray]) -> None:
        super()._start_episode(observation)
        self._target = "target"
        self._steps_to_wait = 0

    def _displacement(self, observation: Mapping[str, np.ndarray]) -> np.ndarray:
        to_first_target = pushing_info.distance(
            observation["block_translation"], observation["target_translation"]
        )
        if self._target == "target" and to_first_target < self._goal_tolerance:
            self._target = "target2"
            self._steps_to_wait = self._wait
        if self._steps_to_wait > 0:
            self._steps_to_wait -= 1
            return np.zeros(2)
        return self._push(observation, "block", self._target)
