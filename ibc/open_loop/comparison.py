"""A policy's actions beside recorded ones: from where they are to numbers."""

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from ibc.data.formats import convert
from ibc.deploy import load
from ibc.open_loop import choice, playing, report
from ibc.runtime import description
from ibc.utils import bars, termination

_SEED = 0


class Comparison(NamedTuple):
    """Recorded episodes that a policy was shown."""

    where: str
    """Says where the policy is."""
    num_recorded: int
    """Episodes in the recording."""
    played: list[playing.Played]
    """Those that were chosen."""
    found: dict[str, Any]
    """What JSON has: which episodes they are, and what `report.measure` returns."""


def compare(
    path: str | os.PathLike, dataset_path: str | None = None, episodes: str | None = None
) -> Comparison:
    """Plays recorded episodes through a policy and measures its errors.

    Args:
      path: folder of a run, of an exported policy, or one of ibc-export's.
      dataset_path: recordings of any format; None takes what the run was trained on.
      episodes: numbers and ranges without their end, such as '0:50,60'; None takes those that
        training held out, or all.

    Raises:
      FileNotFoundError: there is no policy, or no recording.
      ValueError: it does not tell what it was trained on, or cannot see what was recorded.
    """
    policy_folder = load.find(path)
    run = choice.read_run(policy_folder.parent.parent)
    dataset_path = dataset_path or run.dataset_path
    if dataset_path is None:
        raise ValueError(f"{path} does not tell what it was trained on: give --dataset_path.")
    source = convert.open_source(dataset_path)
    chosen = choice.choose(source, dataset_path, episodes, run)
    # Older exports draw by themselves.
    takes_seeds = (policy_folder / description.FILE).is_file()
    policy = load.load_policy(policy_folder, _SEED if takes_seeds else None)
    playing.check_fits(policy, source)
    played = _play(policy, source, chosen.numbers)
    found = {
        "policy": str(policy_folder),
        "dataset_path": dataset_path,
        "which_episodes": chosen.why,
        "held_out": chosen.held_out,
        **report.measure(played, playing.names(source)),
    }
    return Comparison(policy.where, len(source.lengths), played, found)


def _play(
    policy: Any, source: convert.EpisodeSource, numbers: Sequence[int]
) -> list[playing.Played]:
    played = []
    with bars.bar(len(numbers), "episode", "playing") as advance:
        for number in map(int, numbers):
            frames = source.frames(number)
            convert.check_finite(source, number, frames)
            played.append(playing.play(policy, frames, number, termination.check))
            advance()
    return played
