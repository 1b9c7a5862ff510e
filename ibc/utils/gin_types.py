"""Checks that bindings have an effect, and the types their parameters are annotated with."""

import inspect
import numbers
import types
import typing
from collections.abc import Callable, Iterable, Mapping

import gin
import gymnasium

_NAMES = {
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    str: "a string in quotes",
    types.NoneType: "None",
}
# Macros and containers inside each other; gin needs several calls for each when it evaluates them.
_DEEPEST = 50


def check_bindings() -> None:
    """Checks the bindings in force: that they have an effect, and values of the right types.

    Without effect are parameters that every id of an environment sets itself; the modules that
    register environments must have been imported. Types are checked where a parameter is annotated
    with a plain one: int, float, bool, str and unions of these and None. A macro stands for its
    value; a reference such as @MLPEBM is none of these types. Macros may be set after their use,
    so this is for configurations that have been read to their end.

    Raises:
      ValueError: A binding has no effect, a value has another type, or macros lead in a circle; the
        message names the parameter and what to do, or value and type.
    """
    # gin has no public way to list its bindings as values.
    for (scope, selector), bindings in gin.config._CONFIG.items():
        entry = gin.config._REGISTRY.get_match(selector)
        if entry is None:
            continue
        _check_effect(scope, entry, bindings)
        kinds = _annotations(entry.wrapped)
        for parameter, bound in bindings.items():
            name = _name(scope, entry, parameter)
            is_macro = entry.wrapped is gin.config.macro
            _check_nesting(name, bound, (f"%{scope}",) if is_macro else ())
            value = _without_macros(bound)
            expected = kinds.get(parameter)
            if expected and not any(_is_a(value, kind) for kind in expected):
                wanted = " or ".join(_NAMES[kind] for kind in expected)
                origin = "" if value is bound else f" from the macro {bound!r}"
                raise ValueError(f"{name} must be {wanted}, got {value!r}{origin}.")


def _check_effect(scope: str, entry: object, parameters: Iterable[str]) -> None:
    made = f"{entry.wrapped.__module__}:{entry.wrapped.__qualname__}"
    specs = [spec for spec in gymnasium.registry.values() if spec.entry_point == made]
    fixed = set.intersection(*(set(spec.kwargs) for spec in specs)) if specs else ()
    for parameter in parameters:
        if parameter in fixed:
            raise ValueError(
                f"{_name(scope, entry, parameter)} would have no effect: {specs[0].id} and every "
                f"other id of a {entry.name} sets it. Leave it out; the task and the command's "
                "options for images and shared memory choose the id."
            )


def _name(scope: str, entry: object, parameter: str) -> str:
    """Returns how a config file writes what is bound; `entry` is gin's of the configurable."""
    if entry.wrapped is gin.config.macro:
        return f"The macro %{scope}"
    return f"{scope}/{entry.name}.{parameter}" if scope else f"{entry.name}.{parameter}"


def _check_nesting(name: str, value: object, path: tuple[str, ...] = ()) -> None:
    """Checks that macros in a value, found in others along a path, end before gin follows them."""
    if len(path) > _DEEPEST:
        raise ValueError(
            f"{name} must be less nested: macros and brackets are inside each other more than "
            f"{_DEEPEST} deep; write the value itself."
        )
    if _is_reference(value, gin.config.macro):
        macro = repr(value)
        if macro in path:
            circle = [step for step in path[path.index(macro) :] if step.startswith("%")]
            raise ValueError(
                f"{name} must be a value in the end, but macros lead in a circle: "
                f"{' = '.join([*circle, macro])}; set {macro} to a value."
            )
        _check_nesting(name, _macro_value(value), (*path, macro))
    elif isinstance(value, gin.config.ConfigurableReference) and value.evaluate:
        call = repr(value)
        if call in path:
            raise ValueError(
                f"{name} must be a value in the end, but calls lead in a circle: "
                f"{' = '.join([*(step for step in path if step.startswith('@')), call])}; write "
                "the value itself."
            )
        for part in _bound_in_call(value).values():
            _check_nesting(name, part, (*path, call))
    elif isinstance(value, (list, tuple, dict)):
        parts = (*value, *value.values()) if isinstance(value, dict) else value
        for part in parts:
            _check_nesting(name, part, (*path, type(value).__name__))


def _bound_in_call(reference: gin.config.ConfigurableReference) -> dict[str, object]:
    """Returns parameter → value of what a reference calls; inner scopes win."""
    scope, selector = reference.config_key
    bound = {}
    for (outer, other), bindings in sorted(gin.config._CONFIG.items(), key=lambda e: len(e[0][0])):
        if other == selector and (not outer or f"{scope}/".startswith(f"{outer}/")):
            bound.update(bindings)
    return bound


def _without_macros(value: object) -> object:
    """Returns what a macro or constant stands for; a container's parts stay as they are."""
    while _is_reference(value, gin.config.macro):
        value = _macro_value(value)
    if _is_reference(value, gin.config._retrieve_constant):
        return gin.config._CONSTANTS["/".join(value.scopes)]
    return value


def _is_reference(value: object, target: Callable) -> bool:
    is_reference = isinstance(value, gin.config.ConfigurableReference)
    return is_reference and value.evaluate and value.configurable.wrapped is target


def _macro_value(reference: gin.config.ConfigurableReference) -> object:
    bound = gin.config._CONFIG.get(reference.config_key)
    if bound is None:
        raise ValueError(f"the macro {reference!r} is used but never set; it must be set.")
    return bound["value"]


def parameters_of(target: Callable) -> Mapping[str, inspect.Parameter]:
    """Returns name → parameter of a function, or of a class's constructor with its `self`."""
    return inspect.signature(target.__init__ if inspect.isclass(target) else target).parameters


def _annotations(target: Callable) -> dict[str, tuple[type, ...]]:
    """Returns parameter → its types, for the parameters all of whose types are plain."""
    found = {}
    for name, parameter in parameters_of(target).items():
        kind = parameter.annotation
        kinds = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
        if all(isinstance(k, type) and k in _NAMES for k in kinds):
            found[name] = kinds
    return found


def _is_a(value: object, kind: type) -> bool:
    if kind in (int, float):
        number = numbers.Integral if kind is int else numbers.Real
        return isinstance(value, number) and not isinstance(value, bool)
    return isinstance(value, kind)
