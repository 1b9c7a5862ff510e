"""What is known of a training step whose loss or gradient is not finite.

The batch, the noise and the weights of that step are functions of what is still there, so it is
computed again, outside the compiled loop, and looked at.
"""

import dataclasses
import pathlib
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ibc.agents import base_agent
from ibc.train.run import activations
from ibc.utils import atomic_file

_SHOWN = 8


class NotFiniteError(FloatingPointError):
    """The loss or its gradient is not finite at a training step."""

    def __init__(self, step: int, loss: str):
        """Creates the error for a step, and its loss as TensorFlow prints it."""
        super().__init__(f"The loss or its gradient is not finite at training step {step}.")
        self.step = step
        self.loss = loss


@dataclasses.dataclass(frozen=True)
class RecomputedStep:
    """The step, computed again."""

    observation: Any
    """Normalized observations: a nest of arrays [B, T, ...]."""
    action: np.ndarray
    """Normalized actions [B, A]."""
    losses: np.ndarray
    """Loss of each example [B]."""
    scalars: dict[str, float]
    """Parts of the loss, averaged over the batch."""
    gradients: dict[str, np.ndarray]
    """Variable → gradient."""
    weights: dict[str, np.ndarray]
    """Variable → value."""
    activations: dict[str, np.ndarray]
    """Layer → its largest activation in inference, []; empty where it is not known."""


def as_not_finite(error: tf.errors.InvalidArgumentError) -> NotFiniteError:
    """Returns the agent's error about a step that is not finite; re-raises any other error."""
    found = re.search(
        r"not finite at training step.*?\[(\d+)\].*?\[loss:\] \[([^\]]*)\]", error.message
    )
    if not found:
        raise error
    return NotFiniteError(int(found[1]), found[2])


def report(
    error: NotFiniteError,
    agent: base_agent.BehavioralCloningBaseAgent,
    share_at: Callable[[int, int], Any],
    windows: Sequence[int],
    replicas: int,
    folder: pathlib.Path,
    advice: str,
) -> str:
    """Examines the step, writes its batch and returns one line about both.

    Args:
      error: the error of the step; the weights are those before it.
      agent: the agent that was trained.
      share_at: (step, replica) → the replica's share of the batch, ((observation, action), ()).
      windows: numbers of the batch's windows in the data set [B].
      replicas: devices that shared the batch.
      folder: where diverged_batch_<step>.npz goes.
      advice: what to try next.
    """
    head = f"The loss or its gradient is not finite at training step {error.step}"
    advice = (
        "The weights are as they were before that step; the last checkpoint, if there is one, is "
        f"good. {advice}"
    )
    try:
        examined = _examine(agent, lambda replica: share_at(error.step, replica), replicas)
    except tf.errors.OpError as failure:
        details = str(failure).splitlines()[0]
        return f"{head} (loss {error.loss}; it could not be computed again: {details}). {advice}"
    parts = [f"loss {error.loss}"]
    parts += [f"{name} {value:.3g}" for name, value in examined.scalars.items()]
    sentences = [
        f"{head} ({', '.join(parts)}).",
        _sizes(examined),
        *_of_examples("values", not_finite_inputs(examined.observation, examined.action)),
        *_of_examples("a loss", np.flatnonzero(~np.isfinite(examined.losses))),
        _write(examined, windows, folder / f"diverged_batch_{error.step}.npz"),
        advice,
    ]
    return " ".join(sentences)


def not_finite_inputs(observation: Any, action: np.ndarray) -> np.ndarray:
    """Returns which examples of a batch hold infinite values or NaN, int64 [n]."""
    leaves = [*tf.nest.flatten(observation), action]
    bad = [~np.isfinite(leaf.reshape(len(leaf), -1)).all(axis=1) for leaf in leaves]
    return np.flatnonzero(np.any(bad, axis=0))


def _examine(
    agent: base_agent.BehavioralCloningBaseAgent, share: Callable[[int], Any], replicas: int
) -> RecomputedStep:
    """Computes the step again, replica by replica: together they may not fit one device."""
    examine = tf.function(agent.examine, autograph=False)
    inputs, outputs = [], []
    for replica in range(replicas):
        experience, _ = share(replica)
        results = examine(experience, replica, replicas)
        for kept, new in ((inputs, experience), (outputs, results)):
            kept.append(tf.nest.map_structure(lambda tensor: tensor.numpy(), new))
    observation, action = tf.nest.map_structure(lambda *shares: np.concatenate(shares), *inputs)
    losses, scalars, gradients = zip(*outputs, strict=True)
    variables = agent.cloning_network.trainable_variables
    with np.errstate(all="ignore"):
        summed = [np.mean(parts, axis=0) for parts in zip(*gradients, strict=True)]
        means = {name: float(np.mean([s[name] for s in scalars])) for name in scalars[0]}
    return RecomputedStep(
        observation,
        action,
        np.concatenate(losses),
        means,
        {v.name: gradient for v, gradient in zip(variables, summed, strict=True)},
        {variable.name: variable.numpy() for variable in variables},
        activations.largest(agent.cloning_network, inputs),
    )


def _sizes(examined: RecomputedStep) -> str:
    """Says where weights, gradients and activations are largest."""
    sizes = [
        f"Largest weight: {_largest(examined.weights, 'variables')}",
        f"largest gradient: {_largest(examined.gradients, 'variables')}",
    ]
    if examined.activations:
        sizes.append(f"largest activation: {_largest(examined.activations, 'layers')}")
    return "; ".join(sizes) + "."


def _largest(arrays: dict[str, np.ndarray], owners: str) -> str:
    """Names the owner of the largest element; one that is not finite is the largest."""

    def size(name: str) -> float:
        return float(np.nan_to_num(np.max(np.abs(arrays[name])), nan=np.inf, posinf=np.inf))

    name = max(arrays, key=size)
    found = sum(size(other) == np.inf for other in arrays)
    if found > 1:
        first = next(owner for owner, value in arrays.items() if not np.isfinite(value).all())
        return f"not finite in {found} of {len(arrays)} {owners}, first in {first}"
    return f"{np.max(np.abs(arrays[name])):.3g} in {name}"


def _of_examples(what: str, indices: np.ndarray) -> list[str]:
    if not len(indices):
        return []
    shown = ", ".join(map(str, indices[:_SHOWN])) + (", …" if len(indices) > _SHOWN else "")
    verb = "is" if what.startswith("a ") else "are"
    return [f"Examples with {what} that {verb} not finite: {shown} ({len(indices)} in all)."]


def _write(examined: RecomputedStep, windows: Sequence[int], path: pathlib.Path) -> str:
    """Writes the batch and what each example led to; returns where it is."""
    arrays = {
        **_named("observation", examined.observation),
        "action": examined.action,
        "loss": examined.losses,
        "window": np.asarray(windows, np.int64),
        "not_finite_inputs": not_finite_inputs(examined.observation, examined.action),
        "not_finite_losses": np.flatnonzero(~np.isfinite(examined.losses)),
    }
    try:
        with atomic_file.replacing(path) as temporary:
            np.savez_compressed(temporary, **arrays)
    except OSError as failure:
        return f"Its batch could not be written ({failure.strerror}: {path})."
    return f"Its batch is in {path}."


def _named(name: str, nest: Any) -> dict[str, np.ndarray]:
    """Flattens a nest of dicts: {'observation/position': [B, ...]}."""
    if not isinstance(nest, dict):
        return {name: nest}
    return {k: v for key, part in nest.items() for k, v in _named(f"{name}/{key}", part).items()}
