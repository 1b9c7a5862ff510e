"""What is in recordings of other formats: episodes, arrays and their statistics."""

import collections
import os
from collections.abc import Iterator, Sequence

import numpy as np
from tf_agents.trajectories import trajectory

from ibc.data import episodes
from ibc.data.formats import convert, record_files, robomimic
from ibc.data.inspection import state_steps, statistics
from ibc.data.records import specs

_LISTED_TASKS = 10


def is_other_format(pattern: str) -> bool:
    """Whether a name means recorded episodes of another format than record files.

    Raises:
      ValueError, ImportError: It would, but is damaged, or a package is missing.
    """
    path = os.path.expanduser(pattern)
    others = [kind for kind in convert.known_formats() if kind is not record_files.RecordFiles]
    return any(kind.recognizes(path) for kind in others)


def describe(
    path: str, neighbours: state_steps.StateSteps, picture: str | None = None
) -> Iterator[str]:
    """Yields lines about recorded episodes, all of which are read, one after another.

    Args:
      path: What `is_other_format`.
      neighbours: Takes all frames, and is told of, too.
      picture: None; pictures are drawn of record files only.

    Raises:
      ValueError: Something is missing or damaged, a value is not finite, or a picture is wanted.
    """
    if picture is not None:
        raise ValueError(f"--picture={picture} is of record files: convert {path} first.")
    source = convert.open_source(path)
    yield f"{source.path}: {source.description.partition(' (')[0]}, {len(source.lengths)} episodes"
    lines = _attributes(source) if isinstance(source, robomimic.RobomimicFile) else _about(source)
    yield from (f"  {line}" for line in lines)
    spec, steps, found = source.spec(), [], statistics.Statistics()
    for number in range(len(source.lengths)):
        frames = source.frames(number)
        convert.check_finite(source, number, frames)
        steps.append(found.add_steps(spec, frames))
        neighbours.add(spec, frames)
    yield f"  steps: {sum(steps)}, per episode {min(steps)} to {max(steps)}"
    low, high, mean = (f"{f(source.returns):.6g}" for f in (np.min, np.max, np.mean))
    yield f"  return (sum of rewards): {low} to {high}, average {mean}"
    yield from (f"  {line}" for line in found.lines(_types(source, spec)))
    yield from (f"  {line}" for line in neighbours.lines())


def what_would_be_made(
    source: convert.EpisodeSource, path: str, numbers: Sequence[int]
) -> Iterator[str]:
    """Yields lines about what a conversion makes of some episodes, of which none is read."""
    lengths = source.lengths[numbers]
    yield f"From {source.path}, {source.description.partition(' (')[0]},"
    yield (
        f"{path} would be made of {len(numbers)} of {len(source.lengths)} episodes, "
        f"{lengths.sum()} frames ({lengths.min()} to {lengths.max()} each):"
    )
    yield from (f"  {line}" for line in _about(source))
    for part in ("observation", "action"):
        for name, leaf in specs.leaves(getattr(source.spec(), part), part).items():
            yield f"  {name}: {specs.describe(leaf)}"
    yield "Nothing was written: leave --dry_run out."


def _about(source: convert.EpisodeSource) -> Iterator[str]:
    """Yields lines about what a recording says besides its frames."""
    about = convert.about_source(source, range(len(source.lengths)))
    if "fps" in about:
        yield f"steps per second: {about['fps']:g}"
    for task, count in collections.Counter(about.get("tasks", ())).most_common(_LISTED_TASKS):
        yield f"task: {task!r}, {count} episodes"
    if parts := about.get(episodes.ACTION_PARTS):
        named = [f"{key} [{start}:{stop}]" for key, (start, stop) in parts.items()]
        yield f"parts of actions: {', '.join(named)}"
    yield from getattr(source, "notes", ())


def _attributes(source: robomimic.RobomimicFile) -> Iterator[str]:
    """Yields lines about what a robomimic file says of itself."""
    yield f"environment: {source.env_args.get('env_name', 'not named')}"
    if source.absolute_actions:
        yield "actions are poses; their rotations are read as 6 numbers"
    masks = [f"{name} {len(names)}" for name, names in source.masks.items()]
    yield f"masks: {', '.join(masks) or 'none'}"
    yield from source.notes


def _types(source: convert.EpisodeSource, spec: trajectory.Trajectory) -> dict[str, str]:
    """Returns type and shape of each array by name, as they are stored where that is known."""
    if hasattr(source, "stored"):
        return source.stored()
    return {
        name: specs.describe(leaf)
        for part in ("observation", "action")
        for name, leaf in specs.leaves(getattr(spec, part), part).items()
    }
