"""Steps of an episode as transitions, with an absorbing state after its end where there is one."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ibc.utils import transitions


class Steps(NamedTuple):
    """T steps of one episode in turn, as the environment showed them."""

    observation: np.ndarray
    """float32 [T, O], without an absorbing bit."""
    action: np.ndarray
    """float32 [T, A], within ±1."""
    reward: np.ndarray
    """float32 [T]."""
    next_observation: np.ndarray
    """float32 [T, O]."""


def absorbing_state(observation_size: int) -> np.ndarray:
    """Returns zeros with a last component 1, float32 [observation_size], the bit included."""
    return np.eye(1, observation_size, observation_size - 1, dtype=np.float32)[0]


def with_bit(observation: np.ndarray) -> np.ndarray:
    """Returns observations [..., O + 1] of an environment's [..., O]: the last component is 0."""
    zero = np.zeros([*observation.shape[:-1], 1], np.float32)
    return np.concatenate([observation, zero], axis=-1, dtype=np.float32)


def rows_of(
    steps: Steps,
    terminated: bool,
    timeout: bool,
    step: int = 1,
    time: int = 0,
    absorbing: bool = True,
) -> transitions.Transitions:
    """Returns steps as transitions of NumPy arrays, of weight 1.

    With `absorbing`, observations have one more component, the absorbing bit. An end by
    termination then leads to the absorbing state, and a row follows that stays there. As nothing
    ends any more, all discounts are 1 (Kostrikov et al., arXiv 1809.02925).

    Args:
      steps: T steps, up to the end of the episode or to any other.
      terminated: Whether the episode terminated with the last of them.
      timeout: Whether its time was up then; it is then taken as not terminated.
      step: The step of interaction of the first of them, from 1.
      time: Its step within the episode, from 0.
      absorbing: Whether there is an absorbing state.

    Returns:
      [T, ...], or [T + 1, ...] with a row in the absorbing state, which has the last row's step.
    """
    count, size = steps.observation.shape
    terminated = terminated and not timeout
    fields = {name: np.zeros(count, np.float32) for name in transitions.Transitions._fields}
    fields |= {name: np.asarray(values, np.float32) for name, values in steps._asdict().items()}
    fields["discount"] = np.ones(count, np.float32)
    fields["weight"] = np.ones(count, np.float32)
    fields["timeout"][-1] = timeout
    fields["step"] = np.arange(step, step + count, dtype=np.float32)
    fields["time"] = np.arange(time, time + count, dtype=np.float32)
    if not absorbing:
        fields["discount"][-1] = not terminated
        return transitions.Transitions(**fields)
    for name in ("observation", "next_observation"):
        fields[name] = with_bit(fields[name])
    rows = transitions.Transitions(**fields)
    if not terminated:
        return rows
    end = absorbing_state(size + 1)
    rows.next_observation[-1] = end
    rows.next_absorbing[-1] = 1
    stays = transitions.Transitions(
        observation=end[np.newaxis],
        action=np.zeros_like(rows.action[-1:]),
        reward=np.zeros(1, np.float32),
        next_observation=end[np.newaxis],
        discount=np.ones(1, np.float32),
        timeout=np.zeros(1, np.float32),
        weight=np.ones(1, np.float32),
        absorbing=np.ones(1, np.float32),
        next_absorbing=np.ones(1, np.float32),
        step=rows.step[-1:],
        time=rows.time[-1:] + 1,
    )
    return joined([rows, stays])


def joined(parts: Sequence[transitions.Transitions]) -> transitions.Transitions:
    """Returns the rows of several transitions of NumPy arrays, one after another."""
    return transitions.Transitions(*map(np.concatenate, zip(*parts, strict=True)))


def taken(rows: transitions.Transitions, which: np.ndarray | slice) -> transitions.Transitions:
    """Returns some rows of transitions of NumPy arrays."""
    return transitions.Transitions(*(field[which] for field in rows))
