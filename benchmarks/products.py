"""How many multiplications and additions a network's products take."""

import gin
import tensorflow as tf
from tf_agents.networks import network as tfa_network


def per_observation(network: tfa_network.Network) -> int:
    """Counts an energy network's multiplications shared by all actions of an observation.

    Args:
      network: an `MLPEBM`, its variables created.
    """
    first = _kernels(network)[0]
    return (first.shape[0] - _action_size(network)) * first.shape[1]


def per_sample(network: tfa_network.Network) -> int:
    """Counts the multiplications of scoring one more action.

    The last layer of a pre-activation stack and the head are linear, one after the other, so
    they need a product of the head's size alone.

    Args:
      network: an `MLPEBM`, its variables created.
    """
    first, *hidden, head = _kernels(network)
    count = _action_size(network) * first.shape[1] + _size(head) + sum(map(_size, hidden))
    if gin.query_parameter("MLPEBM.layers") == "ResNetPreActivation":
        count += _size(head) - _size(hidden[-1])
    return count


def all_layers(network: tfa_network.Network) -> int:
    """Counts the multiplications of an explicit network for one observation."""
    return sum(map(_size, _kernels(network)))


def _kernels(network: tfa_network.Network) -> list[tf.Variable]:
    return [v for v in network.trainable_variables if v.shape.rank == 2]


def _size(kernel: tf.Variable) -> int:
    return kernel.shape.num_elements()


def _action_size(network: tfa_network.Network) -> int:
    return network.input_tensor_spec[1].shape[0]
