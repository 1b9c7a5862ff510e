"""Recordings of the published online imitation code, as our networks and batches."""

import re

import numpy as np
import tensorflow as tf

from ibc.networks.layers import perceptron
from ibc.utils import transitions


def batch(recorded, prefix: str) -> transitions.Transitions:
    """Returns a recorded batch `<prefix>/states`, ….

    `next_absorbing` is 1 where the recorded batch goes to or stays in the absorbing state.
    """
    field = {name.removeprefix(prefix + "/"): recorded[name] for name in recorded.files}
    has_absorbing = field["absorbing"].any()
    next_absorbing = field["next_states"][:, -1] if has_absorbing else 0 * field["absorbing"]
    values = (
        field["states"],
        field["actions"],
        field["rewards"],
        field["next_states"],
        1 - field["terminals"],
        field["timeouts"],
        field["weights"],
        field["absorbing"],
        next_absorbing,
        field["step"],
        0 * field["step"],
    )
    return transitions.Transitions(*(tf.constant(value, tf.float32) for value in values))


def weights(recorded, module: str, part: str = "") -> list[np.ndarray]:
    """Returns kernels [in, out] and biases of `<module>00|<part>.0.weight`, … layer by layer."""
    layers: dict[str, dict[str, np.ndarray]] = {}
    for name in recorded.files:
        match = re.fullmatch(re.escape(module) + r"\d\d\|(.*)", name)
        if match and match[1].startswith(part):
            layer, kind = re.match(
                r"(.*?)\.(?:parametrizations\.)?(weight.*|bias)", match[1]
            ).groups()
            layers.setdefault(layer, {})[kind] = recorded[name]
    found = []
    for layer in sorted(layers):
        kernel = layers[layer].get("weight", layers[layer].get("weight.original"))
        found += [kernel.T, layers[layer]["bias"]]
    return found


def singular_vectors(recorded, module: str, part: str = "") -> list[tuple[np.ndarray, np.ndarray]]:
    """Returns u and v of each layer."""
    names = sorted(n for n in recorded.files if re.match(re.escape(module) + r"\d\d\|", n))
    names = [name for name in names if name.split("|")[1].startswith(part)]
    left = [recorded[name] for name in names if name.endswith("_u")]
    right = [recorded[name] for name in names if name.endswith("_v")]
    return list(zip(left, right, strict=True))


def gradients(recorded, prefix: str) -> list[np.ndarray]:
    """Returns recorded gradients `<prefix>|<layer>.weight`, … as those of `weights`."""
    found = [name for name in recorded.files if name.startswith(prefix + "|")]
    layers = sorted({re.sub(r"\.(parametrizations|weight|bias).*", "", name) for name in found})
    pairs = []
    for layer in layers:
        kernel = next(n for n in found if n.startswith(layer + ".") and "weight" in n)
        pairs += [recorded[kernel].T, recorded[layer + ".bias"]]
    return pairs


def load(network: perceptron.Perceptron, recorded, module: str, part: str = "") -> None:
    """Gives a network recorded weights, and singular vectors where it has some."""
    for variable, value in zip(network.weights, weights(recorded, module, part), strict=True):
        variable.assign(value)
    if network.singular_vectors:
        network.store(singular_vectors(recorded, module, part))


def assert_near(found, expected, **tolerance) -> None:
    """Asserts that numbers agree to 1e-4 of each, in float32."""
    np.testing.assert_allclose(found, expected, **{"rtol": 1e-4, "atol": 1e-6} | tolerance)
