import io
import json
import os
import pathlib
import shutil
import struct

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
from tf_agents.trajectories import policy_step, trajectory
from tf_agents.trajectories import time_step as ts
from tf_agents.utils import example_encoding_dataset

from ibc.data.records import manifest, shard_files, shard_reader, specs
from tests import fuzz_testing, shard_testing

_PUSH = "data/push/oracle_push_0.tfrecord"
_WINDOWS = "num/data/windows/two_episodes.tfrecord"


def _edit(path, change) -> None:
    path = pathlib.Path(path)
    path.write_bytes(change(bytearray(path.read_bytes())))


def _set_spec(path, spec) -> None:
    example_encoding_dataset.encode_spec_to_file(path + specs.SPEC_SUFFIX, spec)


def _flip(position):
    def change(data):
        data[position % len(data)] ^= 0x10
        return data

    return change


def _record_ends(path) -> list[int]:
    """Byte positions at which records end: 12 bytes come before and 4 after the data of each."""
    sizes = [len(record.numpy()) + 16 for record in tf.data.TFRecordDataset(path)]
    return np.cumsum(sizes).tolist()


def _assert_refused(path, *mentions):
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        shard_reader.read_shard(path)
    message = str(caught.value)
    assert "\n" not in message
    for mention in (path, *mentions):
        assert mention in message


def test_published_push_shard_decodes_to_recorded_values(golden):
    expected = np.load(golden("data/decoded_push.npz"))
    shard = shard_reader.read_shard(str(golden(_PUSH)))
    assert len(shard) == expected["num_records"]
    for name in ("step_type", "next_step_type", "reward", "discount", "action"):
        np.testing.assert_array_equal(getattr(shard.frames, name), expected[name])
    names = [name for name in expected.files if name.startswith("obs/")]
    assert {name[4:] for name in names} == set(shard.frames.observation)
    for name in names:
        np.testing.assert_array_equal(shard.frames.observation[name[4:]], expected[name])


def test_missing_files_are_named(tmp_path):
    path = str(tmp_path / "a.tfrecord")
    _assert_refused(path, "does not exist")
    shard_testing.write(path)
    os.remove(path + specs.SPEC_SUFFIX)
    _assert_refused(path, path + specs.SPEC_SUFFIX, "is missing")


@pytest.mark.parametrize("with_manifest", [True, False])
def test_every_truncation_is_noticed(tmp_path, with_manifest):
    path = shard_testing.write(tmp_path / "a.tfrecord", (2,), with_manifest=with_manifest)
    with open(path, "rb") as file:
        data = file.read()
    last_end = _record_ends(path)[-2]
    positions = [0, 1, 11, 12, 13, last_end - 4, last_end, last_end + 8, len(data) - 1]
    for position in positions:
        with open(path, "wb") as file:
            file.write(data[:position])
        _assert_refused(path)


@pytest.mark.parametrize("with_manifest", [True, False])
def test_flipped_bits_are_noticed(tmp_path, with_manifest):
    path = shard_testing.write(tmp_path / "a.tfrecord", (2,), with_manifest=with_manifest)
    for file in filter(os.path.exists, shard_files.files_of(path)):
        size, is_manifest = os.path.getsize(file), file.endswith(manifest.MANIFEST_SUFFIX)
        some = [0, 7, 9, 12, 40, size // 2, size - 1]
        for position in range(0, size, 5) if is_manifest else some:
            _edit(file, _flip(position))
            _assert_refused(path, file if is_manifest else "")
            _edit(file, _flip(position))
    shard_reader.read_shard(path)


@pytest.mark.parametrize("length", [0, 1, 20])
def test_truncated_specs_and_manifests_are_noticed(tmp_path, length):
    for suffix in (specs.SPEC_SUFFIX, manifest.MANIFEST_SUFFIX):
        path = shard_testing.write(tmp_path / "a.tfrecord", (2,))
        _edit(path + suffix, lambda data: data[:length])
        _assert_refused(path, path + suffix)


def test_a_manifest_shows_records_missing_after_a_whole_episode(tmp_path):
    path = shard_testing.write(tmp_path / "a.tfrecord", (2, 2))
    middle = _record_ends(path)[2]
    _edit(path, lambda data: data[:middle])
    _assert_refused(path, path + manifest.MANIFEST_SUFFIX, "bytes")


def test_counts_of_the_manifest_are_checked(tmp_path):
    path = shard_testing.write(tmp_path / "a.tfrecord", (2, 2))
    manifest_file = pathlib.Path(path + manifest.MANIFEST_SUFFIX)
    contents = json.loads(manifest_file.read_text())
    for name in ("records", "episodes"):
        manifest_file.write_text(json.dumps(contents | {name: contents[name] + 1}))
        _assert_refused(path, f"{name} is {contents[name]}, expected {contents[name] + 1}")


@pytest.mark.parametrize(
    ("records", "stray", "said"),
    [
        (5, 0, "ends within an episode"),
        *((4, stray, "is damaged") for stray in (1, 7, 11, 12, 100)),
    ],
)
def test_a_published_shard_that_was_cut_is_noticed(golden, tmp_path, records, stray, said):
    for suffix in ("", specs.SPEC_SUFFIX):
        shutil.copyfile(golden(_WINDOWS + suffix), tmp_path / f"a.tfrecord{suffix}")
    path = str(tmp_path / "a.tfrecord")
    end = _record_ends(path)[records - 1] + stray
    _edit(path, lambda data: data[:end])
    _assert_refused(path, said)


def test_an_empty_shard_is_noticed(tmp_path):
    path = shard_testing.write(tmp_path / "a.tfrecord", with_manifest=False)
    _edit(path, lambda data: b"")
    _assert_refused(path, "holds no records")


@pytest.mark.parametrize(
    "observation_spec",
    [
        shard_testing.OBSERVATION_SPEC | {"position": tf.TensorSpec([3], tf.float32)},
        shard_testing.OBSERVATION_SPEC | {"position": tf.TensorSpec([1], tf.float32)},
        shard_testing.OBSERVATION_SPEC | {"angle": tf.TensorSpec([2], tf.float64)},
        shard_testing.OBSERVATION_SPEC | {"angle": tf.TensorSpec([1], tf.int64)},
        shard_testing.OBSERVATION_SPEC | {"more": tf.TensorSpec([1], tf.float32)},
    ],
)
def test_records_that_do_not_fit_the_spec_are_noticed(tmp_path, observation_spec):
    path = shard_testing.write(tmp_path / "a.tfrecord", with_manifest=False)
    _set_spec(path, shard_testing.frame_spec(observation_spec))
    _assert_refused(path, "do not fit")


def _transitions(observations, actions, rewards):
    """One episode of transitions as the published D4RL shards of locomotion tasks have them."""
    n = len(observations)
    step_types = np.array([ts.StepType.FIRST, *[ts.StepType.MID] * (n - 2), ts.StepType.LAST])
    for i in range(n):
        is_last = i == n - 1
        following = np.zeros_like(observations[i]) if is_last else observations[i + 1]
        zero = np.float32(0)
        yield trajectory.Transition(
            time_step=ts.TimeStep(step_types[i], zero, zero, observations[i]),
            action_step=policy_step.PolicyStep(actions[i], (), ()),
            next_time_step=ts.TimeStep(
                step_types[(i + 1) % n], rewards[i], np.float32(1 - is_last), following
            ),
        )


def test_transition_records_are_read_as_trajectories(tmp_path):
    random = np.random.RandomState(0)
    observations, actions = random.randn(2, 4, 5).astype(np.float32)
    rewards = random.randn(4).astype(np.float32)
    transitions = list(_transitions(observations, actions, rewards))
    path = str(tmp_path / "a.tfrecord")
    spec = tf.nest.map_structure(
        tf.TensorSpec.from_tensor, tf.nest.map_structure(tf.convert_to_tensor, transitions[0])
    )
    shard_testing.write_as_tf_agents(path, spec, transitions)
    shard = shard_reader.read_shard(path)
    np.testing.assert_array_equal(shard.frames.observation, observations)
    np.testing.assert_array_equal(shard.frames.action, actions)
    np.testing.assert_array_equal(shard.frames.reward, rewards)
    np.testing.assert_array_equal(shard.frames.discount, [1, 1, 1, 0])
    np.testing.assert_array_equal(shard.frames.step_type, [0, 1, 1, 2])
    np.testing.assert_array_equal(shard.frames.next_step_type, [1, 1, 2, 0])
    assert shard.spec.observation == tf.TensorSpec([5], tf.float32)


def test_records_of_something_else_are_refused(tmp_path):
    path = shard_testing.write(tmp_path / "a.tfrecord", with_manifest=False)
    step = ts.time_step_spec(tf.TensorSpec([3], tf.float32))
    for spec in (step, trajectory.Transition(step, shard_testing.ACTION_SPEC, step)):
        _set_spec(path, spec)
        _assert_refused(path, f"describes {type(spec).__name__} records")


def test_images_that_are_not_jpeg_or_of_another_size_are_noticed(tmp_path):
    spec = shard_testing.IMAGES
    path = shard_testing.write(tmp_path / "a.tfrecord", (2,), spec, with_manifest=False)
    _set_spec(path, shard_testing.frame_spec({"rgb": tf.TensorSpec([8, 24, 3], tf.uint8)}))
    _assert_refused(path, "[16, 24, 3]", "[8, 24, 3]")

    raw = str(tmp_path / "raw.tfrecord")
    shard_testing.write_as_tf_agents(raw, spec, shard_testing.frames(spec, (2,)))
    _assert_refused(raw, "not stored as JPEG")


def test_an_image_that_is_cut_is_noticed(tmp_path):
    def cut(features):
        encoded = features["observation/rgb"].bytes_list.value
        encoded[0] = encoded[0][:-40]

    path = shard_testing.write(
        tmp_path / "a.tfrecord", (4,), shard_testing.IMAGES, with_manifest=False
    )
    shard_testing.change_record(path, 3, cut)
    _assert_refused(path, "rgb is cut short in 1 of 5 frames, first in frame 3")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda png: png[:-8], "rgb is cut short in 1 of 3"),
        (lambda png: png[:8] + png[-8:], r"\[\]"),
    ],
)
def test_a_damaged_png_is_noticed(tmp_path, change, message):
    def damage(features):
        encoded = features["observation/rgb"].bytes_list.value
        file = io.BytesIO()
        PIL.Image.fromarray(np.zeros([16, 24, 3], np.uint8)).save(file, "png")
        encoded[0] = change(file.getvalue())

    path = shard_testing.write(
        tmp_path / "a.tfrecord", (2,), shard_testing.IMAGES, with_manifest=False
    )
    shard_testing.change_record(path, 0, damage)
    with pytest.raises(ValueError, match=message):
        shard_reader.read_shard(path)


def test_values_that_are_not_finite_are_noticed(tmp_path):
    def spoil(features):
        features["action"].float_list.value[1] = np.nan

    path = shard_testing.write(tmp_path / "a.tfrecord", (4,), with_manifest=False)
    shard_testing.change_record(path, 2, spoil)
    _assert_refused(path, "action is not finite in 1 of 5 frames, first in frame 2")


@pytest.mark.parametrize("length", [1 << 31, 1 << 62, (1 << 64) - 17])
def test_a_record_longer_than_memory_is_refused_unread(tmp_path, length):
    path = shard_testing.write(tmp_path / "a.tfrecord", with_manifest=False)
    header = struct.pack("<Q", length)
    checksum = struct.pack("<I", fuzz_testing.masked_crc(header))
    _edit(path, lambda data: header + checksum + data[12:])
    _assert_refused(path, f"announces a record of {length} bytes")


@pytest.mark.parametrize(
    "size, mention", [(1 << 40, "the longest record has"), (None, "leaves the shape of")]
)
def test_a_spec_that_no_record_can_fit_is_refused(tmp_path, size, mention):
    path = shard_testing.write(tmp_path / "a.tfrecord", with_manifest=False)
    _set_spec(path, shard_testing.frame_spec(action_spec=tf.TensorSpec([size], tf.float32)))
    _assert_refused(path, mention, "action")
