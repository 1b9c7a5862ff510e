"""What the episodes of record files amount to: lengths, returns, and whether they were rewarded."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from tf_agents.trajectories import time_step as ts

from ibc.data.records import shard_reader

# A driver's last frame joins an episode to the next one: its last reward is in the one before.
_LAST_FRAMES = 2


@dataclasses.dataclass(frozen=True)
class Summary:
    """Figures of episodes, arrays [num_episodes]."""

    lengths: np.ndarray
    """Frames of each episode."""
    returns: np.ndarray
    """Sum of each episode's rewards, float64."""
    any_positive: np.ndarray
    """Whether any reward of the episode is positive."""
    last_positive: np.ndarray
    """Whether a reward in the last two frames is positive."""

    def lines(self) -> list[str]:
        """Returns lines that tell the figures; none if there is no episode."""
        if not len(self.lengths):
            return []
        low, high, mean = (f"{f(self.returns):.6g}" for f in (np.min, np.max, np.mean))
        return [
            f"frames per episode: {self.lengths.min()} to {self.lengths.max()}",
            f"return (sum of rewards): {low} to {high}, average {mean}",
            f"episodes with a positive reward: {_share(self.any_positive)}",
            f"episodes with a positive reward in their last two frames: "
            f"{_share(self.last_positive)}",
        ]


def summarize(shard: shard_reader.Shard) -> Summary:
    """Returns the figures of a record file's episodes."""
    starts = np.flatnonzero(shard.frames.step_type == ts.StepType.FIRST)
    ends = np.append(starts[1:], len(shard))[: len(starts)]
    rewards = np.float64(shard.frames.reward)
    episodes = [rewards[start:end] for start, end in zip(starts, ends, strict=True)]
    return Summary(
        lengths=ends - starts,
        returns=np.array([episode.sum() for episode in episodes]),
        any_positive=np.array([(episode > 0).any() for episode in episodes], bool),
        last_positive=np.array([(episode[-_LAST_FRAMES:] > 0).any() for episode in episodes], bool),
    )


def join(summaries: Sequence[Summary]) -> Summary:
    """Returns the figures of all episodes together."""
    names = [field.name for field in dataclasses.fields(Summary)]
    return Summary(*(np.concatenate([getattr(s, name) for s in summaries]) for name in names))


def _share(flags: np.ndarray) -> str:
    return f"{flags.sum()} of {len(flags)} ({100 * flags.mean():.3g} %)"
