"""Checks of constructor parameters, which gin fills with whatever a user typed."""

import dataclasses
import difflib
import math
import numbers
from collections.abc import Sequence
from typing import Any

LARGEST_WHOLE = 2**31 - 1
"""Of counts and intervals: what every library that is handed them can hold."""


def free(default: Any) -> Any:
    """Returns a dataclass field that may change when a run goes on: no weight depends on it."""
    return dataclasses.field(default=default, metadata={"may_change": True})


def check_whole(
    owner: str, *, least: int = 1, most: float = LARGEST_WHOLE, **values: object
) -> None:
    """Checks that parameters of the configurable `owner` are whole numbers from `least` to `most`.

    Raises:
      ValueError: One is not; the message names it.
    """
    for name, value in values.items():
        is_whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
        if not is_whole or value < least:
            raise ValueError(
                f"{owner}.{name} must be a whole number of at least {least}, got {value!r}."
            )
        if value > most:
            raise ValueError(
                f"{owner}.{name} must be a whole number of at most {most}, got {value!r}."
            )


def check_seed(owner: str, seed: object) -> None:
    """Checks that `owner`.seed is None or what NumPy takes, a whole number below 2³².

    Raises:
      ValueError: It is not.
    """
    if seed is not None:
        check_whole(owner, least=0, most=math.inf, seed=seed)
        if seed >= 1 << 32:
            raise ValueError(f"{owner}.seed must be below 2**32 = {1 << 32}, got {seed!r}.")


def check_positive(owner: str, **values: object) -> None:
    """Checks that parameters of the configurable `owner` are finite and above 0.

    Raises:
      ValueError: One is not; the message names it.
    """
    for name, value in values.items():
        if not _is_finite(value) or value <= 0:
            raise ValueError(f"{owner}.{name} must be a positive number, got {value!r}.")


def check_not_negative(owner: str, **values: object) -> None:
    """Checks that parameters of the configurable `owner` are finite and not below 0.

    Raises:
      ValueError: One is not; the message names it.
    """
    for name, value in values.items():
        if not _is_finite(value) or value < 0:
            raise ValueError(f"{owner}.{name} must not be a negative number, got {value!r}.")


def check_share(owner: str, **values: object) -> None:
    """Checks that parameters of the configurable `owner` are numbers from 0 to 1.

    Raises:
      ValueError: One is not; the message names it.
    """
    for name, value in values.items():
        if not _is_finite(value) or not 0 <= value <= 1:
            raise ValueError(f"{owner}.{name} must be in [0, 1], but is {value!r}.")


def check_choice(owner: str, choices: Sequence[str], **values: object) -> None:
    """Checks that parameters of the configurable `owner` are among the choices.

    Raises:
      ValueError: One is not; the message names it and the nearest choice.
    """
    for name, value in values.items():
        if value not in choices:
            lowered = {choice.lower(): choice for choice in choices}
            near = difflib.get_close_matches(str(value).lower(), lowered, n=1)
            hint = f" Did you mean {lowered[near[0]]!r}?" if near else ""
            listed = ", ".join(map(repr, choices))
            raise ValueError(f"{owner}.{name} must be one of {listed}, but is {value!r}.{hint}")


def check_finite(owner: str, **values: object) -> None:
    """Checks that parameters of the configurable `owner` are finite numbers.

    Raises:
      ValueError: One is not; the message names it.
    """
    for name, value in values.items():
        if not _is_finite(value):
            raise ValueError(f"{owner}.{name} must be a finite number, got {value!r}.")


def _is_finite(value: object) -> bool:
    return isinstance(value, numbers.Real) and math.isfinite(value)
