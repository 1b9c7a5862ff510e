"""What plans bring, tried on copies of an environment."""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np

from ibc.environments import vector_rows

PairReward = Callable[[np.ndarray], np.ndarray]
"""From raw pairs [s, s'], float32 [N, 2·O], to what they are worth [N]: an energy, for example."""


class PlanReturns:
    """Rewards summed along plans, from the present state of an environment on.

    A copy whose episode has ended by itself goes on earning what its last decision earned, so that
    to finish is not to lose what is to come.
    """

    def __init__(
        self,
        real: gymnasium.vector.VectorEnv,
        copies: gymnasium.vector.VectorEnv,
        pair_reward: PairReward | None,
        task_weight: float = 0.0,
        action_repeat: int = 1,
    ):
        """Takes an environment and copies to plan in.

        Args:
          real: One environment, as rows; planning leaves it as it is.
          copies: N more of the same kind.
          pair_reward: What pairs, `action_repeat` steps apart, are worth; None for nothing.
          task_weight: Factor of the task's rewards.
          action_repeat: Steps for which an action is held.

        Raises:
          ValueError: They are of a kind that cannot be copied.
        """
        self._real, self._copies = _copyable(real), _copyable(copies)
        self._pair_reward, self._task_weight = pair_reward, task_weight
        self._repeat = action_repeat

    def __call__(self, plans: np.ndarray) -> np.ndarray:
        """Returns what plans bring, float64 [N], of actions [N, H, A] within ±1.

        Raises:
          ValueError: There are not as many plans as copies.
        """
        count = self._copies.num_envs
        if len(plans) != count:
            raise ValueError(f"there are {len(plans)} plans, but {count} copies to try them in.")
        own = self._copies.get_state()
        rows = _spread(self._real.get_state()["rows"], count)
        seen = self._copies.set_state(own | {"rows": rows})
        total, last, over = (np.zeros([count], kind) for kind in (float, float, bool))
        for time in range(plans.shape[1]):
            was_over = over
            following, task, over = self._hold(plans[:, time], seen, over)
            worth = self._task_weight * task
            if self._pair_reward is not None:
                worth = worth + self._pair_reward(np.concatenate([seen, following], 1))
            last = np.where(was_over, last, worth)
            total += last
            seen = following
        return total

    def _hold(
        self, actions: np.ndarray, seen: np.ndarray, over: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns what is seen after an action was held, the task's rewards, and who is done."""
        rewards = np.zeros(len(seen))
        for _ in range(self._repeat):
            _, gained, terminated, truncated, infos = self._copies.step(actions)
            seen = np.where(over[:, np.newaxis], seen, infos["final_obs"])
            rewards += np.where(over, 0, gained)
            over = over | terminated | truncated
        return seen, rewards, over


def _copyable(env: gymnasium.vector.VectorEnv) -> vector_rows.VectorRows:
    """Returns what is inside an environment, if its state can be read and set."""
    inside = env.unwrapped
    if not isinstance(inside, vector_rows.VectorRows):
        raise ValueError(
            f"CEM plans in copies, but {type(inside).__name__} cannot be copied: use a task such "
            "as MAZE or PARTICLE_GOAL."
        )
    return inside


def _spread(rows: Any, count: int) -> Any:
    """Returns the state of `count` rows that are all as the first one."""
    if isinstance(rows, tuple):
        return tuple(np.repeat(each[:1], count, axis=0) for each in rows)
    return rows.take([0] * count)
