"""What a run is started with, in its folder: it keeps two different runs apart there."""

import ast
import contextlib
import pathlib
import re
import shutil
from collections.abc import Callable, Mapping
from typing import Any

import gin
from absl import logging

from ibc.utils import atomic_file, gin_config

_BINDINGS_FILE = "train/gin-bindings.txt"
_DEEPEST_MACRO = 8
_MACRO = re.compile(r"%([\w./]+)")


def record_or_compare(
    folder: pathlib.Path,
    bound: str,
    identity: dict[str, object],
    continued: bool,
    may_change: Callable[[str, Mapping[str, str]], bool] = lambda name, stored: False,
    writes: bool = True,
    elsewhere: str = "use another folder",
) -> None:
    """Records what a run is started with, or checks that a continuation asks for the same.

    A parameter that is bound to its default value is the same as one that is not bound.
    Differences on which no weight depends are logged as a warning, and recorded.

    Args:
      folder: the run's folder.
      bound: gin bindings in force, one per line.
      identity: further values that decide what is trained.
      continued: whether the folder has a checkpoint that training will go on from.
      may_change: (parameter, the run's bindings) → whether no weight depends on the parameter.
      writes: whether this process writes to the folder; otherwise it only checks.
      elsewhere: what else is to be done where the folder is another run's.

    Raises:
      ValueError: the folder holds a run that was started with other parameters.
    """
    for written in ("policies", "eval", "videos") if writes else ():
        atomic_file.remove_leftovers(folder / written)
    for half_checkpoint in folder.glob("train/checkpoints/*_temp") if writes else ():
        shutil.rmtree(half_checkpoint, ignore_errors=True)
    asked = parse_bindings(bound) | {name: repr(value) for name, value in identity.items()}
    path = folder / _BINDINGS_FILE
    if continued and path.exists():
        stored = parse_bindings(_read(path))
        # A run from before a value was recorded may go on.
        compared = asked.keys() - (identity.keys() - stored.keys()) | stored.keys()
        differing = sorted(
            k
            for k in compared
            if (k in identity or "." in k) and not have_same_value(k, asked, stored)
        )
        harmless = [name for name in differing if may_change(name, stored)]
        decisive = [name for name in differing if name not in harmless]
        if decisive:
            raise ValueError(
                f"{folder} holds a run with other parameters ({_shown(decisive, asked, stored)}). "
                f"Continue it with the same ones, or {elsewhere}."
            )
        if harmless:
            changes = _shown(harmless, asked, stored)
            logging.warning("This run goes on with other parameters: %s.", changes)
        asked = {k: v for k, v in asked.items() if k in compared}
    if writes:
        text = "".join(f"{name} = {value}\n" for name, value in sorted(asked.items()))
        atomic_file.write_text(path, text)


def write_operative_config(folder: pathlib.Path) -> None:
    """Writes every parameter in force to operative-gin-config.txt."""
    atomic_file.write_text(folder / "operative-gin-config.txt", gin.operative_config_str())


def _read(path: pathlib.Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is damaged ({error}): it holds the parameters that the run was started with. "
            "Remove it to go on with those of this command, if they are the same."
        ) from error


def _shown(names: list[str], asked: dict[str, str], stored: dict[str, str]) -> str:
    return "; ".join(
        f"{k} was {stored.get(k, 'not set')}, now {asked.get(k, 'not set')}" for k in names[:5]
    )


def bound_values(folder: pathlib.Path) -> dict[str, Any]:
    """Returns what a run was started with: name → value, of parameters that are literals.

    Parameters with their default values may be missing; without a run, all are.

    Raises:
      ValueError: The file that says so is damaged.
    """
    path, values = folder / _BINDINGS_FILE, {}
    bound = parse_bindings(_read(path)) if path.is_file() else {}
    for name, text in bound.items():
        with contextlib.suppress(ValueError, SyntaxError):
            values[name] = ast.literal_eval(_without_macros(text, bound))
    return values


def bindings_of(folder: pathlib.Path, identity: Mapping[str, object], command: str) -> list[str]:
    """Returns what a run was started with as gin bindings, to be parsed again.

    Args:
      folder: Of the run.
      identity: What it must be, such as its task.
      command: That trains one, for the message.

    Raises:
      FileNotFoundError: There is no run.
      ValueError: It is another one, or its file is damaged.
    """
    stored = bound_values(folder)
    if not stored:
        raise FileNotFoundError(f"there is no run in {folder}: train one with `{command}`.")
    for name, value in identity.items():
        if stored.get(name, value) != value:
            raise ValueError(
                f"the run in {folder} has {name} {stored[name]!r}, not {value!r}: give its own "
                f"--{name}, or another --checkpoint."
            )
    return [f"{name} = {value!r}" for name, value in sorted(stored.items()) if "." in name]


def parse_bindings(text: str) -> dict[str, str]:
    """Splits gin's one-binding-per-line text into name → value, without comments."""
    lines = (line.partition(" = ") for line in text.splitlines())
    return {k.strip(): v.strip() for k, sep, v in lines if sep and not k.startswith("#")}


def have_same_value(name: str, first: Mapping[str, str], second: Mapping[str, str]) -> bool:
    """Returns whether a parameter has the same value under two sets of bindings.

    A parameter that is not bound has its default value, one that is bound to a macro the macro's,
    one that is not bound in a scope the value it has outside.

    Args:
      name: parameter, macro or other value; with its scope, if it is bound in one.
      first: name → value as gin writes it.
      second: the same of the other.
    """
    values = [_value(name, bound) for bound in (first, second)]
    if values[0] == values[1]:
        return True
    try:
        one, other = (ast.literal_eval(value) for value in values if value is not None)
    except (ValueError, SyntaxError):
        return False  # References are the same if they read the same; one may have no value.
    return one == other and isinstance(one, bool) == isinstance(other, bool)  # 2 is 2.0, not True.


def _value(name: str, bound: Mapping[str, str]) -> str | None:
    """Returns the value of a parameter as text; None if it is neither bound nor has a default."""
    scope, _, parameter = name.rpartition("/")
    while True:
        found = bound.get(f"{scope}/{parameter}" if scope else parameter)
        if found is not None:
            return _without_macros(found, bound)
        if not scope:
            return gin_config.default_of(parameter)
        scope = scope.rpartition("/")[0]


def _without_macros(value: str, bound: Mapping[str, str]) -> str:
    """Puts macros' values in their places, and so where a text in quotes looks like one."""
    for _ in range(_DEEPEST_MACRO):
        expanded = _MACRO.sub(lambda found: bound.get(found[1], found[0]), value)
        if expanded == value:
            break
        value = expanded
    return value
