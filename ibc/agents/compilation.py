"""Which parts of an agent XLA makes faster."""

import tensorflow as tf
from tf_agents.networks import network


def pays_for_chains(score_network: network.Network) -> bool:
    """Tells whether to compile a sampler's chain over this network with XLA.

    Hidden layers between matrix products become one pass over memory. XLA's own products of
    bfloat16 on CPUs are slower than TensorFlow's, and are most of the work.
    """
    layers = score_network.submodules
    return all(getattr(layer, "compute_dtype", None) != tf.bfloat16.name for layer in layers)
