import io
import os
import subprocess
import sys

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
from tf_agents.specs import tensor_spec
from tf_agents.utils import example_encoding_dataset

from ibc.data.records import manifest, shard_reader, shard_writer, specs
from tests import shard_testing


def test_tf_agents_reads_what_was_written(tmp_path):
    path = shard_testing.write(tmp_path / "a.tfrecord", (4, 3))
    dataset = example_encoding_dataset.load_tfrecord_dataset(
        [path], as_trajectories=True, add_batch_dim=False, compress_image=True
    )
    expected = shard_testing.frames(shard_testing.frame_spec(), (4, 3))
    count = 0
    for found, frame in zip(dataset, expected, strict=True):
        shard_testing.assert_equal(tf.nest.map_structure(lambda t: t.numpy(), found), frame)
        count += 1
    assert count == 9


def test_our_reader_reads_what_was_written(tmp_path):
    shard = shard_reader.read_shard(shard_testing.write(tmp_path / "a.tfrecord", (4, 3)))
    expected = list(shard_testing.frames(shard_testing.frame_spec(), (4, 3)))
    shard_testing.assert_equal(
        shard.frames, tf.nest.map_structure(lambda *leaf: np.stack(leaf), *expected)
    )
    assert shard.frames.observation["angle"].dtype == np.float64


@pytest.mark.parametrize("spec", [shard_testing.frame_spec(), shard_testing.IMAGES])
def test_records_are_those_of_tf_agents_observer(tmp_path, spec):
    path = shard_testing.write(tmp_path / "ours.tfrecord", (5,), spec)
    frames = shard_testing.frames(spec, (5,))
    shard_testing.write_as_tf_agents(
        tmp_path / "theirs.tfrecord", spec, frames, compress_image=True
    )
    for suffix in ("", specs.SPEC_SUFFIX):
        theirs = (tmp_path / f"theirs.tfrecord{suffix}").read_bytes()
        assert (tmp_path / f"ours.tfrecord{suffix}").read_bytes() == theirs
    assert os.path.exists(path + manifest.MANIFEST_SUFFIX)


def test_array_specs_are_accepted(tmp_path):
    spec = shard_testing.frame_spec()
    arrays = tensor_spec.to_nest_array_spec(spec)
    path = str(tmp_path / "a.tfrecord")
    with shard_writer.ShardWriter(path, arrays) as writer:
        for frame in shard_testing.frames(spec, (3,)):
            writer(frame)
    assert specs.differences(specs.load_stored_spec(path), spec) == []


def test_nothing_is_visible_before_the_end(tmp_path):
    spec = shard_testing.frame_spec()
    with shard_writer.ShardWriter(str(tmp_path / "a.tfrecord"), spec) as writer:
        for frame in shard_testing.frames(spec, (3,)):
            writer(frame)
        assert os.listdir(tmp_path) and not list(tmp_path.glob("*.tfrecord"))
        assert all(name.startswith(".") for name in os.listdir(tmp_path))
    assert sorted(os.listdir(tmp_path)) == [
        "a.tfrecord", "a.tfrecord.manifest.json", "a.tfrecord.spec"
    ]  # fmt: skip


@pytest.mark.parametrize(("frames_before", "older"), [(0, False), (2, False), (0, True)])
def test_an_exception_leaves_what_was_there(tmp_path, frames_before, older):
    path, spec = str(tmp_path / "a.tfrecord"), shard_testing.frame_spec()
    if older:
        shard_testing.write(path, (4,))
    with pytest.raises(KeyboardInterrupt):
        with shard_writer.ShardWriter(path, spec) as writer:
            for frame in list(shard_testing.frames(spec, (3,)))[:frames_before]:
                writer(frame)
            raise KeyboardInterrupt
    assert len(os.listdir(tmp_path)) == (3 if older else 0)
    assert not older or len(shard_reader.read_shard(path)) == 5


@pytest.mark.parametrize(
    ("num_frames", "message"), [(0, "no frame was recorded"), (3, "record whole episodes")]
)
def test_incomplete_shards_are_refused(tmp_path, num_frames, message):
    spec = shard_testing.frame_spec()
    with pytest.raises(ValueError, match=message):
        with shard_writer.ShardWriter(str(tmp_path / "a.tfrecord"), spec) as writer:
            for frame in list(shard_testing.frames(spec, (4,)))[:num_frames]:
                writer(frame)
    assert os.listdir(tmp_path) == []


def test_images_are_stored_as_jpeg(tmp_path):
    spec = shard_testing.IMAGES
    path = shard_testing.write(tmp_path / "a.tfrecord", (2,), spec)
    records = [record.numpy() for record in tf.data.TFRecordDataset(path)]
    feature = tf.train.Example.FromString(records[0]).features.feature["observation/rgb"]
    image = tf.io.decode_jpeg(feature.bytes_list.value[0]).numpy()
    first = next(shard_testing.frames(spec, (2,)))
    assert image.shape == (16, 24, 3)
    # Noise survives JPEG badly, but the mean brightness does.
    assert abs(image.mean() - first.observation["rgb"].mean()) < 2


@pytest.mark.parametrize(("height", "width", "kind"), [(90, 120, "PNG"), (240, 320, "JPEG")])
def test_small_drawings_are_stored_exactly(tmp_path, height, width, kind):
    spec = shard_testing.frame_spec({"rgb": tf.TensorSpec([height, width, 3], tf.uint8)})
    drawing = np.full([height, width, 3], 230, np.uint8)
    drawing[30:60, 40:44] = [250, 10, 20]

    def drawn(frame):
        return frame._replace(observation={"rgb": drawing})

    path = str(tmp_path / "a.tfrecord")
    with shard_writer.ShardWriter(path, spec) as writer:
        for frame in shard_testing.frames(spec, (2,)):
            writer(drawn(frame))
    stored = shard_reader.read_shard(path).frames.observation["rgb"]
    assert {PIL.Image.open(io.BytesIO(each)).format for each in stored} == {kind}
    decoded = tf.io.decode_jpeg(stored[0]).numpy()
    assert np.array_equal(decoded, drawing) == (kind == "PNG")


def test_what_a_killed_writer_has_left_is_removed_by_the_next(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for suffix in ("", ".spec", ".manifest.json"):
        (tmp_path / f".a.tfrecord.tmp-{ended.pid}{suffix}").touch()
    (tmp_path / f".a.tfrecord.tmp-{os.getppid()}").touch()
    shard_testing.write(tmp_path / "a.tfrecord")
    hidden = [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert hidden == [f".a.tfrecord.tmp-{os.getppid()}"]


@pytest.mark.parametrize("older", [False, True])
def test_a_link_stays_and_its_file_is_written_for_readers_of_both(tmp_path, older):
    link, file = str(tmp_path / "latest.tfrecord"), str(tmp_path / "disk" / "a.tfrecord")
    if older:
        shard_testing.write(link, (2,))
        os.remove(link)
        shard_testing.write(file, (2,))
    os.symlink(file, link)
    for lengths in ((4,), (3, 3)):
        shard_testing.write(link, lengths)
        assert os.readlink(link) == file
        for path in (link, file):
            assert len(shard_reader.read_shard(path)) == sum(lengths) + len(lengths)
            assert manifest.load(path).episodes == len(lengths)
    assert len(os.listdir(tmp_path)) == 4 and len(os.listdir(tmp_path / "disk")) == 3


def _seeing(**observation):
    return lambda frame: frame._replace(observation={**frame.observation, **observation})


@pytest.mark.parametrize(
    ("change", "mention"),
    [
        (_seeing(position=np.zeros(3, "f")), "observation/position is float32[3], not float32[2]"),
        (_seeing(position=np.zeros(2)), "observation/position is float64[2], not float32[2]"),
        (_seeing(extra=np.zeros(2)), "observation/extra is float64[2], not there"),
        (
            lambda frame: frame._replace(observation={"angle": np.zeros(1)}),
            "observation/position is missing, not float32[2]",
        ),
        (
            lambda frame: tf.nest.map_structure(lambda x: np.asarray(x)[None], frame),
            "action is float32[1, 2], not float32[2]",
        ),
        (_seeing(angle=np.array([np.nan])), "observation/angle is not finite in frame 0"),
        (
            lambda frame: frame._replace(action=np.float32([0, np.inf])),
            "action is not finite in frame 0",
        ),
        (lambda frame: frame._replace(step_type=np.int32(1)), "frame 0 has step_type 1 after none"),
    ],
)
def test_a_wrong_frame_is_refused_by_what_differs(tmp_path, change, mention):
    spec = shard_testing.frame_spec()
    path = tmp_path / "a.tfrecord"
    with pytest.raises(ValueError) as error:
        with shard_writer.ShardWriter(str(path), spec) as writer:
            for frame in shard_testing.frames(spec, (3,)):
                writer(change(frame))
    assert mention in str(error.value) and str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_an_episode_that_does_not_end_is_not_followed_by_another(tmp_path):
    spec = shard_testing.frame_spec()
    first, *_ = shard_testing.frames(spec, (3,))
    with pytest.raises(ValueError, match="frame 1 has step_type 0 after one of 0"):
        with shard_writer.ShardWriter(str(tmp_path / "a.tfrecord"), spec) as writer:
            writer(first)
            writer(first)
