"""Mixed precision: which type hidden layers compute in."""

import contextlib
import contextvars
from collections.abc import Iterator

import tensorflow as tf

_policy_name: contextvars.ContextVar[str] = contextvars.ContextVar(
    "ibc_hidden_layers_policy", default="float32"
)
_in_float32: contextvars.ContextVar[bool] = contextvars.ContextVar(
    "ibc_hidden_layers_in_float32", default=False
)


def mixed(enabled: bool = True) -> contextlib.AbstractContextManager:
    """Makes hidden layers that are created inside compute in bfloat16.

    Weights, first layers, which see observations and actions, and last layers, which give
    energies, actions and densities, stay float32: bfloat16 has three decimal digits.

    Args:
      enabled: False leaves everything in float32.
    """
    return _set(_policy_name, "mixed_bfloat16" if enabled else "float32")


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
