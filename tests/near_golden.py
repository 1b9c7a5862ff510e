"""Recordings of the published NEAR system, as our networks."""

import numpy as np
import tensorflow as tf


def weights(recorded, prefix: str = "var") -> list[np.ndarray]:
    """Returns `<prefix>00|…`, … as kernels [in, out] and biases, layer by layer."""
    names = sorted(name for name in recorded.files if name.startswith(prefix))
    names = [name for name in names if name.removeprefix(prefix)[:2].isdigit()]
    return [recorded[name].T for name in names]


def load(variables: list[tf.Variable], values: list[np.ndarray]) -> None:
    """Assigns values to variables."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def deterministic(variables: list[tf.Variable], scale: float = 1.0) -> None:
    """Gives layers the recordings' weights: the k-th is 0.3·sin(1 + 0.7·i + k) in its C order."""
    for k, variable in enumerate(variables):
        shape = tuple(reversed(variable.shape.as_list()))
        numbers = 0.3 * np.sin(1 + 0.7 * np.arange(np.prod(shape)) + k)
        variable.assign(scale * numbers.astype(np.float32).reshape(shape).T)


def assert_near(found, expected, **tolerance) -> None:
    """Asserts that numbers agree to 1e-4 of each, in float32."""
    np.testing.assert_allclose(found, expected, **{"rtol": 1e-4, "atol": 1e-6} | tolerance)
