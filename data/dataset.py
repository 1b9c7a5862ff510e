"""Training samples from memory: windows are index arithmetic, a batch is a gather."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ibc.data import join, shard_reader, specs, windows

_MAX_STEPS = np.iinfo(np.int64).max
# A batch of images takes hundreds of megabytes, and its images are decoded in parallel already.
_IMAGE_BATCHES_AT_ONCE = 2
_IMAGE_BATCHES_READY = 1
_IMAGES_AT_ONCE = 32


class WindowDataset:
    """Windows over the frames of several shards, all in memory.

    A sample is `((observation, action), ())`: the observations of a window's frames and the action
    of its last frame. Numbers are float32; images stay JPEG-encoded in memory and are decoded
    when a batch needs them. With `for_rnn` a sample is `((observation, action), discount)`, the
    windows are not repaired, there is an action for every frame, and discounts after the
    first episode's end are 0.

    Attributes:
      spec: `Trajectory` of `TensorSpec`s of one stored frame.
      frames: `Trajectory` nest of CPU tensors [n, ...], shard after shard. Observations and
        actions are float32, the action is one vector with `flatten_action`; images are strings
        [n] of JPEG data.
      window_frames: int32 [num_windows, T] frame numbers.
      name: says which files these are.
    """

    def __init__(
        self,
        shards: Sequence[shard_reader.Shard],
        sequence_length: int,
        for_rnn: bool = False,
        flatten_action: bool = True,
    ):
        """Joins shards and numbers their windows.

        Args:
          shards: at least one, all with the same spec.
          sequence_length: frames per window (T).
          for_rnn: windows for recurrent networks, see above.
          flatten_action: make the action nest one vector, in nest order.
        """
        self.spec = shards[0].spec
        self.name = shards[0].path + (f" and {len(shards) - 1} more" if len(shards) > 1 else "")
        frames = join.join_frames(shards, flatten_action)
        self.window_frames = join.join_windows(shards, sequence_length, repair=not for_rnn)
        with tf.device("/cpu:0"):
            self.frames = tf.nest.map_structure(tf.constant, frames)
            self._windows = tf.constant(self.window_frames)
            self._order = tf.constant(windows.interleaved_order([len(shard) for shard in shards]))
            self._discounts = None
            if for_rnn:
                self._discounts = tf.constant(join.masked_discounts(frames, self.window_frames))
        self._observation = self.frames.observation
        self._action = self.frames.action
        self._transform = None

    @property
    def num_windows(self) -> int:
        """Number of windows, as many as there are frames."""
        return len(self.window_frames)

    @property
    def has_images(self) -> bool:
        """Whether observations contain images."""
        return any(map(specs.is_image, tf.nest.flatten(self.spec.observation)))

    def normalized(
        self, observation_layer: Callable[[Any], Any], action_layer: Callable[[Any], Any]
    ) -> "WindowDataset":
        """Returns this dataset with normalized samples; `frames` stay as stored.

        Without images the layers run once over all frames, otherwise over every batch.

        Args:
          observation_layer: maps nests of observations [..., D] to float32 of the same shape.
          action_layer: the same for actions.
        """
        result = copy.copy(self)
        with tf.device("/cpu:0"):
            result._action = action_layer(self._action)
            if self.has_images:
                # Compiled, the passes over every pixel are fused into one.
                result._transform = tf.function(observation_layer, jit_compile=True)
            else:
                result._observation = observation_layer(self._observation)
        return result

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

    def unshuffled(self, start: int, count: int) -> np.ndarray:
        """Window numbers in the deterministic order (shards take turns), going round for ever.

        Args:
          start: position in that order to begin at.
          count: how many.

        Returns:
          int64 [count] window numbers.
        """
        return self._order.numpy()[np.arange(start, start + count) % self.num_windows]

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
            batch at its end; otherwise the order of `unshuffled`, without gaps.
          share: int64 scalar, which share of the batch to return.
          num_shares: equal shares that the batch is divided into, a divisor of B.

        Returns:
          A sample of tensors, ((observation [B / num_shares, T, ...], action [..., A]), ()).
        """
        numbers = self._window_numbers(step, batch_size, seed, shuffle, share, num_shares)
        return self._gather(numbers)

    def windows_at(self, step: int, batch_size: int, seed: int) -> np.ndarray:
        """Returns the numbers of the windows in a shuffled batch, int64 [B]; see `batch_at`."""
        return self._window_numbers(tf.constant(step, tf.int64), batch_size, seed).numpy()

    def _window_numbers(
        self,
        step: tf.Tensor,
        batch_size: int,
        seed: int,
        shuffle: bool = True,
        share: tf.Tensor | int = 0,
        num_shares: int = 1,
    ) -> tf.Tensor:
        rows = batch_size // num_shares
        within_batch = share * rows + tf.range(rows, dtype=tf.int64)
        if shuffle:
            batches = self.num_windows // batch_size
            epoch_seed = tf.random.experimental.stateless_fold_in(
                tf.constant([seed, 0], tf.int64), step // batches
            )
            indices = tf.random.experimental.index_shuffle(
                step % batches * batch_size + within_batch, epoch_seed, self.num_windows - 1
            )
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
          ValueError: a batch is larger than the data, or cannot be divided so.
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

        def element(number: tf.Tensor) -> Any:
            step, share = number // per_step, shares.start + number % per_step
            return self.batch_at(step, batch_size, seed, shuffle, share, num_shares)

        at_once = _IMAGE_BATCHES_AT_ONCE if self.has_images else tf.data.AUTOTUNE
        ready = _IMAGE_BATCHES_READY if self.has_images else tf.data.AUTOTUNE
        return (
            tf.data.Dataset.range(start_step * per_step, _MAX_STEPS)
            .map(element, num_parallel_calls=at_once, deterministic=True)
            .prefetch(ready)
        )

    def _gather(self, window_indices: tf.Tensor) -> Any:
        """Gathers the sample of windows int64 [B]."""
        frames = tf.gather(self._windows, window_indices)
        observation = tf.nest.map_structure(
            lambda values, spec: _gather_frames(values, spec, frames),
            self._observation,
            self.spec.observation,
        )
        if self._transform is not None:
            observation = self._transform(observation)
        action_frames = frames[:, -1] if self._discounts is None else frames
        action = tf.nest.map_structure(
            lambda values: tf.gather(values, action_frames), self._action
        )
        if self._discounts is None:
            return (observation, action), ()
        return (observation, action), tf.gather(self._discounts, window_indices)


def decode_image(encoded: tf.Tensor, spec: tf.TensorSpec) -> tf.Tensor:
    """Decodes one JPEG into uint8 [height, width, channels] of the given spec."""
    return tf.ensure_shape(tf.io.decode_jpeg(encoded, channels=spec.shape[-1]), spec.shape)


def _gather_frames(values: tf.Tensor, spec: tf.TensorSpec, frames: tf.Tensor) -> tf.Tensor:
    """Gathers frames [B, T] of one leaf; images are decoded."""
    gathered = tf.gather(values, frames)
    if not specs.is_image(spec):
        return gathered
    images = tf.map_fn(
        lambda encoded: decode_image(encoded, spec),
        tf.reshape(gathered, [-1]),
        fn_output_signature=tf.TensorSpec(spec.shape, tf.uint8),
        parallel_iterations=_IMAGES_AT_ONCE,
    )
    return tf.reshape(images, [*frames.shape, *spec.shape])
