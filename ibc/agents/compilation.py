"""Which parts of an agent XLA makes faster."""

import tensorflow as tf
from tf_agents.networks import network

from ibc.networks.layers import dense

_NARROW = 256
"""Units up to which float32 products in XLA take less time than bfloat16 ones without it."""


def pays_for_chains(score_network: network.Network) -> bool:
    """Tells whether to compile a sampler's chain over this network with XLA, in float32.

    Hidden layers between matrix products become one pass over memory. XLA's own products of
    bfloat16 on CPUs are slower than TensorFlow's, so layers in mixed precision are compiled
    only where they are narrow: there, passes over memory take more time than the products.
    """
    return all(
        isinstance(layer, dense.Dense) and layer.units <= _NARROW
        for layer in score_network.submodules
        if getattr(layer, "compute_dtype", None) == tf.bfloat16.name
    )
