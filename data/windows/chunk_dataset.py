"""Training samples of action sequences: an observation window and the chunk of actions from it on.

See `chunks` for what a window is.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ibc.data import episodes
from ibc.data.records import shard_reader, specs
from ibc.data.windows import chunks, columns, dataset, streamed

# Windows whose features are computed at a time.
_PART_WINDOWS = 4096


class ChunkDataset(dataset.WindowDataset):
    """Windows over the episodes of several shards, in memory or on disk.

    A sample is `((observation, chunk), ())`: the first To observations of a window and the P
    actions from the last of them on. The frames that join episodes are never seen; an episode's
    last action counts where a recording has no such frames, see `episodes.are_steps`.

    Attributes:
      shape: rows of a window.
    """

    def __init__(
        self,
        shards: Sequence[shard_reader.Shard] | streamed.StreamedShards,
        shape: chunks.ChunkShape,
        keys: Sequence[str] | None = None,
        memory_limit_mb: float | None = None,
    ):
        """Joins shards and numbers the windows of all their episodes.

        Args:
          shards: at least one, all with the same spec; samples are the same bit for bit whether
            they are in memory or streamed.
          shape: rows of a window.
          keys: the observation's keys to keep, in this order; None keeps all, sorted.
          memory_limit_mb: see `WindowDataset`.

        Raises:
          ValueError: a key is missing, or no episode is as long as a window needs.
        """
        super().__init__(shards, shape.observation_steps, memory_limit_mb=memory_limit_mb)
        self.shape = shape
        if keys is None and isinstance(self.spec.observation, dict):
            # Of several files, and from one time to the next, their order may differ.
            keys = sorted(self.spec.observation)
        if keys is not None:
            _check_keys(keys, self.spec.observation, self.name)
            self.spec = self.spec._replace(observation=_chosen(self.spec.observation, keys))
            self.frames = self.frames._replace(observation=_chosen(self.frames.observation, keys))
            self._observation = self.frames.observation
        self._kept, self._ends = chunks.episodes_of(
            np.asarray(self.frames.step_type), episodes.are_steps(self.frames), self._lengths
        )
        self._features = None
        longest = int(np.max(np.diff(self._ends, prepend=0)))
        # Before windows that long are made.
        is_too_long = shape.chunk_steps > longest
        if not is_too_long:
            self._choose(np.ones(self.num_episodes, bool))
        if is_too_long or not self.num_windows:
            raise ValueError(
                f"no episode of {self.name} is long enough for a window of {shape.rows} rows: the "
                f"longest has {longest} steps. Choose a smaller train_eval.action_horizon or "
                "train_eval.horizon."
            )

    @property
    def num_episodes(self) -> int:
        """How many episodes there are, those included that no window is taken from."""
        return len(self._ends)

    @property
    def action_size(self) -> int:
        """A, numbers of an action."""
        return self.frames.action.shape[-1]

    @property
    def chunk_frames(self) -> np.ndarray:
        """Frame numbers of every window's actions, int32 [num_windows, P]."""
        return np.asarray(self._chunks)

    @property
    def action_frames(self) -> np.ndarray:
        """Numbers of the frames that have an action, of the episodes that are used, int64 [m]."""
        return self._kept[np.repeat(self._used, np.diff(self._ends, prepend=0))]

    def of_episodes(self, used: np.ndarray) -> "ChunkDataset":
        """Returns the windows of some episodes, bool [num_episodes], over the same frames."""
        result = copy.copy(self)
        result.__dict__.pop("_order", None)
        result._choose(used)
        return result

    def _choose(self, used: np.ndarray) -> None:
        self._used, shape = used, self.shape
        indices = chunks.create_indices(
            self._ends, shape.rows, used, shape.pad_before, shape.pad_after
        )
        frames = self._kept[chunks.window_rows(indices, shape.rows)].astype(np.int32)
        seen, first = shape.observation_steps, shape.observation_steps - 1
        self._lengths = [len(frames)]
        with tf.device("/cpu:0"):
            self._windows = tf.constant(frames[:, :seen])
            self._chunks = tf.constant(frames[:, first : first + shape.chunk_steps])

    def weights_of(self, frames: np.ndarray) -> np.ndarray:
        """Returns how often each stored frame is among some, int64 [number of frames]."""
        return np.bincount(np.ravel(frames), minlength=len(self.frames.step_type))

    def parts(self) -> Iterator[tuple[Any, np.ndarray]]:
        """Yields observations [n, To, ...] and chunks [n, P, A] of all windows, some at a time.

        Images are left out.
        """
        observation = self._observation
        if isinstance(observation, dict):
            spec = self.spec.observation
            observation = {k: v for k, v in observation.items() if not specs.is_image(spec[k])}
        elif self.has_images:
            observation = {}
        for start in range(0, self.num_windows, _PART_WINDOWS):
            numbers = tf.range(start, min(start + _PART_WINDOWS, self.num_windows))
            with tf.device("/cpu:0"):
                rows, chunk_rows = (
                    tf.gather(self._windows, numbers),
                    tf.gather(self._chunks, numbers),
                )
                part = columns.gather(observation, rows), columns.gather(self._action, chunk_rows)
            yield tf.nest.map_structure(lambda tensor: tensor.numpy(), part)

    def encoded(
        self,
        observation_layer: Callable[[Any], Any],
        chunk_layer: Callable[[Any, tf.Tensor], tf.Tensor],
    ) -> "ChunkDataset":
        """Returns this dataset with samples as an agent sees them; `frames` stay as stored.

        What is in memory and has no images is computed once, otherwise every batch is.

        Args:
          observation_layer: maps observations [n, To, ...] to an agent's.
          chunk_layer: maps observations and chunks [n, P, A] to an agent's actions [n, K].
        """
        result = copy.copy(self)

        def encode(observation, chunk):
            return observation_layer(observation), chunk_layer(observation, chunk)

        if self.has_images or self.is_streamed:
            result._transform = tf.function(encode, autograph=False)
            return result
        with tf.device("/cpu:0"):
            encoded = [encode(*part) for part in self.parts()]
            result._features = tf.nest.map_structure(lambda *each: tf.concat(each, 0), *encoded)
        return result

    def as_stored(self) -> "ChunkDataset":
        """Returns the same windows with raw observations and chunks."""
        result = super().as_stored()
        result._features = None
        return result

    def held(self) -> Any:
        """Returns a nest of the frames, features and windows, in memory or on disk."""
        return self.frames, self._features or (), self._windows, self._chunks

    def _gathered_from(self) -> list[str]:
        """See `WindowDataset`."""
        if self._features is not None:
            return ["_features"]
        return ["_observation", "_action", "_windows", "_chunks"]

    def _gather(self, window_indices: tf.Tensor) -> Any:
        """Gathers the sample of windows int64 [B]."""
        if self._features is not None:
            return tf.nest.map_structure(
                lambda values: tf.gather(values, window_indices), self._features
            ), ()
        held = self._images.instead_of(self._observation)
        observation = columns.gather(held, tf.gather(self._windows, window_indices))
        observation = self._decoded(observation)
        chunk = columns.gather(self._action, tf.gather(self._chunks, window_indices))
        sample = observation, chunk
        return (self._transform(*sample) if self._transform is not None else sample), ()


def _chosen(observation: Any, keys: Sequence[str]) -> Any:
    return {key: observation[key] for key in keys}


def _check_keys(keys: Sequence[str], observation: Any, name: str) -> None:
    known = sorted(observation) if isinstance(observation, dict) else []
    missing = [key for key in keys if key not in known]
    if missing:
        raise ValueError(
            f"sequence_coding.keys names {', '.join(missing)}, but the observations of {name} "
            f"{'are ' + ', '.join(known) if known else 'have no keys, being one tensor'}."
        )
