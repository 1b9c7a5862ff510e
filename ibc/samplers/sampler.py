"""What a sampler is, and samplers made of others: side by side, and one after the other."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import tensorflow as tf

from ibc.samplers import action_space
from ibc.utils import keys
from ibc.utils.parallel import blocks

ScoreFn = Callable[[tf.Tensor], tf.Tensor]
"""Maps normalized actions [B, N, A] to scores [B, N], higher is better, each from its own one."""


class Samples(NamedTuple):
    """Actions that a sampler has found."""

    actions: tf.Tensor
    """Normalized, float32 [B, N, A]."""
    logits: tf.Tensor | None = None
    """float32 [B, N], of the sampler's distribution over them; None if it has not scored them."""
    chain: Any = None
    """What happened on the way, if the sampler records it: `langevin.ChainData`, for example."""
    chosen: tf.Tensor | None = None
    """int32 [B], the sample of each row to act by, whoever asks; None leaves the choice to the
    policy, which draws by the logits or takes the most probable one."""


class Sampler(Protocol):
    """Moves actions to where scores are high.

    It knows neither networks nor agents, and may split its key as it likes. A sampler made of
    others leaves the first of its keys to whoever has drawn `starts` and gives them the next ones.
    """

    def __call__(
        self, score_fn: ScoreFn, starts: tf.Tensor, space: action_space.ActionSpace, key: keys.Key
    ) -> Samples:
        """Returns as many samples as `starts`, float32 [B, N, A], has."""


def check(parameter: str, found: object) -> None:
    """Raises ValueError unless a parameter has a sampler, or None."""
    if found is not None and (isinstance(found, type) or not callable(found)):
        raise ValueError(
            f"{parameter} must be a sampler, such as @iterative_dfo() with its brackets, got "
            f"{found!r}."
        )


@dataclasses.dataclass(frozen=True)
class Mixture:
    """Has each sampler improve a share of the starts; the rest stay as they are, in front."""

    parts: tuple[tuple[Sampler, float], ...]
    """Samplers with their fractions of N, rounded; fractions are at most 1 together."""

    def __call__(
        self, score_fn: ScoreFn, starts: tf.Tensor, space: action_space.ActionSpace, key: keys.Key
    ) -> Samples:
        """See `Sampler`; the chain is that of the last sampler that has one."""
        sizes = self.sizes(starts.shape[1])
        untouched, *shares = tf.split(starts, sizes, axis=1)
        _, *own_keys = key.split(1 + len(shares))
        improved, chain = [untouched], None
        for (sampler, _), share, own_key in zip(self.parts, shares, own_keys, strict=True):
            if share.shape[1]:
                samples = sampler(score_fn, share, space, own_key)
                share, chain = samples.actions, chain if samples.chain is None else samples.chain
            improved.append(share)
        return Samples(tf.concat(improved, axis=1), chain=chain)

    def sizes(self, count: int) -> list[int]:
        """Returns how many of `count` samples stay as they are, and how many each part takes."""
        taken, left = [], count
        for _, fraction in self.parts:
            taken.append(min(round(fraction * count), left))
            left -= taken[-1]
        return [left, *taken]


@dataclasses.dataclass(frozen=True)
class InTurn:
    """Has samplers improve all samples, one after the other."""

    stages: tuple[Sampler | None, ...]
    """None leaves a stage out: the others draw what they would draw with it."""

    def __call__(
        self, score_fn: ScoreFn, starts: tf.Tensor, space: action_space.ActionSpace, key: keys.Key
    ) -> Samples:
        """See `Sampler`."""
        _, *own_keys = key.split(1 + len(self.stages))
        samples = Samples(starts)
        for stage, own_key in zip(self.stages, own_keys, strict=True):
            if stage is not None:
                samples = stage(score_fn, samples.actions, space, own_key)
        return samples


@dataclasses.dataclass(frozen=True)
class InBlocks:
    """Has a sampler that does not differentiate scores compute them on all cores.

    Samples are scored in blocks, as many side by side as there are lanes.
    """

    sampler: Sampler
    """Whose scores they are."""

    def __call__(
        self, score_fn: ScoreFn, starts: tf.Tensor, space: action_space.ActionSpace, key: keys.Key
    ) -> Samples:
        """See `Sampler`."""
        return self.sampler(lambda actions: blocks.scored(score_fn, actions), starts, space, key)
