"""Loads exported policies, and weights into them, with errors that name what does not fit."""

import os

import tensorflow as tf
from tf_agents.policies import py_tf_eager_policy

from ibc.data.records import specs

_VARIABLES = os.path.join("variables", "variables")
_WEIGHTS = "model_variables/"
_LISTED = 3


def load(saved_model_path: str) -> py_tf_eager_policy.SavedModelPyTFEagerPolicy:
    """Loads an exported policy.

    Raises:
      ValueError: The folder holds something else, or is damaged.
    """
    try:
        return py_tf_eager_policy.SavedModelPyTFEagerPolicy(
            saved_model_path, load_specs_from_pbtxt=True
        )
    except Exception as error:  # whatever a damaged file makes TensorFlow or TF-Agents raise
        raise ValueError(
            f"--saved_model_path={saved_model_path} cannot be loaded as a policy "
            f"({specs.first_line(error)}); give a folder that training has exported, such as "
            "<root_dir>/policies/greedy_policy."
        ) from error


def update(
    policy: py_tf_eager_policy.SavedModelPyTFEagerPolicy,
    saved_model_path: str,
    checkpoint_path: str,
) -> None:
    """Loads the weights of another training step into an exported policy.

    Raises:
      ValueError: They are damaged, or another network's; the message says what differs.
    """
    try:
        found, expected = _shapes(checkpoint_path), _shapes(saved_model_path)
        differing = sorted(k for k in found | expected if found.get(k) != expected.get(k))
        if not differing:
            policy.update_from_checkpoint(checkpoint_path)
    except (tf.errors.OpError, ValueError, RuntimeError, AssertionError) as error:
        raise ValueError(
            f"--checkpoint_path={checkpoint_path} cannot be read ({specs.first_line(error)}); it "
            "is damaged: give the weights of another step."
        ) from error
    if differing:
        shown = "; ".join(
            f"{k} is {found.get(k, 'missing')}, not {expected.get(k, 'there')}"
            for k in differing[:_LISTED]
        )
        more = f"; {len(differing) - _LISTED} more" if len(differing) > _LISTED else ""
        raise ValueError(
            f"--checkpoint_path={checkpoint_path} has the weights of another network than "
            f"--saved_model_path={saved_model_path}: {shown}{more}. Give two of the same run."
        )


def _shapes(folder: str) -> dict[str, list[int]]:
    """Lists the shapes of the variables in a SavedModel's or a checkpoint's folder."""
    variables = tf.train.list_variables(os.path.join(folder, _VARIABLES))
    return {
        name.partition("/.")[0]: shape for name, shape in variables if name.startswith(_WEIGHTS)
    }
