"""Plays a recorded episode's observations through a policy."""

import dataclasses
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
from tf_agents.trajectories import trajectory

from ibc.data import episodes
from ibc.data.formats import convert
from ibc.data.records import specs
from ibc.runtime import description as description_lib


class Policy(Protocol):
    """What is needed of `runtime.policy.Policy`."""

    description: description_lib.Description
    reset: Callable[[], None]
    energies: Callable[[Any, Any], np.ndarray]
    samples: Callable[[Any], Any]

    def __call__(self, observation: Any) -> np.ndarray:
        """Returns the action after an observation."""


@dataclasses.dataclass(frozen=True)
class Played:
    """What was done in an episode of n steps, and what the policy would have done; float64."""

    number: int
    """Of the episode in its recording."""
    recorded: np.ndarray
    """Actions [n, A]."""
    predicted: np.ndarray
    """The policy's actions after the same observations, [n, A]."""
    ranks: np.ndarray | None = None
    """Of an implicit policy: share of the samples with less energy than the recorded action, or
    chunk, has; [n], 0 if none has."""
    plan_errors: np.ndarray | None = None
    """Of an implicit policy of action sequences: the best sample less the recorded chunk,
    [n, P, A]; NaN after the episode's end."""


def check_fits(policy: Policy, source: convert.EpisodeSource) -> None:
    """Checks that a policy can see what was recorded, and does something like what was done.

    Raises:
      ValueError: It cannot; the message says what is missing, or of another size.
    """
    spec, wanted = source.spec(), policy.description
    if isinstance(spec.observation, dict) and not wanted.is_array:
        missing = [key for key in wanted.observation if key not in spec.observation]
        if missing:
            raise ValueError(
                f"{source.path} has no observation {', '.join(map(repr, missing))}, which the "
                f"policy needs; it has {', '.join(map(repr, spec.observation))}: give recordings "
                "like those it was trained on, or convert these with --rename=OLD=NEW."
            )
    found, size = len(names(source)), int(np.prod(wanted.action.shape))
    if found != size:
        raise ValueError(
            f"{source.path} has actions of {found} numbers, but the policy's have {size}: give "
            "recordings of the robot that it was trained for."
        )


def names(source: convert.EpisodeSource) -> list[str]:
    """Returns what the numbers of an action are called, in the order that policies have them."""
    leaves = specs.leaves(source.spec().action, "action").items()
    return [f"{name}[{i}]" for name, leaf in leaves for i in range(int(np.prod(leaf.shape)))]


def play(
    policy: Policy,
    frames: trajectory.Trajectory,
    number: int,
    on_step: Callable[[], object] = lambda: None,
) -> Played:
    """Plays an episode from its beginning.

    Args:
      policy: Is reset, and shown one recorded observation after the other, whatever it does.
      frames: The episode's, arrays [n, ...] or with a frame more that joins it to the next.
      number: Of the episode, for messages.
      on_step: Called after each step.

    Raises:
      ValueError: The policy refuses an observation, or gives what is not finite.
    """
    is_step = episodes.are_steps(frames)
    leaves = [leaf[is_step] for leaf in tf.nest.flatten(frames.action)]
    recorded = np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=1)
    chunk_rows = _chunk_rows(len(recorded), policy.description.chunks)
    predicted, ranks, plan_errors = [], [], []
    policy.reset()
    for step, rows in enumerate(chunk_rows):
        observation = _at(step, frames.observation)
        try:
            if policy.description.sampling is not None:
                rank, plan = _rank(policy, observation, recorded[rows])
                ranks.append(rank)
                plan_errors.append(plan)
            action = policy(observation)
        except (TypeError, ValueError) as error:
            raise ValueError(f"episode {number}, step {step}: {error}") from error
        if not np.isfinite(action).all():
            raise ValueError(
                f"episode {number}, step {step}: the policy's action is not finite: train it anew, "
                "with a lower learning rate."
            )
        predicted.append(np.ravel(action))
        on_step()
    return Played(
        number,
        np.float64(recorded),
        np.float64(predicted),
        np.array(ranks) if ranks else None,
        _within(np.array(plan_errors), chunk_rows) if ranks and policy.description.chunks else None,
    )


def _at(step: int, observation: Any) -> Any:
    return tf.nest.map_structure(lambda values: values[step], observation)


def _chunk_rows(count: int, chunks: description_lib.Chunks | None) -> np.ndarray:
    """Returns the steps of every step's chunk, [n, P]; the last one is repeated at the end."""
    ahead = np.arange(chunks.chunk_steps if chunks else 1)
    return np.minimum(np.arange(count)[:, np.newaxis] + ahead, count - 1)


def _rank(policy: Policy, observation: Any, chunk: np.ndarray) -> tuple[float, np.ndarray]:
    """Returns the rank of what was done, [P, A], and what the best sample has more, [P, A]."""
    described = policy.description
    steps = (len(chunk),) if described.chunks else ()
    samples = policy.samples(observation)
    done = chunk.reshape(1, *steps, *described.action.shape)
    energy = policy.energies(observation, done)[0]
    best = np.reshape(samples.actions[0], chunk.shape)
    return float(np.mean(samples.energies < energy)), np.float64(best) - chunk


def _within(plan_errors: np.ndarray, chunk_rows: np.ndarray) -> np.ndarray:
    """Returns differences [n, P, A] with NaN where nothing was done any more."""
    ahead = np.arange(chunk_rows.shape[1])
    is_over = chunk_rows != np.arange(len(chunk_rows))[:, np.newaxis] + ahead
    return np.where(is_over[..., np.newaxis], np.nan, plan_errors)
