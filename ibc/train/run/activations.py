"""How large a network's activations are, layer by layer, for a batch that went wrong.

Layers are watched from outside while the network is applied once, eagerly; a training step pays
nothing for it.
"""

import contextlib
import posixpath
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf
from tf_agents.networks import network as tfa_network
from tf_agents.typing import types

from ibc.networks import energy_network, mlp_ebm
from ibc.networks.layers import dense, dense_stack


def largest(
    network: tfa_network.Network, shares: Sequence[tuple[types.NestedArray, np.ndarray]]
) -> dict[str, np.ndarray]:
    """Finds the largest activation of each layer with weights, in inference.

    Energy networks score the batch's own actions; an energy per action dimension is applied for
    each.

    Args:
      network: one of `registry.networks`, its variables created.
      shares: parts of a batch, each normalized observations, a nest [B, T, ...], and normalized
        actions [B, A].

    Returns:
      Layer, as its variables are named → largest absolute value of what it computes, float32 [],
      NaN if one is NaN; in the order of the computation. Empty if it cannot be computed, for lack
      of memory say: the caller has more to tell.
    """
    found: dict[str, np.ndarray] = {}

    def record(name: str, outputs: object) -> None:
        # What is no tensor, such as a mixture, is made of layers' tensors.
        if isinstance(outputs, tf.Tensor):
            size = np.max(np.abs(tf.cast(outputs, tf.float32).numpy()))
            found[name] = np.maximum(found.get(name, np.float32(0)), size)

    try:
        with _watched(network, record):
            for observation, action in shares:
                _apply(network, observation, tf.convert_to_tensor(action))
    except tf.errors.OpError:
        return {}
    return found


def _apply(
    network: tfa_network.Network, observation: types.NestedTensor, action: tf.Tensor
) -> None:
    if isinstance(network, mlp_ebm.AutoregressiveEBM):
        encoding = network.encode(observation)
        for dimension in range(network.num_dimensions):
            network.score_dimension(encoding, dimension, action[:, tf.newaxis])
    elif isinstance(network, energy_network.EnergyNetwork):
        network.score(network.encode(observation), action[:, tf.newaxis])
    else:
        # The prediction in normalized units, as it is trained, where a network has such.
        predict = getattr(network, "regress", None) or getattr(network, "mixture", network)
        predict(observation)


@contextlib.contextmanager
def _watched(network: tfa_network.Network, record: Callable[[str, object], None]) -> Iterator[None]:
    """Calls `record` with the name and the result of each layer that computes."""
    layers = [
        module
        for module in network.submodules
        if isinstance(module, tf.keras.layers.Layer)
        and not isinstance(module, tfa_network.Network)
        and module.weights
    ]
    with contextlib.ExitStack() as stack:

        def replace(layer: tf.keras.layers.Layer, method: str, function: Callable) -> None:
            # Past Keras, which would take the function for a part of the layer.
            vars(layer)[method] = function
            stack.callback(vars(layer).pop, method)

        for layer in layers:
            replace(layer, "call", _recording_outputs(layer, record))
            if isinstance(layer, dense.Dense):
                replace(layer, "merged_with", _unfolded(layer))
            if isinstance(layer, dense_stack.DenseStack):
                # Energy networks compute the first product in two parts, outside its `call`.
                replace(layer, "after_first", _recording_inputs(layer, record))
        yield


def _recording_outputs(layer: tf.keras.layers.Layer, record: Callable) -> Callable:
    original, name = layer.call, _name(layer)

    def call(*args, **kwargs):
        outputs = original(*args, **kwargs)
        record(name, outputs)
        return outputs

    return call


def _recording_inputs(stack: dense_stack.DenseStack, record: Callable) -> Callable:
    original, name = stack.after_first, _name(stack.first_layer)

    def after_first(hidden, *args, **kwargs):
        record(name, hidden)
        return original(hidden, *args, **kwargs)

    return after_first


def _unfolded(layer: dense.Dense) -> Callable:
    """Returns what `merged_with` does, layer by layer."""
    return lambda last, residual, inputs: last(residual + layer(inputs))


def _name(layer: tf.keras.layers.Layer) -> str:
    """Returns what the names of the layer's variables have in common."""
    return posixpath.commonpath([posixpath.dirname(weight.name) for weight in layer.weights])
