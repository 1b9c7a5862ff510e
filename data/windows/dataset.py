"""Training samples: windows are index arithmetic, a batch is a gather."""

import copy
import functools
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tf_agents.trajectories import time_step as ts
from tf_agents.trajectories import trajectory

from ibc.data.records import shard_reader, specs
from ibc.data.windows import batches, columns, decoded_images, streamed, windows

_MAX_STEPS = np.iinfo(np.int64).max


class WindowDataset:
    """Windows over the frames of several shards, in memory or on disk.

    A sample is `((observation, action), ())`: the observations of a window's frames and the action
    of its last frame. Numbers are float32; images stay encoded and are decoded when a batch
    needs them, or once by `as_tf_dataset` if there is memory for all of them. With `for_rnn` a
    sample is `((observation, action), discount)`, the windows are not repaired, there is an action
    for every frame, and discounts after the first episode's end are 0.

    Attributes:
      spec: `Trajectory` of `TensorSpec`s of one stored frame.
      frames: `Trajectory` nest of CPU tensors [n, ...], shard after shard. Observations and
        actions are float32, the action is one vector with `flatten_action`; images are strings
        [n] of image files. Of streamed shards, observations and actions are columns on disk.
      window_frames: int32 [num_windows, T] frame numbers.
      name: says which files these are.
    """

    def __init__(
        self,
        shards: Sequence[shard_reader.Shard] | streamed.StreamedShards,
        sequence_length: int,
        for_rnn: bool = False,
        flatten_action: bool = True,
        memory_limit_mb: float | None = None,
    ):
        """Joins shards and numbers their windows.

        Args:
          shards: at least one, all with the same spec; samples are the same bit for bit whether
            they are in memory or streamed.
          sequence_length: frames per window (T).
          for_rnn: windows for recurrent networks, see above.
          flatten_action: make the action nest one vector, in nest order.
          memory_limit_mb: most memory (10⁶ bytes) for what is held and for the batches on their
            way to training; None does not look.
        """
        if isinstance(shards, streamed.StreamedShards):
            self.spec, paths, step_types = shards.spec, shards.paths, shards.step_types
            frames = shards.frames(flatten_action)
        else:
            self.spec, paths = shards[0].spec, [shard.path for shard in shards]
            step_types = [shard.frames.step_type for shard in shards]
            frames = _join_frames(shards, flatten_action)
        self.name = paths[0] + (f" and {len(paths) - 1} more" if len(paths) > 1 else "")
        self.memory_limit_mb = memory_limit_mb
        self._lengths = list(map(len, step_types))
        offsets = np.cumsum([0, *self._lengths[:-1]], dtype=np.int32)
        window_frames = np.concatenate(
            [
                windows.window_frames(shard, sequence_length, repair=not for_rnn) + offset
                for shard, offset in zip(step_types, offsets, strict=True)
            ]
        )
        with tf.device("/cpu:0"):
            self.frames = tf.nest.map_structure(
                lambda leaf: tf.constant(leaf) if isinstance(leaf, np.ndarray) else leaf, frames
            )
            self._windows = tf.constant(window_frames)
            self._discounts = None
            if for_rnn:
                kept = windows.first_episode_mask(frames.step_type[window_frames])
                discounts = np.where(kept, frames.discount[window_frames], np.float32(0))
                self._discounts = tf.constant(discounts)
        self._observation = self.frames.observation
        self._action = self.frames.action
        self._images = decoded_images.DecodedImages()
        self._transform = None

    @property
    def window_frames(self) -> np.ndarray:
        """Frame numbers of every window, int32 [num_windows, T]."""
        return np.asarray(self._windows)

    @property
    def num_windows(self) -> int:
        """Number of windows, as many as there are frames of all episodes."""
        return len(self._windows)

    @property
    def num_episodes(self) -> int:
        """Number of episodes that frames are of."""
        return int(np.sum(np.asarray(self.frames.step_type) == ts.StepType.FIRST))

    def of_episodes(self, used: np.ndarray) -> "WindowDataset":
        """Returns the windows that see only some episodes, over the same frames.

        A window whose frames are of several, as at the joint of two, needs all of them.

        Args:
          used: bool [num_episodes].
        """
        episode = np.cumsum(np.asarray(self.frames.step_type) == ts.StepType.FIRST) - 1
        kept = used[episode[self.window_frames]].all(axis=1)
        result = copy.copy(self)
        result.__dict__.pop("_order", None)
        of_shards = np.split(kept, np.cumsum(self._lengths)[:-1])
        result._lengths = [int(np.sum(part)) for part in of_shards]
        with tf.device("/cpu:0"):
            result._windows = tf.constant(self.window_frames[kept])
            if self._discounts is not None:
                result._discounts = tf.boolean_mask(self._discounts, kept)
        return result

    @property
    def is_streamed(self) -> bool:
        """Whether frames are on disk."""
        return not isinstance(tf.nest.flatten(self.frames.action)[0], tf.Tensor)

    @property
    def held_bytes(self) -> int:
        """Memory that frames and windows take, without batches."""
        return held_bytes(self)

    def held(self) -> Any:
        """Returns a nest of the frames, normalized ones too, and windows, in memory or on disk."""
        return self.frames, self._observation, self._action, self._windows

    @property
    def images(self) -> decoded_images.DecodedImages:
        """Those that are decoded already."""
        return self._images

    @property
    def has_images(self) -> bool:
        """Whether observations contain images."""
        return any(map(specs.is_image, tf.nest.flatten(self.spec.observation)))

    def normalized(
        self, observation_layer: Callable[[Any], Any], action_layer: Callable[[Any], Any]
    ) -> "WindowDataset":
        """Returns this dataset with normalized samples; `frames` stay as stored.

        Without images the layers run once over all frames, otherwise over every batch. Streamed
        numbers go to another file.

        Args:
          observation_layer: maps nests of observations [..., D] to float32 of the same shape.
          action_layer: the same for actions.
        """
        result = copy.copy(self)
        apply = columns.mapped if self.is_streamed else lambda nest, layer: layer(nest)
        with tf.device("/cpu:0"):
            if self.has_images:
                result._action = apply(self._action, action_layer)
                # Compiled, the passes over every pixel are fused into one.
                result._transform = tf.function(
                    observation_layer, jit_compile=True, autograph=False
                )
            else:
                result._observation, result._action = apply(
                    (self._observation, self._action),
                    lambda pair: (observation_layer(pair[0]), action_layer(pair[1])),
                )
        return result

    def on_device(self, device: str) -> "WindowDataset":
        """Returns this dataset with what batches are gathered from in a device's memory.

        `batch_at`, called where the device computes, then copies nothing from the processor's.

        Args:
          device: such as '/gpu:0'.

        Raises:
          ValueError: there are images, which a processor decodes, or frames are on disk.
        """
        if self.has_images or self.is_streamed:
            raise ValueError(
                f"{self.name}: images and streamed data are made into batches on CPUs."
            )
        result = copy.copy(self)

        def moved(tensor: tf.Tensor) -> tf.Tensor:
            # TensorFlow keeps int32 of GPUs in the processor's memory.
            return tf.cast(tensor, tf.int64) if tensor.dtype == tf.int32 else tf.identity(tensor)

        with tf.device(device):
            for name in self._gathered_from():
                setattr(result, name, tf.nest.map_structure(moved, getattr(self, name)))
        return result

    def _gathered_from(self) -> list[str]:
        """Names of the attributes with the tensors that batches are gathered from."""
        names = ["_observation", "_action", "_windows"]
        return names if self._discounts is None else [*names, "_discounts"]

    def as_stored(self) -> "WindowDataset":
        """Returns this dataset with samples that are not normalized."""
        result = copy.copy(self)
        result._observation, result._action = self.frames.observation, self.frames.action
        result._transform = None
        return result

    def fingerprint(self) -> str:
        """Returns a short text that is another one for other data, wherever its files are.

        It depends on all stored numbers and encoded images, in their order; whether samples are
        normalized makes no difference. A run notices by it that it goes on with other data.
        """
        checksum = zlib.crc32(np.asarray(self.frames.step_type).tobytes())
        for column in tf.nest.flatten((self.frames.observation, self.frames.action)):
            for part in columns.stored_bytes(column):
                checksum = zlib.crc32(part, checksum)
        return f"{self.num_windows} windows with checksum {checksum:08x}"

    def take(self, window_indices: Sequence[int]) -> tuple[Any, Any]:
        """Gathers a batch of windows by number, as NumPy arrays.

        Args:
          window_indices: integers [B] in [0, num_windows).

        Returns:
          ((observation [B, T, ...], action [B, A]), ()).
        """
        with tf.device("/cpu:0"):
            sample = self._gather(tf.constant(window_indices, tf.int64))
        return tf.nest.map_structure(lambda tensor: tensor.numpy(), sample)

    def batch_at(
        self,
        step: tf.Tensor,
        batch_size: int,
        seed: int,
        shuffle: bool = True,
        share: tf.Tensor | int = 0,
        num_shares: int = 1,
    ) -> Any:
        """The batch of one training step, a pure function of (seed, step).

        Args:
          step: int64 scalar, the number of the step.
          batch_size: windows per batch (B), at most `num_windows`.
          seed: decides the order.
          shuffle: every epoch in its own random order, without the windows that do not fill a
            batch at its end; otherwise shards take turns (`windows.interleaved_order`),
            round and round without gaps.
          share: int64 scalar, which share of the batch to return.
          num_shares: equal shares that the batch is divided into, a divisor of B.

        Returns:
          A sample of tensors, ((observation [B / num_shares, T, ...], action [..., A]), ()).
        """
        return self._gather(self.windows_at(step, batch_size, seed, shuffle, share, num_shares))

    def windows_at(
        self,
        step: tf.Tensor | int,
        batch_size: int,
        seed: int,
        shuffle: bool = True,
        share: tf.Tensor | int = 0,
        num_shares: int = 1,
    ) -> tf.Tensor:
        """Returns the numbers of a batch's windows, int64 [B / num_shares]; see `batch_at`."""
        step = tf.convert_to_tensor(step, tf.int64)
        rows = batch_size // num_shares
        within_batch = share * rows + tf.range(rows, dtype=tf.int64)
        if shuffle:
            indices = batches.shuffled(step, within_batch, batch_size, self.num_windows, seed)
        else:
            positions = (step * batch_size + within_batch) % self.num_windows
            indices = tf.gather(self._order, positions)
        return tf.ensure_shape(indices, [rows])

    def as_tf_dataset(
        self,
        batch_size: int,
        seed: int = 0,
        start_step: int = 0,
        shuffle: bool = True,
        shares: range = range(1),
        num_shares: int = 1,
    ) -> tf.data.Dataset:
        """Endless batches: element i is `batch_at(start_step + i)`.

        So a run that goes on from step s sees what an unbroken run would have seen from s on.
        With images at most three batches are in memory besides the one that is used. Where several
        devices share a batch, the elements are the given shares of one step's, then the next's.

        Args:
          batch_size: windows per batch (B).
          seed: decides the order.
          start_step: step of the first batch.
          shuffle: see `batch_at`.
          shares: the shares of a batch that are wanted.
          num_shares: equal shares that a batch is divided into.

        Returns:
          Dataset of ((observation [B / num_shares, T, ...], action [..., A]), ()).

        Raises:
          ValueError: a batch is larger than the data, or cannot be divided so, or does not fit into
            `memory_limit_mb`.
        """
        if not 1 <= batch_size <= self.num_windows:
            raise ValueError(
                f"batch_size is {batch_size}, but {self.name} gives {self.num_windows} training "
                "windows: choose a smaller train_eval.batch_size or record more episodes."
            )
        if batch_size % num_shares:
            raise ValueError(
                f"train_eval.batch_size is {batch_size}, which {num_shares} devices cannot share "
                f"equally; choose a multiple of {num_shares}."
            )
        per_step = len(shares)
        length = self._windows.shape[-1]
        window = batches.window_bytes(self.spec.observation, self.spec.action, length)
        self._hold_images(batch_size // num_shares * window, per_step)
        at_once, ready = batches.ahead_within(
            self.memory_limit_mb,
            self.held_bytes,
            batch_size // num_shares * window,
            per_step,
            self.has_images,
            self.name,
        )

        def element(number: tf.Tensor) -> Any:
            step, share = number // per_step, shares.start + number % per_step
            return self.batch_at(step, batch_size, seed, shuffle, share, num_shares)

        elements = tf.data.Dataset.range(start_step * per_step, _MAX_STEPS).map(
            element, num_parallel_calls=at_once, deterministic=True
        )
        elements = elements.prefetch(ready) if ready else elements
        return elements.with_options(batches.as_written())

    @functools.cached_property
    def _order(self) -> tf.Tensor:
        """The deterministic order, int64 [num_windows]; shuffled batches do not need it."""
        with tf.init_scope(), tf.device("/cpu:0"):
            return tf.constant(windows.interleaved_order(self._lengths))

    def _gather(self, window_indices: tf.Tensor) -> Any:
        """Gathers the sample of windows int64 [B]."""
        frames = tf.gather(self._windows, window_indices)
        held = self._images.instead_of(self._observation), self._action
        observation, action = columns.gather(held, frames)
        observation = self._decoded(observation)
        if self._transform is not None:
            observation = self._transform(observation)
        if self._discounts is None:
            return (observation, tf.nest.map_structure(lambda each: each[:, -1], action)), ()
        return (observation, action), tf.gather(self._discounts, window_indices)

    def _hold_images(self, batch_bytes: int, in_use: int) -> None:
        """Decodes the images if there is room for all besides as many batches as there may be."""
        if not self.has_images or self.is_streamed:
            return
        room = decoded_images.room_without_limit()
        if self.memory_limit_mb is not None:
            taken = self.held_bytes + (in_use + batches.MOST_IMAGE_BATCHES) * batch_bytes
            room = 1e6 * self.memory_limit_mb - taken
        with tf.device("/cpu:0"):
            self._images.hold(self.frames.observation, self.spec.observation, room)

    def _decoded(self, observation: Any) -> Any:
        """Decodes the images of observations [B, T, ...]."""
        return tf.nest.map_structure(batches.decoded, observation, self.spec.observation)


def held_bytes(*parts: WindowDataset) -> int:
    """Memory that the frames and windows of some data sets take; what they share counts once."""
    held = {id(leaf): leaf for leaf in tf.nest.flatten([part.held() for part in parts])}
    images = {id(part.images): part.images for part in parts}
    decoded = sum(each.held_bytes for each in images.values())
    return decoded + sum(map(columns.held_bytes, held.values()))


def _join_frames(
    shards: Sequence[shard_reader.Shard], flatten_action: bool
) -> trajectory.Trajectory:
    """Concatenates all frames: nest of arrays [n, ...] as `WindowDataset.frames` describes."""
    frames = tf.nest.map_structure(
        lambda *arrays: np.concatenate(arrays), *[shard.frames for shard in shards]
    )
    observation = tf.nest.map_structure(
        lambda values, spec: values if specs.is_image(spec) else values.astype(np.float32),
        frames.observation,
        shards[0].spec.observation,
    )
    action = tf.nest.map_structure(lambda values: values.astype(np.float32), frames.action)
    if flatten_action:
        leaves = tf.nest.flatten(action)
        action = np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=-1)
    return frames._replace(observation=observation, action=action)
