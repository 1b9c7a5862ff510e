"""Gin bindings as text, as a run's folder records them, and the values they stand for."""

import ast
import re

from ibc.utils import gin_config

_DEEPEST_MACRO = 8
_MACRO = re.compile(r"%([\w./]+)")


def parse(text: str) -> dict[str, str]:
    """Splits gin's one-binding-per-line text into name → value, without comments."""
    lines = (line.partition(" = ") for line in text.splitlines())
    return {k.strip(): v.strip() for k, sep, v in lines if sep and not k.startswith("#")}


def is_macro(name: str) -> bool:
    """Returns whether a name is a macro's and not a parameter's: it matters where it is used."""
    return "." not in name


def have_same_value(name: str, first: dict[str, str], second: dict[str, str]) -> bool:
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
        numbers = [ast.literal_eval(value) for value in values if value is not None]
    except (ValueError, SyntaxError):
        return False  # References are the same if they read the same.
    return len(numbers) == 2 and _alike(*numbers)


def _value(name: str, bound: dict[str, str]) -> str | None:
    """Returns the value of a parameter as text; None if it is neither bound nor has a default."""
    scope, _, parameter = name.rpartition("/")
    while True:
        found = bound.get(f"{scope}/{parameter}" if scope else parameter)
        if found is not None:
            return _without_macros(found, bound)
        if not scope:
            return gin_config.default_of(parameter)
        scope = scope.rpartition("/")[0]


def _without_macros(value: str, bound: dict[str, str]) -> str:
    """Puts macros' values in their places, and so where a text in quotes looks like one."""
    for _ in range(_DEEPEST_MACRO):
        expanded = _MACRO.sub(lambda found: bound.get(found[1], found[0]), value)
        if expanded == value:
            break
        value = expanded
    return value


def _alike(first: object, second: object) -> bool:
    """Returns whether literals are equal: 2 is 2.0, but not True."""
    return first == second and isinstance(first, bool) == isinstance(second, bool)
