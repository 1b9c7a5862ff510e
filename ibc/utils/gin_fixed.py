"""Refuses bindings that would have no effect, as the environments' ids set the parameter."""

from collections.abc import Callable

import gin
import gymnasium


def check_bindings() -> None:
    """Checks that no parameter is bound that every id of its environment sets itself.

    The modules that register the environments must have been imported.

    Raises:
      ValueError: One is; the message names it and what to do instead.
    """
    # gin has no public way to list its bindings.
    for (scope, selector), bindings in gin.config._CONFIG.items():
        entry = gin.config._REGISTRY.get_match(selector)
        if entry is None or not (specs := _specs_of(entry.wrapped)):
            continue
        fixed = set.intersection(*(set(spec.kwargs) for spec in specs))
        for parameter in bindings:
            if parameter in fixed:
                name = f"{scope}/{entry.name}" if scope else entry.name
                raise ValueError(
                    f"{name}.{parameter} would have no effect: {specs[0].id} and every other id of "
                    f"a {entry.name} sets it. Leave it out; the task and the command's options "
                    "for images and shared memory choose the id."
                )


def _specs_of(configurable: Callable) -> list[gymnasium.envs.registration.EnvSpec]:
    """Returns the registered ids that make an instance of a class."""
    entry_point = f"{configurable.__module__}:{configurable.__qualname__}"
    return [spec for spec in gymnasium.registry.values() if spec.entry_point == entry_point]
