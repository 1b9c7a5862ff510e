"""Whether a checkpoint holds the weights of a network."""

import collections

import tensorflow as tf
from tf_agents.networks import network

_WEIGHTS = "agent/_cloning_network/"
_SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"


def check(checkpoint: str, cloning_network: network.Network) -> None:
    """Refuses a checkpoint of another network, of which TensorFlow would restore what it can.

    A checkpoint that cannot be read passes: whoever restores it will say so.

    Args:
      checkpoint: Prefix of the checkpoint's files.
      cloning_network: The network, with its variables.

    Raises:
      ValueError: The shapes of the weights are not those of the network's.
    """
    try:
        shapes = tf.train.load_checkpoint(checkpoint).get_variable_to_shape_map()
    except (tf.errors.OpError, IndexError):
        return
    stored = collections.Counter(
        tuple(shape)
        for name, shape in shapes.items()
        if name.startswith(_WEIGHTS) and name.count(_SUFFIX) == 1 and "_SLOT" not in name
    )
    wanted = collections.Counter(
        tuple(variable.shape.as_list()) for variable in cloning_network.variables
    )
    if stored != wanted:
        raise ValueError(
            f"The checkpoint {checkpoint} is of another network than the {cloning_network.name} "
            f"of this command: weights of the shapes {_listed(stored - wanted)} are only in the "
            f"checkpoint, {_listed(wanted - stored)} only in the network. Go on with the "
            "parameters it was trained with, or give this run its own --tag, --add_time or "
            "train_eval.root_dir."
        )


def _listed(shapes: collections.Counter) -> str:
    names = [
        f"{count} × {list(shape)}" if count > 1 else str(list(shape))
        for shape, count in sorted(shapes.items())
    ]
    return ", ".join(names[:4]) + (", …" if len(names) > 4 else "") if names else "(none)"
