"""What a robot has logged becomes arrays as record files hold them, or is refused with a remedy.

Names in messages are those of the caller's values; which file and episode they are of, the caller
says.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Parts = dict[str, tuple[int, int]]
"""Part of an action → its first number in the vector, and the one after its last."""

_CHANNELS = (1, 3, 4)
_STORED_CHANNELS = (1, 3)
_SMALLEST_SIDE = 8
_LEVELS = 255


def observation(value: Any) -> np.ndarray | dict[str, np.ndarray]:
    """Returns what was seen, [n, ...] each: float32 vectors and uint8 images, channels last.

    Args:
      value: Array or list with a row for each step, a dict of them (nested dicts' keys are joined
        by `_`), or a list of such dicts, one for each step. Rows of three dimensions with 1, 3 or
        4 channels at one end are images: uint8, other integers up to 255, or floats in [0, 1].

    Raises:
      ValueError: It cannot be stored so; the message names key, shape and remedy.
    """
    found = {
        key: _seen(_array(part, _name("observation", key)), _name("observation", key))
        for key, part in _by_key(value, "observation").items()
    }
    return found[""] if list(found) == [""] else found


def action(value: Any) -> tuple[np.ndarray, Parts]:
    """Returns what was done, float32 [n, A], and of a dict where its parts are.

    Args:
      value: As of `observation`, with at most one number or vector in each step. The parts of a
        dict follow each other in the alphabetical order of their keys.

    Raises:
      ValueError: See `observation`; or it is of flags.
    """
    by_key = _by_key(value, "action")
    vectors = {}
    for key in sorted(by_key):
        name = _name("action", key)
        array = _array(by_key[key], name)
        if array.dtype.kind == "b":
            raise ValueError(
                f"{name} is bool: pass the numbers that your robot takes, such as 0.0 and 1.0."
            )
        vectors[key] = _vectors(array, name)
    check_lengths({_name("action", key): len(each) for key, each in vectors.items()})
    parts, start = {}, 0
    for key, vector in vectors.items():
        parts[key] = (start, start + vector.shape[1])
        start += vector.shape[1]
    return np.concatenate(list(vectors.values()), axis=1), {} if list(parts) == [""] else parts


def reward(value: Any) -> np.ndarray:
    """Returns what steps brought, float32 [n], given a number for each.

    Raises:
      ValueError: See `observation`.
    """
    array = _array(value, "reward")
    if array.size != len(array):
        raise ValueError(f"reward is {_shape(array)} in each step, expected one number.")
    return _as_float32(array.reshape(len(array)), "reward")


def check_lengths(lengths: Mapping[str, int]) -> None:
    """Raises ValueError unless all lengths by name are the same."""
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise ValueError(f"the numbers of steps differ: {listed}; cut all to the same steps.")


def _name(what: str, key: str) -> str:
    return f"{what} {key!r}" if key else what


def _by_key(value: Any, what: str) -> dict[str, Any]:
    """Returns key → part of nested dicts, or of a dict for each step; '' → what is no dict."""
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], Mapping):
        value = _transposed(value, what)
    if not isinstance(value, Mapping):
        return {"": value}
    if not value:
        raise ValueError(f"{what} is a dict without keys: name at least one array.")
    parts: dict[str, Any] = {}
    for key, part in value.items():
        if not isinstance(key, str) or not key:
            raise ValueError(f"{what} has the key {key!r}, expected a name: use strings as keys.")
        for inner, leaf in _by_key(part, _name(what, key)).items():
            joined = f"{key}_{inner}" if inner else key
            if joined in parts:
                raise ValueError(f"{what} has two parts that are called {joined!r}: rename one.")
            parts[joined] = leaf
    return parts


def _transposed(steps: Sequence[Mapping[str, Any]], what: str) -> dict[str, list[Any]]:
    """Turns a dict for each step into lists by key."""
    keys = list(steps[0])
    for number, step in enumerate(steps):
        found = list(step) if isinstance(step, Mapping) else [f"no keys, a {_type(step)}"]
        if set(found) != set(keys):
            raise ValueError(
                f"{what} has {', '.join(map(str, found))} in step {number}, but "
                f"{', '.join(map(str, keys))} in step 0: give every step the same keys."
            )
    return {key: [step[key] for step in steps] for key in keys}


def _type(value: Any) -> str:
    return type(value).__name__


def _array(value: Any, name: str) -> np.ndarray:
    """Returns an array of real numbers with a row for each step."""
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as error:
        said = str(error).splitlines()[0]
        raise ValueError(
            f"{name}, a {_type(value)}, is no array, whose rows all have one shape ({said}): give "
            "every step as many numbers."
        ) from error
    if array.dtype.kind not in "buif":
        inner = f" of {_type(array.flat[0])}" if array.dtype.kind == "O" and array.size else ""
        raise ValueError(
            f"{name} is {array.dtype}{inner}, expected real numbers: convert it, or leave it out."
        )
    if not array.ndim:
        raise ValueError(f"{name} is a single {array.dtype}, expected a row for each step.")
    if 0 in array.shape[1:]:
        raise ValueError(f"{name} is {_shape(array)} in each step, no number at all: leave it out.")
    return array


def _shape(array: np.ndarray) -> str:
    """Says what one row is."""
    return f"{array.dtype}{list(array.shape[1:])}"


def _seen(array: np.ndarray, name: str) -> np.ndarray:
    sides = sorted(array.shape[1:])[1:]
    has_channels = array.ndim == 4 and bool({array.shape[1], array.shape[3]} & set(_CHANNELS))
    if array.dtype == np.uint8 and array.ndim == 3 and min(array.shape[1:]) >= _SMALLEST_SIDE:
        raise ValueError(
            f"{name} is {_shape(array)} in each step: if it is a grey image, give it a channel, "
            "images[..., None]; otherwise flatten it."
        )
    if array.dtype == np.uint8 and array.ndim == 4 and not has_channels:
        raise ValueError(
            f"{name} is {_shape(array)} in each step, expected an image [height, width, channels] "
            "or [channels, height, width] with 1 or 3 channels: split it into such images."
        )
    if has_channels and (array.dtype == np.uint8 or min(sides) >= _SMALLEST_SIDE):
        return _images(array, name)
    return _vectors(array, name)


def _vectors(array: np.ndarray, name: str) -> np.ndarray:
    if array.ndim > 2:
        size = int(np.prod(array.shape[1:]))
        raise ValueError(
            f"{name} is {_shape(array)} in each step, expected one number, a vector"
            f"{', or an image' if name.startswith('observation') else ''}: reshape it to "
            f"[{len(array)}, {size}]."
        )
    return _as_float32(array[:, np.newaxis] if array.ndim == 1 else array, name)


def _as_float32(array: np.ndarray, name: str) -> np.ndarray:
    with np.errstate(over="ignore"):
        converted = array.astype(np.float32)
    if not np.isfinite(converted).all():
        place = np.argwhere(~np.isfinite(converted))[0]
        raise ValueError(
            f"{name} holds {array[tuple(place)]:g} in step {place[0]}, expected finite float32 "
            "numbers: repair the log, or leave the episode out."
        )
    return converted


def _images(array: np.ndarray, name: str) -> np.ndarray:
    """Returns uint8 [n, height, width, channels]."""
    if array.shape[3] not in _CHANNELS:
        array = np.moveaxis(array, 1, 3)
    if array.shape[3] not in _STORED_CHANNELS:
        raise ValueError(
            f"{name} is {_shape(array)} in each step, an image of 4 channels, which JPEG cannot "
            "store: take images[..., :3], and a depth as an observation of its own, [..., 3:]."
        )
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    is_whole = array.dtype.kind in "ui"
    white = _LEVELS if is_whole else 1
    levels = array if is_whole else _as_float32(array, name)
    low, high = (levels.min(), levels.max()) if array.size else (0, 0)
    if low < 0 or high > white:
        # Depths have no white of their own.
        advice = "divide by 255, or by the largest depth" if not is_whole else "pass uint8"
        raise ValueError(
            f"{name}, an image of {array.dtype}, holds {low:g} to {high:g}, expected 0 to "
            f"{white}: {advice}."
        )
    return np.rint(levels * (1 if is_whole else _LEVELS)).astype(np.uint8)
