"""Writes episodes of arrays, such as a robot's logs, as record files for training."""

import dataclasses
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tf_agents.specs import array_spec
from tf_agents.trajectories import policy_step, trajectory
from tf_agents.trajectories import time_step as ts

from ibc.data import logged
from ibc.data.records import shard_writer, specs

ACTION_PARTS = "action_parts"
"""Where a manifest says which numbers of an action are what, see `manifest.Manifest.about`."""


@dataclasses.dataclass(frozen=True)
class Episode:
    """What was seen and done in one episode of n steps; anything that becomes such arrays."""

    observation: Any
    """Array [n, ...] or [n + 1, ...], or a dict of them: what each action was chosen from; one more
    for what was seen after the last action. Numbers, vectors and images, see
    `logged.observation`."""
    action: Any
    """Array [n, A] or [n], or a dict of them, see `logged.action`."""
    reward: Any = None
    """Array [n]: what each action brought; zeros if None."""
    terminated: bool = True
    """Whether the episode ended by itself (discount 0), not at a limit."""


def write_episodes(path: str | os.PathLike, episodes: Iterable[Episode]) -> str:
    """Writes one record file with its spec and manifest; it appears when it is complete.

        def episodes():
            for log in sorted(pathlib.Path("logs").glob("*.npz")):
                arrays = np.load(log)
                yield Episode({"joints": arrays["joints"], "rgb": arrays["rgb"]}, arrays["command"])

        write_episodes("datasets/my_robot/demonstrations.tfrecord", episodes())

    The parts of actions that are dicts become one vector; the manifest's `about["action_parts"]`
    says where each is.

    Args:
      path: the record file.
      episodes: at least one, read one at a time; names, shapes and types are the first one's.

    Returns:
      The path.

    Raises:
      ValueError: there is no episode, one cannot be stored, is not like the first or of no length;
        the message says which, how, and what to do. No file is left.
    """
    if isinstance(episodes, (Episode, Mapping)):
        raise ValueError(f"{path}: a single {type(episodes).__name__} was given: pass a list.")
    remaining = (_checked(path, number, each) for number, each in enumerate(episodes))
    first = next(remaining, None)
    if first is None:
        raise ValueError(f"{path}: there are no episodes to write.")
    spec, parts = frame_spec(first[0]), first[1]
    with shard_writer.ShardWriter(os.fspath(path), spec) as writer:
        if parts:
            writer.about[ACTION_PARTS] = parts
        for number, (episode, of_action) in enumerate(itertools.chain([first], remaining)):
            found = frame_spec(episode)
            unlike = [
                phrase
                for part in ("observation", "action")
                for phrase in specs.differences(getattr(found, part), getattr(spec, part), part)
            ]
            if of_action != parts:
                unlike = [f"action has {_listed(of_action)}, not {_listed(parts)}"]
            if unlike:
                raise ValueError(
                    f"{path}: episode {number} is unlike the first one: {'; '.join(unlike)}; write "
                    "one file for each kind, or make them alike."
                )
            for frame in unstacked(frames(episode)):
                writer(frame)
    return os.fspath(path)


def _listed(parts: logged.Parts) -> str:
    """Says what an action is made of."""
    named = [f"{key} of {stop - start}" for key, (start, stop) in parts.items()]
    return "the parts " + ", ".join(named) if named else "no parts with names"


def _checked(path: str | os.PathLike, number: int, episode: Any) -> tuple[Episode, logged.Parts]:
    """Returns an episode of arrays as they are stored, and where its action's parts are.

    Raises:
      ValueError: it cannot be stored; the message says which it is, and how it is to be.
    """
    if not isinstance(episode, Episode):
        raise ValueError(
            f"{path}: episode {number} is a {type(episode).__name__}, expected "
            "episodes.Episode(observation, action)."
        )
    try:
        action, parts = logged.action(episode.action)
        if not len(action):
            raise ValueError("it has no actions: leave it out.")
        observation = logged.observation(episode.observation)
        _check_lengths(observation, len(action))
        reward = None if episode.reward is None else logged.reward(episode.reward)
        if reward is not None:
            logged.check_lengths({"action": len(action), "reward": len(reward)})
    except ValueError as error:
        raise ValueError(f"{path}: episode {number}: {error}") from error
    checked = dataclasses.replace(episode, observation=observation, action=action, reward=reward)
    return checked, parts


def _check_lengths(observation: Any, length: int) -> None:
    """Raises ValueError unless observations are of `length`, or all of one more."""
    by_key = observation if isinstance(observation, Mapping) else {"": observation}
    lengths = {
        f"observation {key!r}" if key else "observation": len(each) for key, each in by_key.items()
    }
    if set(lengths.values()) not in ({length}, {length + 1}):
        listed = ", ".join(f"{name} {found}" for name, found in lengths.items())
        raise ValueError(
            f"there are {length} actions, but {listed}: all need {length} rows, or {length + 1} "
            "with what was seen at the end."
        )


def frames(episode: Episode) -> trajectory.Trajectory:
    """Returns an episode's frames as a driver emits them, arrays [n + 1, ...].

    That is one per step, and one that joins the episode to the next: it holds what was seen after
    the last action and, as nothing was done then, the last action again.
    """
    length = len(episode.action)

    def with_joint(values: np.ndarray) -> np.ndarray:
        return np.asarray(values)[np.minimum(np.arange(length + 1), len(values) - 1)]

    reward = np.zeros(length) if episode.reward is None else episode.reward
    result = stacked_frames(
        tf.nest.map_structure(lambda values: _stored(with_joint(values)), episode.observation),
        np.asarray(with_joint(episode.action), np.float32),
        np.append(reward, 0.0).astype(np.float32),
        terminated=False,
    )
    result.discount[length - 1] = not episode.terminated
    return result


def stacked_frames(
    observation: Any, action: np.ndarray, reward: np.ndarray, terminated: bool
) -> trajectory.Trajectory:
    """Returns an episode's frames, one per step, without one that joins it to the next.

    Args:
      observation: Nest of arrays [n, ...].
      action: [n, A].
      reward: [n].
      terminated: Whether the episode ended by itself, so that its last discount is 0.
    """
    step_type = np.full(len(action), ts.StepType.MID, np.int32)
    step_type[0], step_type[-1] = ts.StepType.FIRST, ts.StepType.LAST
    discount = np.ones(len(action), np.float32)
    discount[-1] = not terminated
    return trajectory.Trajectory(
        step_type=step_type,
        observation=observation,
        action=action,
        policy_info=(),
        next_step_type=np.append(step_type[1:], np.int32(ts.StepType.FIRST)),
        reward=reward,
        discount=discount,
    )


def are_steps(frames: trajectory.Trajectory) -> np.ndarray:
    """Returns which frames [n, ...] are steps, whose action was done: bool [n].

    An episode's last frame is none if it joins the episode to the next: reward 0, discount 1. In
    recordings without such frames, as D4RL's, it counts where it brings a reward or ends the
    episode.
    """
    step_type, reward, discount = map(
        np.asarray, (frames.step_type, frames.reward, frames.discount)
    )
    return (step_type != ts.StepType.LAST) | (reward != 0) | (discount != 1)


def num_steps(frames: trajectory.Trajectory) -> int:
    """Returns how many of an episode's frames [n, ...] are steps, see `are_steps`."""
    return int(np.sum(are_steps(frames)))


def unstacked(frames: trajectory.Trajectory) -> Iterator[trajectory.Trajectory]:
    """Yields frames one by one, given arrays [n, ...] of all."""
    for values in zip(*tf.nest.flatten(frames), strict=True):
        yield tf.nest.pack_sequence_as(frames, values)


def frame_spec(episode: Episode) -> trajectory.Trajectory:
    """Returns the spec of one frame of an episode: images are uint8, all else is float32."""
    observation = tf.nest.map_structure(
        lambda values: array_spec.ArraySpec.from_array(_stored(values[:1])[0]), episode.observation
    )
    time_step_spec = ts.time_step_spec(observation)
    action = array_spec.ArraySpec(np.shape(episode.action)[1:], np.float32)
    return trajectory.from_transition(
        time_step_spec, policy_step.PolicyStep(action, (), ()), time_step_spec
    )


def _stored(values: np.ndarray) -> np.ndarray:
    """Returns values [n, ...] in the type they are stored in: images as they are, else float32."""
    values = np.asarray(values)
    return values if values.dtype == np.uint8 and values.ndim == 4 else values.astype(np.float32)
