"""Oracle of the particle task: ask for the first goal, then for the second."""

import gin
import numpy as np
from tf_agents.environments import py_environment
from tf_agents.policies import py_policy
from tf_agents.trajectories import policy_step, time_step
from tf_agents.typing import types

from ibc.environments import suite
from ibc.utils import parameters


@gin.configurable
class ParticleOracle(py_policy.PyPolicy):
    """Sets the first goal as setpoint until the point has been there, then the second.

    Goals and position are read from the environment, so it does not matter whether
    observations are flattened, stacked over time or lack the velocity.
    """

    def __init__(
        self,
        env: py_environment.PyEnvironment,
        wait_at_first_goal: int = 1,
        multimodal: bool = False,
        goal_threshold: float = 0.01,
        seed: int | None = None,
    ):
        """Creates the oracle.

        Args:
          env: TF-Agents environment over a `ParticleEnv`.
          wait_at_first_goal: Number of observations within `goal_threshold` of the goal
            visited first, before the other one is the setpoint.
          multimodal: Whether the order of the goals is drawn at random in each episode.
          goal_threshold: Distance within which the point is at a goal.
          seed: Seed of the draws of the order.

        Raises:
          ValueError: `wait_at_first_goal` is negative or `goal_threshold` not positive.
        """
        parameters.check_not_negative("ParticleOracle", wait_at_first_goal=wait_at_first_goal)
        parameters.check_positive("ParticleOracle", goal_threshold=goal_threshold)
        super().__init__(env.time_step_spec(), env.action_spec())
        self._env = suite.gym_env(env)
        self._wait_at_first_goal = wait_at_first_goal
        self._multimodal = multimodal
        self._goal_threshold = goal_threshold
        self._rng = np.random.RandomState(seed)
        self._start_episode()

    def _action(
        self,
        time_step: time_step.TimeStep,
        policy_state: types.NestedArray,
        seed: types.Seed | None = None,
    ) -> policy_step.PolicyStep:
        if time_step.is_first():
            self._start_episode()
        goals = (self._env.first_goal, self._env.second_goal)
        goal, other = reversed(goals) if self._swap else goals
        position = self._env.position.astype(np.float32)
        if np.linalg.norm(position - goal) < self._goal_threshold:
            self._steps_at_goal += 1
        setpoint = other if self._steps_at_goal >= self._wait_at_first_goal else goal
        return policy_step.PolicyStep(setpoint.copy(), policy_state)

    def _start_episode(self) -> None:
        self._steps_at_goal = 0
        self._swap = self._multimodal and self._rng.uniform() < 0.5
