"""Observations as a robot gives them: each is checked, the last ones are kept as a window."""

import difflib
from collections.abc import Mapping
from typing import Any

import numpy as np

from ibc.runtime import description as description_lib

Windows = np.ndarray | dict[str, np.ndarray]
"""Latest frames, [B, T, ...]."""


class Window:
    """The last frames of a batch of episodes."""

    def __init__(self, description: description_lib.Description, batch_size: int | None):
        """Begins episodes, one, or `batch_size` of them whose arrays have a leading axis."""
        self._description = description
        self._batch_size = batch_size
        self._frames: dict[str, np.ndarray] = {}

    @property
    def is_first(self) -> bool:
        """Whether nothing has been observed yet."""
        return not self._frames

    def after(self, observation: Any) -> dict[str, np.ndarray]:
        """Returns what the window would be, key → [B, T, ...], after an observation.

        Before the first one, the first one is repeated.

        Raises:
          TypeError, ValueError: The observation is not what the policy was trained with.
        """
        return {
            key: self._pushed(key, self._checked(key, value))
            for key, value in self._parts(observation).items()
        }

    def keep(self, frames: dict[str, np.ndarray]) -> None:
        """Goes on from a window that `after` has returned."""
        self._frames = frames

    def _pushed(self, key: str, frame: np.ndarray) -> np.ndarray:
        newest = frame[:, np.newaxis]
        if self.is_first:
            return np.repeat(newest, self._description.frames, axis=1)
        return np.concatenate([self._frames[key][:, 1:], newest], axis=1)

    def _parts(self, observation: Any) -> Mapping[str, Any]:
        wanted = self._description.observation
        listed = ", ".join(map(repr, wanted))
        if self._description.is_array:
            if isinstance(observation, Mapping):
                keys = ", ".join(map(repr, observation))
                raise TypeError(
                    f"the observation is a dict with the keys {keys}, but the policy was trained "
                    f"on one array, {wanted[''].text()}: pass the array itself."
                )
            return {"": observation}
        if not isinstance(observation, Mapping):
            raise TypeError(
                f"the observation is of type {type(observation).__name__}, but the policy was "
                f"trained on a dict with the keys {listed}: pass a dict of arrays."
            )
        for key in wanted:
            if key not in observation:
                found = [name for name in observation if name not in wanted]
                near = difflib.get_close_matches(key, map(str, found), n=1)
                hint = f": is {near[0]!r} meant?" if near else "."
                raise ValueError(
                    f"the observation has no key {key!r}; it has "
                    f"{', '.join(map(repr, observation)) or 'none'}, the policy needs "
                    f"{listed}{hint}"
                )
        return {key: observation[key] for key in wanted}

    def _checked(self, key: str, value: Any) -> np.ndarray:
        """Returns one frame, [B, ...], in the policy's dtype."""
        field = self._description.observation[key]
        name = f"observation {key!r}" if key else "the observation"
        array = numbers(value, name)
        self._check_shape(array.shape, field, name)
        _check_kind(array, field, name)
        check_finite(array, name)
        with np.errstate(over="ignore"):
            converted = array.astype(field.dtype)
        check_finite(converted, f"{name}, as {field.dtype},")
        return converted if self._batch_size is not None else converted[np.newaxis]

    def _check_shape(self, found: tuple[int, ...], field: description_lib.Field, name: str) -> None:
        rows = self._batch_size
        expected = field.shape if rows is None else (rows, *field.shape)
        if found == expected:
            return
        if rows is not None and found[1:] == field.shape:
            raise ValueError(
                f"{name} has {found[0]} rows, but policy.reset(batch_size={rows}) was called: "
                f"pass {rows} rows, or reset with batch_size={found[0]}."
            )
        raise ValueError(
            f"{name} has the shape {found}, but the policy needs {expected}"
            f"{_remedy(found, expected, field.shape, rows, self._description.frames)}"
        )


def _remedy(
    found: tuple[int, ...],
    expected: tuple[int, ...],
    frame: tuple[int, ...],
    rows: int | None,
    frames: int,
) -> str:
    """Says what to do about a shape, where it can be guessed."""
    if rows is not None and found == frame:
        return ": pass a batch of rows, or call policy.reset() without batch_size."
    if rows is None and found[1:] == frame:
        if found[0] == frames and frames > 1:
            return ": pass the latest frame only, the policy remembers the others."
        return f": leave the batch axis out, or call policy.reset(batch_size={found[0]})."
    if len(found) == len(expected) >= 3 and found == (
        *expected[:-3],
        expected[-1],
        *expected[-3:-1],
    ):
        return ": its channels come first, move them to the end."
    return "."


def numbers(value: Any, name: str) -> np.ndarray:
    """Returns a value as an array of real numbers.

    Raises:
      TypeError: It holds something else; the message begins with `name`.
    """
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise TypeError(f"{name} cannot be made an array: {error}") from error
    if array.dtype.kind not in "buif":
        what = type(value).__name__ if array.dtype.kind == "O" else array.dtype
        raise TypeError(f"{name} is {what}, which holds no real numbers: pass a numeric array.")
    return array


def _check_kind(array: np.ndarray, field: description_lib.Field, name: str) -> None:
    """Raises TypeError where a conversion would lose what is meant: fractions, or a range."""
    wanted = np.dtype(field.dtype)
    if wanted.kind == "f" or array.dtype == wanted:
        return
    if array.dtype.kind == "f":
        advice = "round(255 · value) of images in [0, 1]" if wanted == np.uint8 else "whole numbers"
        raise TypeError(f"{name} is {array.dtype}, but the policy needs {wanted}: pass {advice}.")
    limits = np.iinfo(wanted)
    if array.dtype.kind in "ui" and array.size:
        low, high = int(array.min()), int(array.max())
        if low < limits.min or high > limits.max:
            raise TypeError(
                f"{name} holds {low} to {high}, but the policy needs {wanted}, "
                f"{limits.min} to {limits.max}."
            )


def check_finite(array: np.ndarray, name: str) -> None:
    """Raises ValueError where an array holds NaN or an infinite number, and says where."""
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return
    index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
    raise ValueError(
        f"{name} holds {array[index]} at index {index}: a policy's answer to it would mean nothing."
    )
