"""Reaching for, pushing and inserting one block.

The simulated robot tasks of Florence et al., Implicit Behavioral Cloning, CoRL 2021,
section 5 ("Simulated Pushing").
"""

import gin
import numpy as np

from ibc.environments.block_pushing import pushing_env, start_poses
from ibc.environments.block_pushing import task as block_tasks
from ibc.environments.block_pushing.simulation import bullet

_REACH_DISTANCE_METRES = 0.05
_SMALLEST_INITIAL_DISTANCE = 1e-7


BlockTaskVariant = block_tasks.BlockTaskVariant


def build_env_name(
    task: BlockTaskVariant | str,
    shared_memory: bool,
    use_image_obs: bool,
    use_normalized_env: bool = False,
) -> str:
    """Returns the Gymnasium id of a task's variant.

    Args:
      task: A variant or its name, such as 'PUSH'.
      shared_memory: Whether a PyBullet shared-memory server simulates.
      use_image_obs: Whether observations contain an image.
      use_normalized_env: Whether observations and actions are scaled; the tasks whose names
        say so always are.
    """
    value = BlockTaskVariant[task].value if isinstance(task, str) else task.value
    name = value.removesuffix("Normalized")
    normalized = use_normalized_env or name != value
    return block_tasks.environment_id(name, shared_memory, use_image_obs, normalized)


@gin.configurable
class BlockPush(pushing_env.PushingEnv):
    """One block and one target: REACH, PUSH or INSERT.

    The goal distance is that of the block to the target in the plane; in REACH, that of the
    effector to a point 5 cm behind the block. Reward: the largest part so far by which it was
    reduced; 1, and the end, when it is below `goal_dist_tolerance`.
    """

    def __init__(
        self,
        control_frequency: float = 10.0,
        task: BlockTaskVariant = BlockTaskVariant.PUSH,
        image_size: tuple[int, int] | None = None,
        shared_memory: bool = False,
        seed: int | None = None,
        goal_dist_tolerance: float = 0.01,
        effector_height: float | None = None,
        visuals_mode: str = "default",
        abs_action: bool = False,
        render_mode: str | None = None,
        use_image_obs: bool | None = None,
        renderer: str = "tiny",
    ):
        """Creates the environment; arguments are those of `PushingEnv`, and `task`.

        Raises:
          ValueError: A parameter is out of range; the message names it.
        """
        plain = (BlockTaskVariant.REACH, BlockTaskVariant.PUSH, BlockTaskVariant.INSERT)
        if task not in plain:
            raise ValueError(f"BlockPush.task must be one of {plain}, got {task!r}.")
        self.task = task
        self.reach_target_translation = None
        if task == BlockTaskVariant.INSERT:
            self.target_urdfs = ("insert_target.urdf",)
        super().__init__(
            control_frequency=control_frequency,
            image_size=image_size,
            shared_memory=shared_memory,
            seed=seed,
            goal_dist_tolerance=goal_dist_tolerance,
            effector_height=effector_height,
            visuals_mode=visuals_mode,
            abs_action=abs_action,
            render_mode=render_mode,
            use_image_obs=use_image_obs,
            renderer=renderer,
        )

    def get_goal_translation(self) -> np.ndarray:
        """Returns the target's position, in REACH the point to reach, [3] in metres."""
        if self.reach_target_translation is not None:
            return np.append(self.reach_target_translation, 0.0)
        return super().get_goal_translation()

    def _draw_poses(
        self, rng: np.random.RandomState
    ) -> tuple[list[bullet.Pose], list[bullet.Pose]]:
        return [start_poses.draw_block(rng)], [start_poses.draw_target(rng)]

    def _start_episode(self, state: dict[str, np.ndarray]) -> None:
        if self.task == BlockTaskVariant.REACH:
            self.reach_target_translation = _point_behind_block(state)
        self.initial_goal_distance = self._distance_to_goal(state)
        if self.initial_goal_distance <= _SMALLEST_INITIAL_DISTANCE:
            raise RuntimeError(f"the episode starts at its goal: {state}.")
        self.best_fraction_reduced_goal_dist = 0.0

    def _evaluate(self, state: dict[str, np.ndarray]) -> tuple[float, bool]:
        distance = self._distance_to_goal(state)
        fraction = 1.0 - distance / self.initial_goal_distance
        self.best_fraction_reduced_goal_dist = max(self.best_fraction_reduced_goal_dist, fraction)
        if distance < self.goal_dist_tolerance:
            return 1.0, True
        return self.best_fraction_reduced_goal_dist, False

    def _distance_to_goal(self, state: dict[str, np.ndarray]) -> float:
        mover = "effector" if self.task == BlockTaskVariant.REACH else "block"
        goal = self.get_goal_translation()[:2]
        return float(np.linalg.norm(state[f"{mover}_translation"] - goal))

    def _has_succeeded(self, state: dict[str, np.ndarray]) -> bool:
        return self._distance_to_goal(state) < self.goal_dist_tolerance

    def _memory(self) -> dict:
        reach_target = self.reach_target_translation
        return {
            "initial_goal_distance": self.initial_goal_distance,
            "best_fraction_reduced_goal_dist": self.best_fraction_reduced_goal_dist,
            "reach_target_translation": None if reach_target is None else reach_target.tolist(),
        }

    def _remember(self, memory: dict) -> None:
        self.initial_goal_distance = memory["initial_goal_distance"]
        self.best_fraction_reduced_goal_dist = memory["best_fraction_reduced_goal_dist"]
        if memory["reach_target_translation"] is not None:
            self.reach_target_translation = np.array(memory["reach_target_translation"])


def _point_behind_block(state: dict[str, np.ndarray]) -> np.ndarray:
    direction = state["block_translation"] - state["target_translation"]
    direction = direction / np.linalg.norm(direction)
    return state["block_translation"] + _REACH_DISTANCE_METRES * direction


block_tasks.register()
