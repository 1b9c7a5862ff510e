"""Writes trajectory frames to one record file that appears under its name only when complete."""

import contextlib
import os
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import numpy as np
import tensorflow as tf
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts
from tf_agents.trajectories import trajectory
from tf_agents.utils import example_encoding_dataset

from ibc.data.records import frame_encoding, manifest, shard_files, specs
from ibc.utils import atomic_file

# What TF-Agents' observer takes.
_JPEG_QUALITY = 95


class ShardWriter:
    """Observer that records the frames of whole episodes in TF-Agents' record format.

    Used as a context manager; calling it with an unbatched `Trajectory` appends a frame:

        with ShardWriter("/tmp/push/oracle_push.tfrecord", policy.collect_data_spec) as writer:
            driver = py_driver.PyDriver(env, policy, observers=[writer], max_episodes=10)
            driver.run(env.reset())

    Until the end the records go to a hidden temporary file in the same folder. A clean exit
    renames spec, manifest and record file into place, in this order; an exception removes them.
    `keep_as` lets them outlive exceptions instead, and `append_episode` takes them up again.
    Where `path` is a link, they take the place of the file that it leads to, and readers find them
    under both names.
    What writers of the same file have left that were killed is removed at the start.
    Frames are stored as `TFRecordObserver(..., py_mode=True, compress_image=True)` stores them,
    uint8 images as JPEG, small ones as PNG where that is no larger.

    Attributes:
      path: name of the finished record file.
      num_frames: frames written so far.
      num_episodes: episodes begun so far (frames with step type FIRST).
      about: what the manifest says besides, see `manifest.Manifest`.
    """

    def __init__(self, path: str, trajectory_spec: trajectory.Trajectory):
        """Opens the temporary file.

        Args:
          path: record file to make; its folder is made if missing, an older file is replaced.
          trajectory_spec: spec of one frame, a policy's `collect_data_spec` (of
            tensors or of arrays).

        Raises:
          ValueError, OSError: `path` is no place for a record file, see `shard_files.check_name`.
        """
        shard_files.check_name(path)
        self.path = os.path.abspath(os.path.expanduser(path))
        self.num_frames = 0
        self.num_episodes = 0
        self.about: dict[str, Any] = {}
        self._last_step_type = None
        self._target = os.path.realpath(self.path)
        folder, name = os.path.split(self._target)
        # TensorFlow would report a folder that cannot be made by an error class of its own.
        os.makedirs(folder, exist_ok=True)
        atomic_file.remove_stale(folder, name)
        self._temporary = os.path.join(folder, shard_files.temporary_name(name, os.getpid()))
        self._spec = tensor_spec.from_spec(trajectory_spec)
        # Leaf numbers and names of what readers want to be finite.
        self._finite = [
            (number, name)
            for number, (name, leaf) in enumerate(specs.leaves(self._spec).items())
            if name.startswith(("observation", "action")) and leaf.dtype.is_floating
        ]
        self._is_kept = False
        self._encode = frame_encoding.serializer(self._spec, _JPEG_QUALITY)
        self._file = tf.io.TFRecordWriter(self._temporary)
        example_encoding_dataset.encode_spec_to_file(
            self._temporary + specs.SPEC_SUFFIX, self._spec
        )

    def __call__(self, frame: trajectory.Trajectory) -> None:
        """Appends one unbatched frame of NumPy values.

        Raises:
          ValueError: it does not fit the spec, has an observation or an action that is not
            finite, as readers refuse it, or cannot follow the frame before.
        """
        try:
            self._file.write(self._encode(frame))
        except ValueError as error:
            raise ValueError(self._misfit(frame, error)) from error
        values = tf.nest.flatten(frame)
        for number, name in self._finite:
            if not np.isfinite(values[number]).all():
                raise ValueError(
                    f"{self.path}: {name} is not finite in frame {self.num_frames}, and no "
                    "training could use it: check the settings of the task and the policy."
                )
        step_type = int(np.asarray(frame.step_type))
        begins = self._last_step_type in (None, ts.StepType.LAST)
        if begins != (step_type == ts.StepType.FIRST):
            before = "none" if self._last_step_type is None else f"one of {self._last_step_type}"
            raise ValueError(
                f"{self.path}: frame {self.num_frames} has step_type {step_type} after {before}, "
                f"but {int(ts.StepType.FIRST)} begins an episode, and after "
                f"{int(ts.StepType.LAST)} the next one begins: record whole episodes."
            )
        self._last_step_type = step_type
        self.num_frames += 1
        self.num_episodes += int(begins)

    def __enter__(self) -> "ShardWriter":
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            # A full disk may show only here, where what is left in memory is written.
            self._file.close()
            if error_type is None:
                self._check_complete()
                self._publish()
        finally:
            for file in () if self._is_kept else shard_files.files_of(self._temporary):
                with contextlib.suppress(FileNotFoundError):
                    os.remove(file)

    def append_episode(self, records: Sequence[bytes]) -> None:
        """Appends a whole episode that was encoded before, with the frame after its last step."""
        for record in records:
            self._file.write(record)
        self.num_frames += len(records)
        self.num_episodes += 1
        self._last_step_type = int(ts.StepType.LAST)

    def keep_as(self, name: str) -> None:
        """Renames the temporary files, which exceptions then leave alone; `flush` fills them."""
        self.flush()
        kept = os.path.join(os.path.dirname(self._target), name)
        for suffix in (specs.SPEC_SUFFIX, ""):
            os.replace(self._temporary + suffix, kept + suffix)
        self._temporary, self._is_kept = kept, True

    def flush(self) -> None:
        """Hands all frames to the operating system, so that they survive this process."""
        self._file.flush()

    def _misfit(self, frame: trajectory.Trajectory, error: ValueError) -> str:
        """Says which parts of a frame are not as the spec has them."""
        given = tf.nest.map_structure(
            lambda value: tf.TensorSpec(np.shape(value), np.asarray(value).dtype), frame
        )
        found, expected = (
            {name: specs.describe(leaf) for name, leaf in specs.leaves(spec).items()}
            for spec in (given, self._spec)
        )
        differing = [
            f"{name or 'it'} is {found.get(name, 'missing')}, not {expected.get(name, 'there')}"
            for name in sorted(found.keys() | expected.keys())
            if found.get(name) != expected.get(name)
        ]
        return (
            f"{self.path}: frame {self.num_frames} does not fit the spec that the file was opened "
            f"with: {'; '.join(differing) or specs.first_line(error)}."
        )

    def _check_complete(self) -> None:
        if not self.num_frames:
            raise ValueError(f"{self.path}: no frame was recorded, an empty shard is of no use.")
        if self._last_step_type != ts.StepType.LAST:
            raise ValueError(
                f"{self.path}: the last of {self.num_frames} frames has step_type "
                f"{self._last_step_type}, but a shard ends with the frame from the last step of "
                f"an episode ({int(ts.StepType.LAST)}) to the next: record whole episodes."
            )

    def _publish(self) -> None:
        manifest.write(self._temporary, self.num_frames, self.num_episodes, self.about)
        for suffix in (specs.SPEC_SUFFIX, manifest.MANIFEST_SUFFIX):
            link, target = self.path + suffix, self._target + suffix
            os.replace(self._temporary + suffix, target)
            # Beside a link to the record file, readers look for links to its companions.
            if os.path.realpath(link) != target:
                with contextlib.suppress(FileNotFoundError):
                    os.remove(link)
                os.symlink(target, link)
        os.replace(self._temporary, self._target)
