"""How long a policy takes to act."""

import time
from typing import NamedTuple

import numpy as np

from ibc.runtime import policy as policy_lib

_WARM_UP = 10


class Latency(NamedTuple):
    """Milliseconds per call."""

    first: float
    """The first one, which gets everything ready."""
    median: float
    """Half of the later ones take no longer."""
    p95: float
    """95 % of the later ones take no longer."""
    planning: float | None = None
    """Median of the calls that plan a chunk; None where every call plans."""


def measure(policy: policy_lib.Policy, batch_size: int = 1, num_actions: int = 200) -> Latency:
    """Times a policy on observations of zeros; no policy takes another path for other numbers.

    Args:
      policy: The policy, which begins new episodes.
      batch_size: Observations per call.
      num_actions: Calls that are timed, after the first one and a few to warm up.
    """
    observation = {
        key: np.zeros((batch_size, *field.shape), field.dtype)
        for key, field in policy.description.observation.items()
    }
    policy.reset(batch_size)
    times = []
    for _ in range(1 + _WARM_UP + num_actions):
        start = time.perf_counter()
        policy(observation[""] if policy.description.is_array else observation)
        times.append(1e3 * (time.perf_counter() - start))
    later = times[1 + _WARM_UP :]
    chunks = policy.description.chunks
    steps = chunks.action_steps if chunks else 1
    # Plans are made at an episode's first call and after each `steps` more.
    plans = [times[call] for call in range(1 + _WARM_UP, len(times)) if call % steps == 0]
    planning = float(np.median(plans)) if steps > 1 and plans else None
    return Latency(times[0], float(np.median(later)), float(np.percentile(later, 95)), planning)
