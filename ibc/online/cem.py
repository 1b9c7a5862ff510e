"""The cross-entropy method: plans that improve by those of them that were best.

Rubinstein (1999); as a planner for NEAR's maze in Diwan et al., arXiv 2501.14856, whose published
form is `published_plan`.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import gin
import numpy as np

from ibc.utils import parameters

Returns = Callable[[np.ndarray], np.ndarray]
"""From plans, actions [N, H, A], to what each of them brings [N]."""
_SMALLEST_STD = 0.05


@gin.configurable("cem", module="on_policy")
@dataclasses.dataclass(frozen=True)
class CemOptions:
    """How plans are searched for."""

    horizon: int = 8
    """H, decisions of a plan."""
    num_sims: int = 160
    """N, plans that are tried in an iteration."""
    elite_percentage: float = 0.1
    """Share of them that the next iteration's are drawn around."""
    iterations: int = 3
    """How often plans are drawn, the first time around the last decision's."""
    std: float = 1.0
    """Standard deviation of the first iteration's actions."""
    action_repeat: int = 1
    """Steps for which an action is held."""

    def __post_init__(self):
        """Checks the numbers."""
        names = ("horizon", "num_sims", "iterations", "action_repeat")
        parameters.check_whole("cem", **{name: getattr(self, name) for name in names})
        parameters.check_positive("cem", std=self.std)
        if not (0 < self.elite_percentage < 1 and self.elites >= 2):
            raise ValueError(
                f"cem.elite_percentage is {self.elite_percentage!r}, which makes {self.elites} of "
                f"{self.num_sims} plans elites: give a share that makes at least 2, and below 1."
            )

    @property
    def elites(self) -> int:
        """Number of the best plans."""
        return int(self.elite_percentage * self.num_sims)


class Plan(NamedTuple):
    """What plans are drawn from in the end, and what is done."""

    mean: np.ndarray
    """float64 [H, A]."""
    std: np.ndarray
    """float64 [H, A]."""
    action: np.ndarray
    """float64 [A]."""


def plan(
    returns: Returns, mean: np.ndarray, options: CemOptions, draw: np.random.Generator
) -> Plan:
    """Returns a plan of actions within ±1, and its first one.

    In each iteration N plans are drawn, clipped and tried, the present mean among them; their best
    make the next mean and standard deviation.

    Args:
      returns: What plans bring.
      mean: Around which the first ones are drawn [H, A]; see `following`.
      options: See there.
      draw: What noise comes from.
    """
    std = np.full_like(mean, options.std, dtype=float)
    for _ in range(options.iterations):
        noise = draw.normal(size=(options.num_sims, *mean.shape))
        noise[0] = 0
        plans = np.clip(mean + std * noise, -1, 1)
        best = np.argsort(-returns(plans), kind="stable")[: options.elites]
        mean, std = plans[best].mean(0), plans[best].std(0, ddof=1)
        std = np.maximum(std, _SMALLEST_STD)
    return Plan(mean, std, mean[0])


def following(mean: np.ndarray) -> np.ndarray:
    """Returns the plan [H, A] for the next decision: what is left, and its last action again."""
    return np.concatenate([mean[1:], mean[-1:]])


def published_plan(
    returns: Returns,
    noise: Sequence[np.ndarray],
    last_noise: np.ndarray,
    elite_percentage: float = 0.1,
) -> Plan:
    """Returns what the published planner makes of its noise, with its defects.

    Plans are drawn from N(0, I) and never refined; what is tried is not what becomes an elite, as
    the axes of plans and decisions change places by a change of shape; an elite too many is taken;
    actions are not clipped here.

    Args:
      returns: What plans bring.
      noise: Batches of plans [N, H, A].
      last_noise: By which the action differs from the mean, in standard deviations [A].
      elite_percentage: Share of elites in each batch.
    """
    elites = []
    for plans in noise:
        count, horizon, size = plans.shape
        tried = plans.reshape(horizon, count, size).transpose(1, 0, 2)
        found = returns(tried)
        elites.append(plans[found >= np.sort(found)[::-1][int(elite_percentage * count)]])
    best = np.concatenate(elites)
    mean, std = best.mean(0), best.std(0, ddof=1)
    return Plan(mean, std, mean[0] + std[0] * last_noise)
