"""What a replica of an evaluation has found, and how it is shown."""

import dataclasses
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class Result:
    """What a replica did."""

    metrics: dict[str, float]
    """Averages over its episodes, by metric name."""
    num_episodes: int
    """Number of episodes."""
    num_frames: int
    """Number of frames, those between episodes included."""
    written: tuple[str, ...]
    """Files that were written."""


def report(results: Sequence[Result], seconds: float) -> str:
    """Returns the figures of each replica, of all together, and what was written where.

    Args:
      results: One or more; of the same number of episodes each.
      seconds: Time it all took.
    """
    lines = []
    if len(results) > 1:
        for replica, result in enumerate(results):
            lines.append(f"Replica {replica}, {result.num_episodes} episodes:")
            lines.extend(f"  {line}" for line in _metric_lines([result]))
        lines.append("All replicas:")
    lines.extend(_metric_lines(results))
    episodes = sum(result.num_episodes for result in results)
    frames = sum(result.num_frames for result in results)
    lines.extend(f"Wrote {name}" for result in results for name in result.written)
    rate = f"{seconds:.1f} s, {episodes / seconds:.1f} episodes/s"
    lines.append(f"Ran {episodes} episodes ({frames} frames) in {rate}.")
    return "\n".join(lines)


def _metric_lines(results: Sequence[Result]) -> list[str]:
    means = {
        name: sum(result.metrics[name] for result in results) / len(results)
        for name in results[0].metrics
    }
    return [f"{name} = {round(mean, 6)}" for name, mean in means.items()]
