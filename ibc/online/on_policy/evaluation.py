"""Episodes of the mean action, all side by side."""

from collections.abc import Callable

import numpy as np

from ibc.online.on_policy import copies as copies_lib


def evaluate(
    copies: copies_lib.Copies, act: Callable[[np.ndarray], np.ndarray], seed: int, limit: int
) -> tuple[dict[str, float], np.ndarray, list[np.ndarray]]:
    """Returns means over the first episode of each copy, what each brought, and what it saw.

    Args:
      copies: As many episodes.
      act: From observations [N, O] to actions [N, A].
      seed: Of the episodes.
      limit: Decisions after which episodes that have not ended count as they are.

    Returns:
      Means: `test_returns`, `goal_success_rate`, `episode_lengths` in decisions, and what the task
      tells at the end of an episode, by its names. Then the return of each episode [N], and what
      was observed in it, its end included, float32 [T, O].
    """
    seen = copies.begin(seed)
    count = copies.num_envs
    running, returns, lengths = np.ones(count, bool), np.zeros(count), np.zeros(count)
    reached, told, paths = np.zeros(count, bool), {}, [[row] for row in seen]
    while running.any() and lengths.max() < limit:
        step = copies.step(act(seen))
        returns += running * step.reward
        lengths += running
        ended = running & step.end
        reached |= ended & step.reached
        for name, values in step.told.items():
            kept = told.setdefault(name, np.zeros(count))
            kept[ended] = values[ended]
        for row in np.flatnonzero(running):
            paths[row].append(step.next_observation[row])
        running &= ~ended
        seen = step.observation
    found = {name: float(values.mean()) for name, values in told.items()}
    found |= {
        "test_returns": float(returns.mean()),
        "goal_success_rate": float(reached.mean()),
        "episode_lengths": float(lengths.mean()),
    }
    return found, returns, [np.stack(path) for path in paths]
