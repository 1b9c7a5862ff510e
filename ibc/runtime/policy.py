"""A policy in a control loop: reset, then one action per observation."""

import functools
import secrets
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, cast

import numpy as np

from ibc.runtime import describing, observing
from ibc.runtime import description as description_lib

_LARGEST_SEED = 2**31 - 1


class Samples(NamedTuple):
    """What an implicit policy has found, best first."""

    actions: np.ndarray
    """In the environment's units: [N, ...], or [B, N, ...] in batches; chunks [N, P, ...]."""
    energies: np.ndarray
    """float32 [N] or [B, N]; lower is better."""


class Search(NamedTuple):
    """How an implicit policy looks for an action after one observation: what samplers work on."""

    score: Callable[[np.ndarray], np.ndarray]
    """Normalized actions float32 [B, N, A] → scores [B, N], −E."""
    score_tensors: Callable[[Any], Any] | None
    """The same of TensorFlow's tensors, which can be differentiated; None if graphs compute it."""
    normalized: Callable[[np.ndarray], np.ndarray]
    """Actions [B, N, ...] in the environment's units, or chunks → normalized ones [B, N, A]."""
    denormalized: Callable[[np.ndarray], np.ndarray]
    """The way back; not clipped."""
    samples: Callable[[], np.ndarray]
    """Returns the normalized actions [B, N, A] among which the policy would choose."""
    seed: np.ndarray
    """int32 [2], from which the policy's noise would follow."""


class Backend(Protocol):
    """What computes: a SavedModel in TensorFlow, or graphs and NumPy."""

    description: description_lib.Description
    """The policy."""
    where: str
    """Its folder and who runs it, for people."""

    def initial_state(self, batch_size: int) -> Any:
        """Returns the state of episodes that begin."""

    def act(
        self, windows: observing.Windows, is_first: bool, state: Any, seed: np.ndarray
    ) -> tuple[np.ndarray, Any]:
        """Returns actions [B, ...] and the state after them; the seed is int32 [2]."""

    def encode(self, windows: observing.Windows) -> Any:
        """Returns the encoding of observations."""

    def score(self, encoding: Any, actions: np.ndarray) -> np.ndarray:
        """Returns scores float32 [B, N], −E, of normalized actions [B, N, A]."""

    def samples(self, windows: observing.Windows, seed: np.ndarray) -> np.ndarray:
        """Returns normalized actions [B, N, A] as an episode's first step finds them."""

    def components(self, windows: observing.Windows) -> Sequence[np.ndarray]:
        """Returns logits [B, K], means and standard deviations [B, K, A] of a mixture."""

    def code(self, windows: observing.Windows, chunks: np.ndarray) -> np.ndarray:
        """Returns the agent's actions [B, K] for chunks [B, P, ...]."""

    def decode(self, windows: observing.Windows, actions: np.ndarray) -> np.ndarray:
        """Returns chunks [B, P, ...] for the agent's actions [B, K]."""


class Policy:
    """Acts on one observation after the other.

        policy = ibc.load_policy("runs/my_run")
        policy.reset()
        action = policy(observation)

    The last frames, batches and types are its own business. With a seed, the actions of an episode
    are a function of the seed and the observations since `reset`.
    """

    def __init__(self, backend: Backend, seed: int | None = None):
        """Takes what computes.

        Args:
          backend: The policy.
          seed: From 0 to 2³¹ − 1; None draws one for every episode.

        Raises:
          ValueError, TypeError: The seed is no such number.
        """
        self._backend = backend
        self.description = backend.description
        self._seed = None if seed is None else _whole("seed", seed, 0, _LARGEST_SEED)
        self._window: observing.Window | None = None

    def reset(self, batch_size: int | None = None) -> None:
        """Begins an episode, or `batch_size` of them at once.

        With a batch size, observations and actions have a leading axis [batch_size].

        Raises:
          ValueError, TypeError: The batch size is no positive whole number.
        """
        rows = 1 if batch_size is None else _whole("batch_size", batch_size, 1, _LARGEST_SEED)
        self._batch_size = batch_size
        self._window = observing.Window(self.description, batch_size)
        self._state = self._backend.initial_state(rows)
        self._step = 0
        drawn = secrets.randbelow(_LARGEST_SEED) if self._seed is None else self._seed
        self._episode_seed = drawn

    def __call__(self, observation: Any) -> np.ndarray:
        """Returns the action after an observation.

        Args:
          observation: An array or a dict of arrays, as the policy was trained with: the latest
            frame, without batch axis unless `reset` was given a batch size.

        Returns:
          One action, or one for each row.

        Raises:
          RuntimeError: `reset` has not been called.
          TypeError, ValueError: The observation is not what the policy was trained with.
        """
        window = self._episode()
        frames = window.after(observation)
        actions, state = self._backend.act(
            self._nested(frames), window.is_first, self._state, self._step_seed()
        )
        window.keep(frames)
        self._state = state
        self._step += 1
        return self._unbatched(actions)

    def energies(self, observation: Any, actions: Any) -> np.ndarray:
        """Returns the energies of actions, the lower the better.

        Neither the window of the last frames nor anything else changes.

        Args:
          observation: What would be observed next, as in a call.
          actions: In the environment's units, [N, *shape of an action]; of a policy of action
            sequences, whole chunks [N, P, *shape]. In batches [B, N, ...].

        Returns:
          float32 [N], or [B, N].

        Raises:
          RuntimeError, TypeError, ValueError: As in a call, or the actions have another shape, or
            the policy has no energy.
        """
        self._check_implicit("energies")
        search = self.search(observation)
        return self._unbatched(-search.score(search.normalized(self._checked_actions(actions))))

    def samples(self, observation: Any) -> Samples:
        """Returns the actions among which the policy would choose, best first.

        As in an episode's first step: uniform ones at first, without a warm start. Nothing changes.

        Args:
          observation: As in a call.

        Raises:
          RuntimeError, TypeError, ValueError: As `energies`.
        """
        self._check_implicit("samples")
        search = self.search(observation)
        normalized = search.samples()
        energies = -search.score(normalized)
        order = np.argsort(energies, axis=1, kind="stable")
        sorted_ = np.take_along_axis(normalized, order[..., np.newaxis], axis=1)
        actions = search.denormalized(sorted_)
        energies = np.take_along_axis(energies, order, axis=1)
        return Samples(self._unbatched(actions), self._unbatched(energies))

    def search(self, observation: Any) -> Search:
        """Returns what samplers work on after an observation, for samplers of one's own.

        Nothing changes. Without `reset(batch_size)`, B is 1.

        Args:
          observation: As in a call.

        Raises:
          RuntimeError, TypeError, ValueError: As `energies`.
        """
        self._check_implicit("energies")
        windows = self._nested(self._episode().after(observation))
        encoding, backend = self._backend.encode(windows), self._backend
        of_tensors = getattr(backend, "score_tensors", None)
        return Search(
            functools.partial(backend.score, encoding),
            functools.partial(of_tensors, encoding) if of_tensors else None,
            functools.partial(self._normalized, windows),
            functools.partial(self._denormalized, windows),
            functools.partial(backend.samples, windows, self._step_seed()),
            self._step_seed(),
        )

    def components(self, observation: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns the normal distributions that a mixture consists of after an observation.

        Nothing changes.

        Args:
          observation: As in a call.

        Returns:
          Logits float32 [K]; means and standard deviations [K, A] of flat actions in the
          environment's units, or of the numbers that stand for a chunk. In batches [B, K, ...].

        Raises:
          RuntimeError, TypeError, ValueError: As in a call, or the policy is no mixture.
        """
        if self.description.kind != "mixture":
            raise ValueError(f"this policy has no components: it is {self.description.kind}.")
        found = self._backend.components(self._nested(self._episode().after(observation)))
        logits, means, scales = map(self._unbatched, found)
        return logits, means, scales

    @property
    def where(self) -> str:
        """Who runs it, and from which folder."""
        return self._backend.where

    def describe(self) -> str:
        """Returns a few lines about what the policy sees, does, and how."""
        return describing.text(self.description, self.where)

    def _episode(self) -> observing.Window:
        if self._window is None:
            raise RuntimeError("call policy.reset() before an episode's first observation.")
        return self._window

    def _nested(self, frames: dict[str, np.ndarray]) -> observing.Windows:
        return frames[""] if self.description.is_array else frames

    def _step_seed(self) -> np.ndarray:
        return np.array([self._episode_seed, self._step], np.int32)

    def _unbatched(self, values: np.ndarray) -> np.ndarray:
        return values[0] if self._batch_size is None else values

    def _check_implicit(self, what: str) -> None:
        if self.description.sampling is None:
            why = (
                "it was exported before policies had them: run the training command again, which "
                "exports the finished run anew"
                if self.description.kind == "unknown"
                else f"it is explicit ({self.description.kind}) and has no energy"
            )
            raise ValueError(f"this policy gives no {what}: {why}.")

    def _unit_shape(self) -> tuple[int, ...]:
        """Shape of what an energy is of: an action, or a chunk of them."""
        chunks = self.description.chunks
        return (*((chunks.chunk_steps,) if chunks else ()), *self.description.action.shape)

    def _checked_actions(self, actions: Any) -> np.ndarray:
        """Returns actions [B, N, ...]."""
        array = observing.numbers(actions, "actions")
        shape = self._unit_shape()
        leading = () if self._batch_size is None else (self._batch_size,)
        outer = array.ndim - len(shape)
        fits = outer == len(leading) + 1 and array.shape[outer:] == shape
        if not fits or array.shape[: outer - 1] != leading:
            expected = ", ".join(map(str, (*leading, "N", *shape)))
            raise ValueError(f"actions have the shape {array.shape}, expected ({expected}).")
        observing.check_finite(array, "actions")
        array = array.astype(np.float32)
        return array if leading else array[np.newaxis]

    def _normalized(self, windows: observing.Windows, actions: np.ndarray) -> np.ndarray:
        """Maps actions [B, N, ...] to the network's [B, N, A]."""
        rows, count = actions.shape[:2]
        if self.description.chunks:
            each = actions.reshape(rows * count, *actions.shape[2:])
            return self._backend.code(_repeated(windows, count), each).reshape(rows, count, -1)
        offset, scale = _offset_and_scale(self.description)
        return (actions.reshape(rows, count, -1) - offset) / scale

    def _denormalized(self, windows: observing.Windows, actions: np.ndarray) -> np.ndarray:
        """Maps the network's actions [B, N, A] to the environment's."""
        rows, count = actions.shape[:2]
        if self.description.chunks:
            each = actions.reshape(rows * count, -1)
            chunks = self._backend.decode(_repeated(windows, count), each)
            return chunks.reshape(rows, count, *chunks.shape[1:])
        return denormalized(self.description, actions)


def denormalized(description: description_lib.Description, actions: np.ndarray) -> np.ndarray:
    """Maps normalized actions [..., A] to the environment's [..., *shape], not clipped."""
    offset, scale = _offset_and_scale(description)
    action = description.action
    values = actions * scale + offset
    return values.reshape(*actions.shape[:-1], *action.shape).astype(action.dtype)


def _offset_and_scale(description: description_lib.Description) -> tuple[np.ndarray, np.ndarray]:
    """Returns those of an implicit policy, float32 [A]."""
    sampling = cast(description_lib.Sampling, description.sampling)
    return np.asarray(sampling.offset, np.float32), np.asarray(sampling.scale, np.float32)


def _repeated(windows: observing.Windows, count: int) -> observing.Windows:
    if isinstance(windows, dict):
        return {key: np.repeat(value, count, axis=0) for key, value in windows.items()}
    return np.repeat(windows, count, axis=0)


def _whole(name: str, value: Any, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be a whole number, got {value!r}.")
    if not least <= value <= most:
        raise ValueError(f"{name} must be from {least} to {most}, got {value}.")
    return int(value)
