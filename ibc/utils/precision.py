"""Mixed precision: which type hidden layers compute in."""

import contextlib
import contextvars
from collections.abc import Iterator

import tensorflow as tf

from ibc.utils import gpu

HALVES = ("bfloat16", "float16")
"""Types of half of float32's size."""

_AMPERE = (8, 0)
_policy_name: contextvars.ContextVar[str] = contextvars.ContextVar(
    "ibc_hidden_layers_policy", default="float32"
)
_in_float32: contextvars.ContextVar[bool] = contextvars.ContextVar(
    "ibc_hidden_layers_in_float32", default=False
)


def check(mixed_precision: object) -> None:
    """Raises ValueError unless `mixed_precision` says which type hidden layers compute in."""
    if not isinstance(mixed_precision, bool) and mixed_precision not in HALVES:
        raise ValueError(
            f"train_eval.mixed_precision is {mixed_precision!r}; choose one of False, True, "
            f"{', '.join(map(repr, HALVES))}."
        )


def hidden_type(mixed_precision: bool | str) -> str:
    """Returns the type that hidden layers compute in.

    Args:
      mixed_precision: False for float32, a type of `HALVES`, or True for the one that suits the
        device: float16 where TensorFlow sees a GPU older than Ampere, which has no fast products
        of bfloat16, and bfloat16 elsewhere.

    Raises:
      ValueError: it is something else.
    """
    check(mixed_precision)
    if not isinstance(mixed_precision, bool):
        return mixed_precision
    if not mixed_precision:
        return "float32"
    capability = gpu.compute_capability()
    return "float16" if capability is not None and capability < _AMPERE else "bfloat16"


def mixed(mixed_precision: bool | str = True) -> contextlib.AbstractContextManager:
    """Makes hidden layers that are created inside compute in a type of half the size.

    Weights, first layers, which see observations and actions, and last layers, which give
    energies, actions and densities, stay float32: bfloat16 has three decimal digits, and float16
    ends at 65,504.

    Args:
      mixed_precision: see `hidden_type`; False leaves everything in float32.
    """
    name = hidden_type(mixed_precision)
    return _set(_policy_name, name if name == "float32" else f"mixed_{name}")


def hidden_policy() -> tf.keras.mixed_precision.Policy:
    """Returns the Keras policy of a hidden layer that is created now."""
    return tf.keras.mixed_precision.Policy(_policy_name.get())


def in_float32() -> contextlib.AbstractContextManager:
    """Makes dense stacks called inside compute in float32, also those in mixed precision.

    Not those with Keras' normalizers, which know their own policy alone.
    """
    return _set(_in_float32, True)


def compute_dtype(policy_or_layer: tf.keras.mixed_precision.Policy | tf.keras.layers.Layer) -> str:
    """Returns the type that a layer, or one of a policy, computes in when it is called now."""
    return "float32" if _in_float32.get() else policy_or_layer.compute_dtype


@contextlib.contextmanager
def _set(variable: contextvars.ContextVar, value: str | bool) -> Iterator[None]:
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)
