"""A kitchen in which a Franka arm has to put several elements into given states.

Gupta et al., Relay Policy Learning, CoRL 2019, as in D4RL: gymnasium-robotics' kitchen, with D4RL's
noise, and its observation of 60 numbers.
"""

from collections.abc import Sequence

import numpy as np

from ibc.environments.d4rl import d4rl_env
from ibc.environments.d4rl import task as d4rl_tasks

_TARGET = "gymnasium_robotics.envs.franka_kitchen.kitchen_env:KitchenEnv"
_OBSERVATION_BOUND = 8.0
# D4RL's; the maintained environment's defaults are smaller.
_NOISE_RATIO = 0.1
_POSITIONS = 30
_ROBOT_JOINTS = 9

GOALS = {
    "bottom burner": {11: -0.88, 12: -0.01},
    "light switch": {17: -0.69, 18: -0.05},
    "slide cabinet": {19: 0.37},
    "microwave": {22: -0.75},
    "kettle": {23: -0.23, 24: 0.75, 25: 1.62, 26: 0.99, 27: 0.0, 28: 0.0, 29: -0.06},
}
"""Element -> index of a joint position -> value it should have."""


def goal_vector(elements: Sequence[str]) -> np.ndarray:
    """Returns the goal [30] that observations end with: what is not asked for is 0."""
    goal = np.zeros(_POSITIONS)
    for element in elements:
        for index, value in GOALS[element].items():
            goal[index] = value
    return goal


class KitchenEnv(d4rl_env.D4RLEnv):
    """Complete all elements, in any order.

    Observation: joint positions of the robot (9) and of everything else (21), and the goal (30).
    Reward: how many elements were completed in this step, each counting once. The episode ends
    when none is left, so that its return is the score, from 0 to the number of elements.
    """

    camera = {"lookat": (-0.2, 0.5, 2.0), "distance": 2.2, "azimuth": 70, "elevation": -35}  # noqa: RUF012

    def __init__(self, elements: Sequence[str], render_mode: str | None = None):
        """Loads the scene.

        Args:
          elements: What is to be completed, keys of `GOALS`.
          render_mode: None or 'rgb_array'.

        Raises:
          ValueError: An element is unknown.
        """
        unknown = set(elements) - set(GOALS)
        if unknown:
            raise ValueError(
                f"KitchenEnv.elements has {', '.join(sorted(unknown))}; there are: "
                f"{', '.join(GOALS)}."
            )
        self.elements = tuple(elements)
        self._goal = goal_vector(elements)
        simulator = d4rl_env.make_simulator(
            _TARGET,
            tasks_to_complete=list(elements),
            robot_noise_ratio=_NOISE_RATIO,
            object_noise_ratio=_NOISE_RATIO,
            render_mode=render_mode,
        )
        # All kitchens have the same sizes and scores.
        family, robot = d4rl_tasks.KITCHEN, simulator.robot_env
        super().__init__(family, simulator, robot, render_mode, _OBSERVATION_BOUND)

    @property
    def completed(self) -> tuple[str, ...]:
        """Elements completed in the episode so far, in their order."""
        return tuple(self.simulator.episode_task_completions)

    @property
    def goal_achieved(self) -> bool:
        """Whether all elements have been completed."""
        return len(self.completed) == len(self.elements)

    def _reset_simulator(self, seed: int | None) -> np.ndarray:
        return self._observed(self.simulator.reset(seed=seed)[0])

    def _advance(self, action: np.ndarray) -> tuple[np.ndarray, float, bool]:
        observation, reward, terminated, _, _ = self.simulator.step(action)
        return self._observed(observation), reward, terminated

    def _observed(self, observation: dict) -> np.ndarray:
        return layout(observation["observation"], self._goal)

    def _restore(self, observation: np.ndarray) -> np.ndarray:
        robot = self.simulator.robot_env
        robot.set_state(observation[:_POSITIONS], np.zeros(self.model.nv))
        measured = self.simulator._get_obs(robot._get_obs())
        # The next position command starts from the last observed positions, noise included.
        robot._last_robot_qpos = observation[:_ROBOT_JOINTS].copy()
        return self._observed(measured)


def layout(observation: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Returns D4RL's observation [..., 60] from gymnasium-robotics' [..., 59] and a goal [30].

    The latter holds positions (9) and velocities (9) of the robot, then positions (21) and
    velocities (20) of everything else; D4RL observes no velocities.
    """
    goals = np.broadcast_to(goal, (*observation.shape[:-1], _POSITIONS))
    return np.concatenate([observation[..., :9], observation[..., 18:39], goals], axis=-1)
