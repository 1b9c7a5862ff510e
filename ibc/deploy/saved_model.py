"""A policy's functions run by TensorFlow, exported or not; TF-Agents is not needed."""

import collections
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ibc.runtime import description as description_lib
from ibc.runtime import graphs, observing

_TimeStep = collections.namedtuple("TimeStep", "step_type reward discount observation")
_FIRST, _MID = 0, 1
_SEEDED = "seeded_action"


class ModelBackend:
    """See `policy.Backend`: TensorFlow's functions under the names that exports have them by."""

    def __init__(self, model: Any, description: description_lib.Description, where: str):
        """Takes the functions.

        Args:
          model: Has `get_initial_state`, and the functions of `train.run.policy_parts`.
          description: The policy.
          where: Its folder and who runs it, for people.
        """
        self._model = model
        self.description = description
        self.where = where
        self._seeded = getattr(model, _SEEDED, None)

    def initial_state(self, batch_size: int) -> Any:
        """See `Backend`."""
        return self._model.get_initial_state(batch_size=tf.constant(batch_size))

    def act(
        self, windows: observing.Windows, is_first: bool, state: Any, seed: np.ndarray
    ) -> tuple[np.ndarray, Any]:
        """See `Backend`."""
        observation = tf.nest.map_structure(tf.constant, windows)
        rows = len(tf.nest.flatten(windows)[0])
        step_type = tf.fill([rows], _FIRST if is_first else _MID)
        if self._seeded is None:
            ones = tf.ones([rows])
            time_step = _TimeStep(step_type, tf.zeros([rows]), ones, observation)
            step = self._model.action(time_step, state)
        else:
            step = self._seeded(step_type, observation, state, tf.constant(seed))
        return step.action.numpy(), step.state

    def encode(self, windows: observing.Windows) -> tf.Tensor:
        """See `Backend`."""
        return self._model.encode(tf.nest.map_structure(tf.constant, windows))

    def score(self, encoding: tf.Tensor, actions: np.ndarray) -> np.ndarray:
        """See `Backend`."""
        return self.score_tensors(encoding, tf.constant(actions, tf.float32)).numpy()

    def score_tensors(self, encoding: tf.Tensor, actions: tf.Tensor) -> tf.Tensor:
        """Returns scores [B, N], which can be differentiated, of normalized actions [B, N, A]."""
        return self._model.score(encoding, actions)

    def samples(self, windows: observing.Windows, seed: np.ndarray) -> np.ndarray:
        """See `Backend`."""
        observation = tf.nest.map_structure(tf.constant, windows)
        return self._model.samples(observation, tf.constant(seed)).numpy()

    def components(self, windows: observing.Windows) -> Sequence[np.ndarray]:
        """See `Backend`."""
        found = self._model.components(tf.nest.map_structure(tf.constant, windows))
        return [part.numpy() for part in found]

    def code(self, windows: observing.Windows, chunks: np.ndarray) -> np.ndarray:
        """See `Backend`."""
        observation = tf.nest.map_structure(tf.constant, windows)
        return self._model.code(observation, tf.constant(chunks, tf.float32)).numpy()

    def decode(self, windows: observing.Windows, actions: np.ndarray) -> np.ndarray:
        """See `Backend`."""
        observation = tf.nest.map_structure(tf.constant, windows)
        return self._model.decode(observation, tf.constant(actions, tf.float32)).numpy()


class SavedModel(ModelBackend):
    """See `runtime.policy.Backend`.

    Exports that are older than policy.json act, too, but draw by themselves and have no energies.
    """

    def __init__(self, folder: str | os.PathLike, needs_seed: bool = False):
        """Loads a policy.

        Args:
          folder: Holds saved_model.pb.
          needs_seed: Whether its draws are to follow from seeds.

        Raises:
          ValueError: It is damaged, no policy, or draws by itself although seeds are needed.
        """
        model = _load(folder)
        where = f"run by TensorFlow {tf.__version__} from {folder}"
        described = description_lib.read(folder)
        super().__init__(model, described or _derived(model, folder), where)
        if self._seeded is None:
            self.where += ", exported before policies took seeds"
            if needs_seed:
                raise ValueError(
                    f"{folder} was exported before policies took seeds: leave seed out, or run the "
                    "training command again, which exports the finished run anew."
                )


def _load(folder: str | os.PathLike) -> Any:
    try:
        model = tf.saved_model.load(str(folder))
        model.action.concrete_functions[0]
        return model
    except Exception as error:  # whatever a damaged file makes TensorFlow raise
        raise ValueError(
            f"{folder} cannot be loaded as a policy ({graphs.first_line(error)}); give a folder "
            "that training has exported, such as <root_dir>/policies/greedy_policy."
        ) from error


def _derived(model: Any, folder: str | os.PathLike) -> description_lib.Description:
    """Describes a policy by the signature of its `action`."""
    function = model.action.concrete_functions[0]
    observed = function.structured_input_signature[0][0].observation
    by_key = observed if isinstance(observed, dict) else {"": observed}
    leaves = tf.nest.flatten(by_key)
    frames = {leaf.shape[1] if leaf.shape.rank > 1 else None for leaf in leaves}
    if len(leaves) != len(by_key) or len(frames) != 1 or None in frames:
        raise ValueError(
            f"{folder} holds a policy whose observations are no windows of frames: {observed}."
        )
    action = function.structured_outputs.action
    step = int(model.get_train_step())
    return description_lib.Description(
        kind="unknown",
        frames=frames.pop(),
        observation={
            key: description_lib.Field(tuple(leaf.shape[2:]), leaf.dtype.as_numpy_dtype.__name__)
            for key, leaf in by_key.items()
        },
        action=description_lib.Action(
            tuple(action.shape[1:]), action.dtype.as_numpy_dtype.__name__
        ),
        greedy=pathlib.Path(folder).name == "greedy_policy",
        train_step=step,
    )
