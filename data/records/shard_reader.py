"""Reads one record file into memory, whole, and says clearly what is wrong with a bad one."""

import dataclasses
import io
import os
from collections.abc import Iterator

import numpy as np
import PIL.Image
import tensorflow as tf
from tf_agents.trajectories import time_step as ts
from tf_agents.trajectories import trajectory

from ibc.data.records import manifest, shard_files, specs

_READ_BYTES = 8 << 20
_PART_BYTES = 64 << 20
_PART_RECORDS = 1 << 14
# By TF-Agents; anything else as bytes.
_STORED_AS_LISTS = (tf.float32, tf.int64)
_JPEG, _PNG = (b"\xff\xd8", b"\xff\xd9"), (b"\x89PNG\r\n", b"IEND\xaeB`\x82")
"""The first and last bytes of image files."""
_COPY_AGAIN = f"copy it again from where it came from, or {specs.RECORD_AGAIN}"

StoredNest = trajectory.Trajectory | trajectory.Transition


@dataclasses.dataclass(frozen=True)
class Shard:
    """The frames of one record file."""

    path: str
    """The record file."""
    spec: trajectory.Trajectory
    """Nest of `TensorSpec`s of one frame."""
    frames: trajectory.Trajectory
    """Nest of arrays [n, ...]; images are arrays [n] of JPEG or PNG files (object)."""
    records: np.ndarray | None = None
    """The serialized records, bytes [n], of a part of a file."""

    def __len__(self) -> int:
        return len(self.frames.step_type)

    def episodes(self) -> list[slice]:
        """Returns where each episode's frames are, from its first one to the next episode's."""
        starts = np.flatnonzero(self.frames.step_type == ts.StepType.FIRST).tolist()
        return list(map(slice, starts, [*starts[1:], len(self)]))


def read_shard(path: str) -> Shard:
    """Reads and checks a record file.

    Args:
      path: record file as TF-Agents' `TFRecordObserver` writes it, of trajectories or
        transitions, `<path>.spec` beside it and, for shards of this project,
        `<path>.manifest.json`.

    Returns:
      All frames, in the order of the file.

    Raises:
      FileNotFoundError: the file or its spec is missing.
      ValueError: the file, its spec or its manifest is damaged, incomplete or does not fit the
        others; the message names the file and what to do.
    """
    # Without the records, which take as much memory again.
    first, *others = [dataclasses.replace(part, records=None) for part in read_parts(path)]
    if not others:
        return first
    frames = tf.nest.map_structure(
        lambda *arrays: np.concatenate(arrays), *[part.frames for part in (first, *others)]
    )
    return Shard(path, first.spec, frames)


def load_spec(path: str) -> trajectory.Trajectory:
    """Returns the spec of one frame of a record file; see `read_shard` for what it raises."""
    return specs.as_trajectory(specs.load_stored_spec(path))


def read_parts(path: str, part_bytes: int = _PART_BYTES) -> Iterator[Shard]:
    """Reads and checks a record file part by part; whether it is complete shows at its end.

    Args:
      path: see `read_shard`.
      part_bytes: most bytes of records in a part, if one record is not longer.

    Yields:
      The parts, at least one.

    Raises:
      FileNotFoundError, ValueError: see `read_shard`.
    """
    stored_spec = specs.load_stored_spec(path)
    spec = specs.as_trajectory(stored_spec)
    contents = manifest.load(path)
    if contents is not None:
        manifest.check_files(path, contents)
    start, episodes = 0, 0
    for records in _record_batches(path, part_bytes):
        frames = specs.as_trajectory(_decode(path, stored_spec, records))
        _check_frames(path, spec, frames, start)
        yield Shard(path, spec, frames, records)
        start += len(records)
        episodes += int(np.sum(frames.step_type == ts.StepType.FIRST))
    last = int(frames.step_type[-1])
    if contents is not None:
        manifest.check_counts(path, contents, start, episodes)
    elif last != ts.StepType.LAST:
        raise ValueError(
            f"{path} ends within an episode (step_type {last} in the last of {start} records, "
            f"expected {int(ts.StepType.LAST)}): records are missing at its end; copy it again, "
            f"or {specs.RECORD_AGAIN}."
        )


def check_every_image(shard: Shard) -> None:
    """Decodes all images of a record file, of which reading has seen no more than their ends.

    Raises:
      ValueError: An image cannot be decoded, or its size is not that of the spec.
    """
    arrays = tf.nest.flatten(shard.frames)
    for (name, leaf), values in zip(specs.leaves(shard.spec).items(), arrays, strict=True):
        if not specs.is_image(leaf):
            continue
        for number, value in enumerate(values):
            try:
                found = str(list(tf.io.decode_jpeg(value).shape))
            except tf.errors.InvalidArgumentError as error:
                found = specs.first_line(error)
            if found != str(list(leaf.shape)):
                raise ValueError(
                    f"{shard.path}: {name} of frame {number} is no image of shape "
                    f"{list(leaf.shape)} ({found}): {specs.RECORD_AGAIN}."
                )


def _record_batches(path: str, most_bytes: int) -> Iterator[np.ndarray]:
    """Yields the serialized records in arrays [n] of bytes, and says if there is anything else."""
    longest = shard_files.check_record_lengths(path, _COPY_AGAIN)
    count = min(_PART_RECORDS, max(1, most_bytes // max(1, longest)))
    batches = iter(specs.stored_records(path, _READ_BYTES).batch(count))
    read = 0
    while True:
        try:
            records = next(batches, None)
        except tf.errors.OpError as error:
            reason = specs.first_line(error)
            raise ValueError(f"{path} is damaged ({reason}): {_COPY_AGAIN}.") from error
        if records is None:
            break
        records = records.numpy()
        read += sum(map(len, records)) + len(records) * shard_files.OVERHEAD
        yield records
    if not read:
        raise ValueError(f"{path} holds no records: {specs.RECORD_AGAIN}.")
    # TensorFlow takes a few stray bytes at the end of a file for its end.
    stray = os.path.getsize(path) - read
    if stray:
        raise ValueError(
            f"{path} is damaged ({stray} bytes after its last whole record): {_COPY_AGAIN}."
        )


def _decode(path: str, spec: StoredNest, records: np.ndarray) -> StoredNest:
    """Parses all records at once: each leaf of the spec is stored under its path."""
    leaves = specs.leaves(spec)
    longest = max(map(len, records))
    try:
        for name, leaf in leaves.items():
            # Before memory is allocated for it.
            if not specs.is_image(leaf) and leaf.shape.num_elements() > longest:
                what = f"{name} is {specs.describe(leaf)}"
                raise ValueError(f"{what}, but the longest record has {longest} bytes")
        features = {
            name: tf.io.FixedLenFeature(leaf.shape, leaf.dtype)
            if leaf.dtype in _STORED_AS_LISTS
            else tf.io.FixedLenFeature([], tf.string)
            for name, leaf in leaves.items()
        }
        columns = tf.io.parse_example(records, features)
        arrays = [_to_array(name, columns[name].numpy(), leaf) for name, leaf in leaves.items()]
    except (tf.errors.InvalidArgumentError, ValueError) as error:
        raise ValueError(
            f"the records of {path} do not fit {path}{specs.SPEC_SUFFIX} "
            f"({specs.first_line(error)}): the two files do not belong together; copy both "
            f"again, or {specs.RECORD_AGAIN}."
        ) from error
    return tf.nest.pack_sequence_as(spec, arrays)


def _to_array(name: str, column: np.ndarray, spec: tf.TensorSpec) -> np.ndarray:
    """Turns a parsed column into values [n, ...]; encoded images stay as they are."""
    if spec.dtype in _STORED_AS_LISTS or specs.is_image(spec):
        return column
    dtype = np.dtype(spec.dtype.as_numpy_dtype).newbyteorder("<")
    size = dtype.itemsize * spec.shape.num_elements()
    if any(len(value) != size for value in column):
        raise ValueError(f"a value of {name} is not {specs.describe(spec)}")
    values = np.frombuffer(b"".join(column), dtype).astype(dtype.newbyteorder("="))
    return values.reshape(len(column), *spec.shape)


def _check_frames(
    path: str, spec: trajectory.Trajectory, frames: trajectory.Trajectory, start: int
) -> None:
    """Checks frames of which the first one has the number `start` in the file."""
    arrays = tf.nest.flatten(frames)
    for (name, leaf), values in zip(specs.leaves(spec).items(), arrays, strict=True):
        if specs.is_image(leaf):
            _check_images(path, name, leaf, values, start)
        elif name.startswith(("observation", "action")) and not np.isfinite(values).all():
            bad = np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))
            raise ValueError(
                f"{path}: {name} is not finite in {len(bad)} of {len(values)} frames, first in "
                f"frame {start + bad[0]}: {specs.RECORD_AGAIN}."
            )


def _check_images(
    path: str, name: str, spec: tf.TensorSpec, values: np.ndarray, start: int
) -> None:
    """Looks at every image's first and last bytes, and at the size of the first image."""
    starts, ends = zip(_JPEG, _PNG, strict=True)
    if not all(value.startswith(starts) for value in values):
        raise ValueError(
            f"{path}: {name} is not stored as JPEG: write the shard with compress_image=True."
        )
    cut = [number for number, value in enumerate(values) if not value.endswith(ends)]
    if cut:
        raise ValueError(
            f"{path}: {name} is cut short in {len(cut)} of {len(values)} frames, first in frame "
            f"{start + cut[0]} (an image without its end): {specs.RECORD_AGAIN}."
        )
    shape = _image_shape(values[0])
    if shape != tuple(spec.shape):
        raise ValueError(
            f"{path}: {name} holds images of shape {list(shape)}, but its spec says "
            f"{list(spec.shape)}: {specs.RECORD_AGAIN}."
        )


def _image_shape(file: bytes) -> tuple[int, ...]:
    """Returns height, width, channels, of no numbers where the file's head is damaged."""
    try:
        with PIL.Image.open(io.BytesIO(file)) as image:
            return image.height, image.width, len(image.getbands())
    except OSError:
        return ()
