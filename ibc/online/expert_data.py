"""The expert's transitions: some of its trajectories, thinned out, with absorbing states."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf
from tf_agents.trajectories import trajectory

from ibc.data import episodes
from ibc.data.records import shard_reader, shards, specs
from ibc.online import episode_rows
from ibc.utils import transitions


@dataclasses.dataclass(frozen=True)
class Demonstration:
    """An episode of the expert."""

    steps: episode_rows.Steps
    """Its steps. Their rewards are not looked at."""
    terminated: bool
    """Whether it ended by itself. Else its time was up, or its end is not known."""


@dataclasses.dataclass(frozen=True)
class ExpertData:
    """Transitions of several trajectories, one after another."""

    rows: transitions.Transitions
    """NumPy arrays [N, ...]; rewards are 0, `step` is 1 … N."""
    lengths: np.ndarray
    """Number of rows of each trajectory."""

    @property
    def num_trajectories(self) -> int:
        """How many trajectories there are."""
        return len(self.lengths)

    def trajectories(self) -> list[slice]:
        """Returns where the rows of each are."""
        ends = np.cumsum(self.lengths).tolist()
        return list(map(slice, [0, *ends[:-1]], ends))


def make(
    demonstrations: Sequence[Demonstration],
    absorbing: bool = True,
    subsample: int = 1,
    trajectories: int = 0,
    seed: int = 0,
    starts: Sequence[int] | None = None,
) -> ExpertData:
    """Makes transitions of demonstrations.

    Of each trajectory every `subsample`-th row is kept, from a random one of the first on. With an
    absorbing state its last two rows are kept too, as the end would else hardly ever be seen. Of
    an absorbing end both weigh 1 / subsample, so that it counts as often as in all rows.

    Args:
      demonstrations: Episodes, at least one.
      absorbing: Whether there is an absorbing state, see `episode_rows.rows_of`.
      subsample: Every how manieth row is kept.
      trajectories: How many episodes are used, the first ones; 0 for all.
      seed: Of the first row of each.
      starts: The first row of each, instead of random ones.

    Raises:
      ValueError: There are fewer episodes than asked for, or nothing is left of them.
    """
    wanted = trajectories or max(1, len(demonstrations))
    if wanted > len(demonstrations):
        raise ValueError(
            f"imitation.trajectories = {wanted}, but the expert data has {len(demonstrations)}: "
            "give fewer, or record more episodes."
        )
    used = demonstrations[:wanted]
    if starts is None:
        starts = np.random.default_rng(seed).integers(subsample, size=wanted).tolist()
    parts = [
        _thinned(demonstration, absorbing, subsample, start)
        for demonstration, start in zip(used, starts, strict=True)
    ]
    lengths = np.array([len(part.step) for part in parts])
    rows = episode_rows.joined(parts)
    count = len(rows.step)
    if not count:
        raise ValueError(
            f"imitation.subsample = {subsample} leaves nothing of {wanted} trajectories: give a "
            "smaller one."
        )
    steps = np.arange(1, count + 1, dtype=np.float32)
    return ExpertData(rows._replace(reward=np.zeros(count, np.float32), step=steps), lengths)


def from_arrays(
    observations: np.ndarray,
    actions: np.ndarray,
    next_observations: np.ndarray,
    terminals: np.ndarray,
    timeouts: np.ndarray,
) -> list[Demonstration]:
    """Cuts steps of several episodes one after another where one terminates or runs out of time.

    Args:
      observations: float32 [N, O].
      actions: float32 [N, A], within ±1.
      next_observations: float32 [N, O].
      terminals: [N], 1 where an episode terminates.
      timeouts: [N], 1 where its time is up; it is then not taken as terminated.

    Returns:
      The episodes; one without an end at the end of the data is left out.
    """
    found, start = [], 0
    for end in (np.flatnonzero((terminals != 0) | (timeouts != 0)) + 1).tolist():
        part = slice(start, end)
        rewards = np.zeros(end - start, np.float32)
        steps = episode_rows.Steps(
            observations[part], actions[part], rewards, next_observations[part]
        )
        found.append(Demonstration(steps, bool(terminals[end - 1] and not timeouts[end - 1])))
        start = end
    return found


def read(
    paths: Sequence[str],
    action_low: np.ndarray,
    action_high: np.ndarray,
    step_limit: int | None = None,
    absorbing: bool = True,
) -> list[Demonstration]:
    """Reads demonstrations from record files.

    A step is a pair of adjacent frames of an episode, which terminates where the discount is 0.
    Some recordings have no frame after the last step, as D4RL's: that step is left out, unless it
    leads to the absorbing state, of which nothing need be seen. Observations that are dicts become
    vectors, their keys sorted. Actions are scaled to ±1, and clipped.

    Args:
      paths: Record files.
      action_low: [A], the task's lowest actions.
      action_high: [A], the highest.
      step_limit: The task's limit: an episode of this length has run out of time, even if its
        recording says that it terminated.
      absorbing: Whether there is an absorbing state.

    Raises:
      FileNotFoundError, ValueError: A file is missing, damaged or unlike the first, has images, or
        actions of another size.
    """
    found = []
    for shard in shards.read_shards(paths):
        _check(shard, len(action_low))
        for part in shard.episodes():
            frames = tf.nest.map_structure(lambda values, part=part: values[part], shard.frames)
            found.extend(_read_episode(frames, action_low, action_high, step_limit, absorbing))
    return found


def _thinned(
    demonstration: Demonstration, absorbing: bool, subsample: int, start: int
) -> transitions.Transitions:
    terminated = demonstration.terminated
    rows = episode_rows.rows_of(demonstration.steps, terminated, not terminated, 1, 0, absorbing)
    count = len(rows.step)
    if absorbing and terminated:
        rows.weight[-2:] = 1 / subsample
    kept = np.arange(start, count, subsample)
    if absorbing:
        kept = np.union1d(kept, np.arange(max(0, count - 2), count))
    return episode_rows.taken(rows, kept)


def _read_episode(
    frames: trajectory.Trajectory,
    low: np.ndarray,
    high: np.ndarray,
    limit: int | None,
    absorbing: bool,
) -> Iterator[Demonstration]:
    """Yields the demonstration of an episode's frames, or nothing if it has no whole step."""
    observation = np.concatenate(
        [np.reshape(part, [len(part), -1]) for part in tf.nest.flatten(frames.observation)],
        axis=-1,
        dtype=np.float32,
    )
    length = episodes.num_steps(frames)
    pairs = len(observation) - 1
    in_time = limit is None or length < limit
    terminated = in_time and bool(frames.discount[length - 1] == 0)
    next_observation = observation[1:]
    if length > pairs and terminated and absorbing:
        next_observation = np.append(next_observation, observation[-1:], axis=0)
        pairs = length
    if not pairs:
        return
    # Where the step that terminates is lost, the end is not known.
    steps = episode_rows.Steps(
        observation[:pairs],
        unit_actions(frames.action[:pairs], low, high),
        np.asarray(frames.reward[:pairs], np.float32),
        next_observation,
    )
    yield Demonstration(steps, terminated and pairs == length)


def unit_actions(actions: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Returns actions [..., A] of a box as ones within ±1, float32, those outside clipped."""
    scaled = 2 * (np.asarray(actions, np.float64) - low) / (np.asarray(high, np.float64) - low) - 1
    return np.clip(scaled, -1, 1).astype(np.float32)


def _check(shard: shard_reader.Shard, action_size: int) -> None:
    """Raises ValueError unless there are only vectors, and actions of the task's size."""
    images = [
        name
        for name, leaf in specs.leaves(shard.spec.observation, "observation").items()
        if specs.is_image(leaf)
    ]
    if images:
        raise ValueError(
            f"{shard.path} has images ({', '.join(images)}), but learning by interaction takes "
            "vectors: record the task without images."
        )
    shape = list(shard.spec.action.shape)
    if shape != [action_size]:
        raise ValueError(
            f"{shard.path} has actions of shape {shape}, but the task's are [{action_size}]: give "
            "record files of this task."
        )
