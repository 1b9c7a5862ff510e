"""How far states are from one frame to the next, and how many frames show nothing new.

Whoever learns from pairs of neighbouring states has to know both: pairs at rest teach resting, and
an agent's pairs are like the demonstrations' only if it gets as far in a step.
"""

import operator
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
from tf_agents.trajectories import trajectory

from ibc.data.formats import convert
from ibc.data.records import shard_reader, shards, specs

_MOST_RATIO = 2.0


class StateSteps:
    """Distances of neighbouring frames inside episodes, of which parts come one after another."""

    def __init__(self):
        """Begins without frames."""
        self._steps: dict[str, list[np.ndarray]] = {}
        self._sizes: dict[str, int] = {}
        self._equal, self._pairs = 0, 0

    def add_shard(self, shard: shard_reader.Shard) -> None:
        """Takes the frames of all episodes of a record file, without images."""
        for frames in shard.episodes():
            self.add(shard.spec, tf.nest.map_structure(operator.itemgetter(frames), shard.frames))

    def add(self, spec: trajectory.Trajectory, frames: trajectory.Trajectory) -> None:
        """Takes the observations of an episode's frames, arrays [n, ...], without images."""
        leaves = specs.leaves(spec.observation, "observation")
        arrays = tf.nest.flatten(frames.observation)
        rests = np.ones(max(0, len(frames.step_type) - 1), bool)
        found = False
        for (name, leaf), values in zip(leaves.items(), arrays, strict=True):
            if specs.is_image(leaf) or values.dtype == object:
                continue
            rows = np.asarray(values, np.float64).reshape(len(values), -1)
            lengths = np.linalg.norm(np.diff(rows, axis=0), axis=1)
            self._steps.setdefault(name, []).append(lengths[lengths > 0])
            self._sizes[name] = rows.shape[1]
            rests &= lengths == 0
            found = True
        if found:
            self._equal += int(rests.sum())
            self._pairs += len(rests)

    def lines(self) -> Iterator[str]:
        """Yields lines that tell the share of equal neighbours, and the steps of the others."""
        if not self._pairs:
            return
        share = 100 * self._equal / self._pairs
        yield f"neighbouring frames that are equal: {self._equal} of {self._pairs} ({share:.3g} %)"
        for name, parts in self._steps.items():
            steps = np.concatenate(parts)
            if steps.size:
                median, most = np.median(steps), steps.max()
                yield f"steps of {name} where it moves: {median:.4g} (median), at most {most:.4g}"

    def medians(self) -> dict[str, tuple[int, float]]:
        """Returns name → size and median step of the observations that move."""
        joined = {name: np.concatenate(parts) for name, parts in self._steps.items()}
        return {
            name: (self._sizes[name], float(np.median(steps)))
            for name, steps in joined.items()
            if steps.size
        }


def of(pattern: str, is_other_format: bool) -> StateSteps:
    """Reads recordings; see `info.describe`.

    Args:
      pattern: Record files, or one recording of another format.
      is_other_format: Which of them it is.

    Raises:
      FileNotFoundError, ValueError: Something is missing or damaged.
    """
    steps = StateSteps()
    if is_other_format:
        source = convert.open_source(pattern)
        for number in range(len(source.lengths)):
            steps.add(source.spec(), source.frames(number))
        return steps
    for path in shards.find_shards(pattern):
        steps.add_shard(shard_reader.read_shard(path))
    return steps


def compare(demonstrations: StateSteps, agent: StateSteps) -> Iterator[str]:
    """Yields lines about an agent's steps beside those of demonstrations.

    A step that is more than twice as long as the other is warned of, with the remedy.

    Raises:
      ValueError: They have no observation in common that moves.
    """
    theirs, ours = demonstrations.medians(), agent.medians()
    pairs = [(name, name) for name in theirs if name in ours]
    if not pairs and len(theirs) == len(ours) == 1:
        pairs = [(*theirs, *ours)]
    pairs = [(one, other) for one, other in pairs if theirs[one][0] == ours[other][0]]
    if not pairs:
        raise ValueError(
            "agent and demonstrations have no observation of one name and size that moves: the "
            f"agent has {', '.join(ours) or 'none'}, the demonstrations "
            f"{', '.join(theirs) or 'none'}."
        )
    for name, other in pairs:
        (_, wanted), (_, made) = theirs[name], ours[other]
        yield f"{other}: the agent's steps are of {made:.4g}, the demonstrations' of {wanted:.4g}"
        ratio = max(wanted, made) / min(wanted, made)
        if ratio > _MOST_RATIO:
            remedy = "repeat each action" if wanted > made else "pair demonstrations"
            option = "action_repeat" if wanted > made else "PairOptions.pair_stride"
            yield (
                f"warning: these differ {ratio:.3g} times, so that pairs of neighbouring states "
                f"are told apart by their length alone: {remedy} ({option} = {round(ratio)})."
            )
