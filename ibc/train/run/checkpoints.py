"""The checkpoints of a run: the newest one, and whether it holds the weights of a network."""

import collections
import pathlib

import tensorflow as tf
from tf_agents.networks import network
from tf_agents.train import learner

_WEIGHTS = "agent/_cloning_network/"
_SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"


def newest(root_dir: str | pathlib.Path, elsewhere: str = "use another folder") -> str | None:
    """Returns the prefix of the newest checkpoint's files under `root_dir`, if there is one.

    Args:
      root_dir: the run's folder.
      elsewhere: what is to be done to begin anew.

    Raises:
      ValueError: there are checkpoints, but the file that names the newest one is damaged.
    """
    folder = pathlib.Path(root_dir) / learner.TRAIN_DIR / learner.POLICY_CHECKPOINT_DIR
    try:
        found = tf.train.latest_checkpoint(str(folder))
    except ValueError:
        found = None
    saved = [index.stem for index in folder.glob("ckpt-*.index")]
    names_newest = folder / "checkpoint"
    # A run that was killed at its first checkpoint has one that nothing names.
    if found is None and saved and (names_newest.exists() or len(saved) > 1):
        last = max(saved, key=lambda name: int(name.rpartition("-")[2]))
        raise ValueError(
            f"{names_newest} names no checkpoint that is there, but there are some: to go on from "
            f'the last one, write the line model_checkpoint_path: "{last}" into it; to begin '
            f"anew, {elsewhere}."
        )
    return found


def restored_step(root_dir: str | pathlib.Path) -> int:
    """Returns the step of the newest checkpoint under `root_dir`, 0 if there is none."""
    found = newest(root_dir)
    return int(found.rpartition("-")[2]) if found else 0


def restore(checkpoint: tf.train.Checkpoint, path: str, what: str, elsewhere: str) -> None:
    """Restores all variables of a checkpoint that is of the same kind.

    Args:
      checkpoint: what has the variables.
      path: of the stored ones, as `newest` returns it.
      what: what they belong to, for the message.
      elsewhere: what is to be done where they do not fit.

    Raises:
      ValueError: variables are missing, or have other shapes.
    """
    try:
        checkpoint.restore(path).assert_existing_objects_matched()
    except (AssertionError, ValueError) as error:
        raise ValueError(
            f"The checkpoint {path} is of another {what} than this command's "
            f"({str(error).splitlines()[0]}): {elsewhere}."
        ) from error


def check_fits(
    checkpoint: str, cloning_network: network.Network, elsewhere: str = "use another folder"
) -> None:
    """Refuses a checkpoint of another network, of which TensorFlow would restore what it can.

    A checkpoint that cannot be read passes: whoever restores it will say so.

    Args:
      checkpoint: prefix of the checkpoint's files.
      cloning_network: the network, with its variables.
      elsewhere: what else is to be done.

    Raises:
      ValueError: the shapes of the weights are not those of the network's.
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
            f"parameters it was trained with, or {elsewhere}."
        )


def _listed(shapes: collections.Counter) -> str:
    names = [
        f"{count} × {list(shape)}" if count > 1 else str(list(shape))
        for shape, count in sorted(shapes.items())
    ]
    return ", ".join(names[:4]) + (", …" if len(names) > 4 else "") if names else "(none)"
