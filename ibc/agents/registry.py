"""Agents by the name of their loss, as each registers itself beside its class."""

import dataclasses
import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any

from ibc import agents, losses, samplers

_REGISTERED: dict[str, "Registration"] = {}


@dataclasses.dataclass(frozen=True)
class Registration:
    """What the rest of the library has to know of an agent."""

    agent: type
    """The class, built as `agent(time_step_spec, action_space, cloning_network, optimizer, …)`."""
    head: str
    """Kind of the network's output that it trains."""
    harmless: tuple[str, ...] = ()
    """Prefixes of gin parameters that no weight depends on, those of its policy for example."""
    harmless_at_zero: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Prefix of gin parameters → the parameter that makes them harmless where it is 0."""

    @property
    def compiled_by(self) -> str:
        """The gin parameter that compiles the whole step with XLA."""
        return f"{self.agent.__name__}.jit_compile"


def register(loss_type: str, head: str, **options: Any) -> Callable[[type], type]:
    """Registers an agent's class under the name that `train_eval.loss_type` gives its loss.

    Args:
      loss_type: The name.
      head: As in `Registration`.
      **options: Further fields of `Registration`.
    """

    def decorator(agent: type) -> type:
        _REGISTERED[loss_type] = Registration(agent, head, **options)
        return agent

    return decorator


@functools.cache
def import_all() -> None:
    """Imports every agent, sampler and loss, so that they are registered and gin knows them."""
    for package in (agents, losses, samplers):
        for module in pkgutil.iter_modules(package.__path__):
            if not module.name.endswith("_test"):
                importlib.import_module(f"{package.__name__}.{module.name}")


def registered() -> Mapping[str, Registration]:
    """Returns loss type → registration of every agent, sorted: imports have no say in it."""
    import_all()
    return dict(sorted(_REGISTERED.items()))
