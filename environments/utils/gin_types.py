"""Checks that values bound in config files have the types their parameters are annotated with."""

import inspect
import numbers
import types
import typing
from collections.abc import Callable

import gin

_NAMES = {
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    str: "a string in quotes",
    types.NoneType: "None",
}


def check_bindings() -> None:
    """Checks every binding in force whose parameter is annotated with a plain type.

    Plain types are int, float, bool, str and unions of these and None. References and macros are
    looked at where they are used.

    Raises:
      ValueError: A value has another type; the message names parameter, value and type.
    """
    # gin has no public way to list its bindings as values.
    for (scope, selector), bindings in gin.config._CONFIG.items():
        entry = gin.config._REGISTRY.get_match(selector)
        if entry is None:
            continue
        kinds = _annotations(entry.wrapped)
        for parameter, value in bindings.items():
            expected = kinds.get(parameter)
            if expected and not any(_is_a(value, kind) for kind in expected):
                wanted = " or ".join(_NAMES[kind] for kind in expected)
                name = f"{scope}/{entry.name}" if scope else entry.name
                raise ValueError(f"{name}.{parameter} must be {wanted}, got {value!r}.")


def _annotations(target: Callable) -> dict[str, tuple[type, ...]]:
    """Returns parameter → its types, for the parameters all of whose types are plain."""
    found = {}
    function = target.__init__ if inspect.isclass(target) else target
    for name, parameter in inspect.signature(function).parameters.items():
        kind = parameter.annotation
        kinds = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
        if all(isinstance(k, type) and k in _NAMES for k in kinds):
            found[name] = kinds
    return found


def _is_a(value: object, kind: type) -> bool:
    if not isinstance(value, (str, numbers.Number, types.NoneType, list, tuple, dict)):
        return True  # A reference, whose value is not known yet.
    if kind in (int, float):
        number = numbers.Integral if kind is int else numbers.Real
        return isinstance(value, number) and not isinstance(value, bool)
    return isinstance(value, kind)
