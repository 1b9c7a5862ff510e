"""What is in record files: figures of their frames and episodes, and whether they are whole."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from ibc.data import episodes
from ibc.data.inspection import source_info, state_steps, statistics
from ibc.data.records import manifest, shard_reader, shards, specs

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
    rewards = np.float64(shard.frames.reward)
    episodes = [rewards[steps] for steps in shard.episodes()]
    return Summary(
        lengths=np.array([len(episode) for episode in episodes], np.int64),
        returns=np.array([episode.sum() for episode in episodes]),
        any_positive=np.array([(episode > 0).any() for episode in episodes], bool),
        last_positive=np.array([(episode[-_LAST_FRAMES:] > 0).any() for episode in episodes], bool),
    )


def describe(pattern: str, picture: str | None = None, agent: str | None = None) -> Iterator[str]:
    """Yields lines about record files: what a frame is, how many there are, returns and ranges.

    Args:
      pattern: A file name or glob, or several separated by commas; or one recording of another
        format, see `source_info`.
      picture: Name of a PNG to draw of all files together; None for none.
      agent: As `pattern`: what an agent did, whose steps are compared with these; None for none.

    Raises:
      FileNotFoundError, ValueError: A file is missing or damaged, the picture's name is wrong,
        actions to be drawn together have different sizes, or the agent sees something else.
    """
    if picture is not None:
        # Only for pictures: matplotlib takes its time.
        from ibc.data.inspection import picture as drawing

        drawing.check_name(picture)
    steps = state_steps.StateSteps()
    if source_info.is_other_format(pattern):
        yield from source_info.describe(pattern, steps, picture)
        yield from _compared(steps, agent)
        return
    summaries, columns, image, frames = [], [], None, 0
    limits = statistics.Statistics()
    for path in shards.find_shards(pattern):
        shard = shard_reader.read_shard(path)
        summaries.append(summarize(shard))
        frames += len(shard)
        limits.add_shard(shard)
        steps.add_shard(shard)
        yield from _describe_shard(shard, summaries[-1])
        if picture is not None:
            columns.append(drawing.action_columns(shard))
            if columns[-1].keys() != columns[0].keys():
                raise ValueError(
                    f"{path} has actions of {len(columns[-1])} numbers, the files before of "
                    f"{len(columns[0])}, which --picture={picture} cannot show together: draw them "
                    "one by one."
                )
            image = image or drawing.first_image(shard)
    figures = zip(*map(dataclasses.astuple, summaries), strict=True)
    total = Summary(*map(np.concatenate, figures))
    if len(summaries) > 1:
        yield f"Total of {len(summaries)} files: {frames} frames, {len(total.lengths)} episodes"
        yield from (f"  {line}" for line in total.lines())
    yield "Values over all steps, from which normalizers take limits, means and deviations:"
    yield from (f"  {line}" for line in limits.lines({}))
    yield from steps.lines()
    yield from _compared(steps, agent)
    if picture is not None:
        histograms = {"frames per episode": total.lengths, "return of an episode": total.returns}
        for title in columns[0]:
            histograms[title] = np.concatenate([part[title] for part in columns])
        drawing.save(histograms, image, picture)
        yield f"Wrote {picture}"


def verify(pattern: str) -> Iterator[tuple[str, str | None]]:
    """Checks record files, each against its spec and manifest, and decodes all images.

    Args:
      pattern: A file name or glob, or several separated by commas.

    Yields:
      File name, and what is wrong with it; None if nothing is.

    Raises:
      FileNotFoundError: There is no such file.
    """
    for path in shards.find_shards(pattern):
        try:
            shard_reader.check_every_image(shard_reader.read_shard(path))
        except (ValueError, OSError) as error:
            yield path, str(error)
        else:
            yield path, None


def _compared(steps: state_steps.StateSteps, agent: str | None) -> Iterator[str]:
    """Yields lines about an agent's steps beside those of the demonstrations that were read."""
    if agent is not None:
        is_other = source_info.is_other_format(agent)
        yield from state_steps.compare(steps, state_steps.of(agent, is_other))


def _share(flags: np.ndarray) -> str:
    return f"{flags.sum()} of {len(flags)} ({100 * flags.mean():.3g} %)"


def _describe_shard(shard: shard_reader.Shard, summary: Summary) -> Iterator[str]:
    yield f"{shard.path}: {len(shard)} frames, {len(summary.lengths)} episodes"
    contents = manifest.load(shard.path)
    yield f"  manifest: {'matches' if contents else 'none'}"
    yield from (f"  {line}" for line in summary.lines())
    for part in ("observation", "action"):
        described = specs.leaves(getattr(shard.spec, part), part)
        values = tf.nest.flatten(getattr(shard.frames, part))
        for (title, spec), array in zip(described.items(), values, strict=True):
            extent = "" if specs.is_image(spec) else f", {array.min():.6g} to {array.max():.6g}"
            yield f"  {title}: {specs.describe(spec)}{extent}"
    about = (contents and contents.about) or {}
    for key, (start, stop) in about.get(episodes.ACTION_PARTS, {}).items():
        yield f"    [{start}:{stop}] {key}"
