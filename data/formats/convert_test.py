"""Tests of conversions to record files, forth and back."""

import os
import weakref

import numpy as np
import pytest
import tensorflow as tf

from ibc.data import formats
from ibc.data.formats import convert
from ibc.data.records import manifest, shard_reader
from ibc.data.windows import dataset
from tests import shard_testing

h5py = pytest.importorskip("h5py")
convert_testing = pytest.importorskip("tests.convert_testing")

_DOOR = "door-human-v0"
_LENGTHS = (4, 3, 5)
_TERMINATED = (True, False, True)


def _episodes(observation_size=39, action_size=28):
    return [
        convert_testing.episode(length, observation_size, action_size, seed)
        for seed, length in enumerate(_LENGTHS)
    ]


def _expected(episodes, terminated=_TERMINATED):
    """What frames should be read, as arrays."""
    lengths = [len(episode["actions"]) for episode in episodes]
    step_types = np.concatenate([[0, *[1] * (length - 2), 2] for length in lengths])
    discounts = np.concatenate(
        [[*[1.0] * (n - 1), float(not own)] for n, own in zip(lengths, terminated, strict=True)]
    )
    return {
        "observation": np.concatenate([episode["observations"][:-1] for episode in episodes]),
        "action": np.concatenate([episode["actions"] for episode in episodes]),
        "reward": np.concatenate([episode["rewards"] for episode in episodes]),
        "step_type": step_types,
        "next_step_type": np.append(step_types[1:], 0),
        "discount": discounts,
    }


def _assert_frames(path, expected):
    frames = shard_reader.read_shard(path).frames
    for name, values in expected.items():
        np.testing.assert_array_equal(getattr(frames, name), values, err_msg=name)


def _converted(source, tmp_path, task=None, **options):
    path = str(tmp_path / "out" / "a.tfrecord")
    return convert.convert(convert.open_source(source, task), path, **options)


@pytest.mark.parametrize("task", [None, _DOOR])
def test_d4rl_files_are_converted(tmp_path, task):
    episodes = _episodes()
    source = convert_testing.write_d4rl(tmp_path / "a.hdf5", episodes, _TERMINATED)
    counts = []
    done = _converted(source, tmp_path, task, on_frames=counts.append)
    _assert_frames(done.path, _expected(episodes))
    assert (done.episodes, done.of_episodes, done.frames) == (3, 3, 12)
    assert counts == list(_LENGTHS)
    assert done.mean_return == pytest.approx(np.mean([e["rewards"].sum() for e in episodes]))
    assert manifest.load(done.path).episodes == 3


@pytest.mark.parametrize("task", [None, _DOOR])
def test_minari_folders_are_converted(tmp_path, task):
    episodes = _episodes()
    source = convert_testing.write_minari(tmp_path / "door", episodes, _TERMINATED)
    done = _converted(source, tmp_path, task)
    _assert_frames(done.path, _expected(episodes))
    file = os.path.join(source, "data", "main_data.hdf5")
    _assert_frames(_converted(file, tmp_path, task).path, _expected(episodes))


def test_published_door_shard_comes_back_from_hdf5(tmp_path, golden):
    published = shard_reader.read_shard(str(golden(f"data/{_DOOR}/{_DOOR}_0.tfrecord")))
    frames = published.frames
    is_end = frames.step_type == 2
    with h5py.File(tmp_path / "door.hdf5", "w") as file:
        file["observations"], file["actions"] = frames.observation, frames.action
        file["rewards"] = frames.reward
        file["terminals"] = is_end & (frames.discount == 0)
        file["timeouts"] = is_end & (frames.discount == 1)
    done = _converted(tmp_path / "door.hdf5", tmp_path, _DOOR)
    found = shard_reader.read_shard(done.path)
    shard_testing.assert_equal(found.frames, frames)
    assert found.spec == published.spec
    assert done.episodes == 11


@pytest.mark.parametrize("wanted", ["numbers", "dict"])
def test_what_was_converted_can_be_trained_on(tmp_path, wanted):
    episodes = _episodes(6, 2)
    if wanted == "dict":
        for episode in episodes:
            both = np.split(episode["observations"], 2, axis=1)
            episode["observations"] = {"arm": both[0], "object": {"pose": both[1]}}
    source = convert_testing.write_minari(tmp_path / "mine", episodes, _TERMINATED)
    shard = shard_reader.read_shard(_converted(source, tmp_path).path)
    windows = dataset.WindowDataset([shard], sequence_length=2)
    (observation, action), _ = windows.take([0, 1])
    np.testing.assert_array_equal(action, episodes[0]["actions"][1:3])
    found = observation["object"]["pose"][0] if wanted == "dict" else observation[0]
    stored = episodes[0]["observations"]
    np.testing.assert_array_equal(
        found, (stored["object"]["pose"] if wanted == "dict" else stored)[:2]
    )


def test_minari_kitchens_get_d4rls_layout(tmp_path):
    episodes = _episodes(59, 9)
    for episode in episodes:
        episode["observations"] = {
            "observation": episode["observations"],
            "achieved_goal": {"kettle": np.zeros((len(episode["actions"]) + 1, 7))},
        }
    source = convert_testing.write_minari(tmp_path / "kitchen", episodes, _TERMINATED)
    done = _converted(source, tmp_path, "kitchen-mixed-v0")
    found = shard_reader.read_shard(done.path).frames.observation
    stored = np.concatenate([e["observations"]["observation"][:-1] for e in episodes])
    np.testing.assert_array_equal(found[:, :9], stored[:, :9])
    np.testing.assert_array_equal(found[:, 9:30], stored[:, 18:39])
    np.testing.assert_allclose(found[:, 30 + 11], -0.88)
    assert found.shape == (12, 60) and not found[:, 30 + 19].any()


def test_minari_mazes_are_refused(tmp_path):
    episodes = _episodes(27, 8)
    for episode in episodes:
        episode["observations"] = {"observation": episode["observations"]}
    source = convert_testing.write_minari(tmp_path / "maze", episodes, _TERMINATED)
    with pytest.raises(ValueError, match="mirror images of D4RL's"):
        convert.open_source(source, "antmaze-medium-play-v0")


def test_a_file_without_timeouts_is_cut_at_the_tasks_limit(tmp_path):
    path = tmp_path / "hopper.hdf5"
    with h5py.File(path, "w") as file:
        file["observations"], file["actions"] = np.zeros((2600, 11)), np.zeros((2600, 3))
        file["rewards"], file["terminals"] = np.ones(2600), np.arange(2600) == 299
    source = convert.open_source(path, "hopper-medium-v0")
    np.testing.assert_array_equal(source.lengths, [300, 1000, 1000, 300])
    np.testing.assert_array_equal(source.returns, [300, 1000, 1000, 300])
    assert source.frames(0).discount[-1] == 0 and source.frames(1).discount[-1] == 1
    with pytest.raises(ValueError, match=r"has no 'timeouts'.*--task"):
        convert.open_source(path)


def test_top_fraction_keeps_the_best_in_their_order(tmp_path):
    episodes = _episodes()
    returns = [episode["rewards"].sum() for episode in episodes]
    source = convert_testing.write_d4rl(tmp_path / "a.hdf5", episodes, _TERMINATED)
    done = _converted(source, tmp_path, top_fraction=0.5)
    best = np.sort(np.argsort(returns)[1:])
    kept = [episodes[i] for i in best]
    _assert_frames(done.path, _expected(kept, [_TERMINATED[i] for i in best]))
    assert (done.episodes, done.of_episodes) == (2, 3)


@pytest.mark.parametrize(
    ("returns", "fraction", "expected"),
    [
        ([1, 5, 3, 4], 0.5, [1, 3]),
        ([1, 5, 3], 0.5, [1, 2]),
        ([2, 2, 2, 2], 0.5, [0, 1]),
        ([1, 5, 3], 1.0, [0, 1, 2]),
        ([1, 5, 3], 0.01, [1]),
        (np.arange(100), 0.07, range(93, 100)),
    ],
)
def test_top_episodes(returns, fraction, expected):
    np.testing.assert_array_equal(convert.top_episodes(returns, fraction), expected)


@pytest.mark.parametrize("fraction", [0.0, 1.01, -1.0, float("nan")])
def test_impossible_fractions_are_refused(fraction):
    with pytest.raises(ValueError, match="top_fraction must be above 0 and at most 1"):
        convert.top_episodes([1.0], fraction)


def test_episodes_of_one_step_are_left_out(tmp_path):
    episodes = [convert_testing.episode(n, 3, 2, n) for n in (3, 1, 2)]
    source = convert_testing.write_d4rl(tmp_path / "a.hdf5", episodes, _TERMINATED)
    done = _converted(source, tmp_path)
    assert (done.episodes, done.too_short, done.frames) == (2, 1, 5)


def test_values_that_are_not_finite_leave_no_file(tmp_path):
    episodes = _episodes()
    episodes[1]["actions"][2, 5] = np.nan
    source = convert_testing.write_d4rl(tmp_path / "a.hdf5", episodes, _TERMINATED)
    with pytest.raises(ValueError, match="action is not finite in episode 1"):
        _converted(source, tmp_path)
    assert os.listdir(tmp_path / "out") == []


def test_data_of_another_task_is_refused(tmp_path):
    source = convert_testing.write_d4rl(tmp_path / "a.hdf5", _episodes(46, 26), _TERMINATED)
    with pytest.raises(ValueError, match=r"not those of door-human-v0, \[39\] and \[28\]"):
        convert.open_source(source, _DOOR)
    with pytest.raises(ValueError, match="unknown D4RL task 'door'"):
        convert.open_source(source, "door")


def test_files_that_are_no_hdf5_or_missing_are_refused(tmp_path):
    text = tmp_path / "a.hdf5"
    text.write_text("not HDF5")
    with pytest.raises(ValueError, match="is no HDF5 file, or a damaged one"):
        convert.open_source(text)
    for path, state in ((tmp_path / "b.hdf5", "missing"), (tmp_path, "the folder holds ")):
        with pytest.raises(FileNotFoundError, match=f"{state}.*described at https"):
            convert.open_source(path)


def test_one_record_file_at_a_time_is_in_memory(tmp_path, monkeypatch):
    shard_testing.write_several(tmp_path / "in", [(4, 3)] * 3)
    alive, read_shard = [], shard_reader.read_shard

    def read(path):
        assert not any(reference() is not None for reference in alive)
        shard = read_shard(path)
        alive.append(weakref.ref(shard.frames.action))
        return shard

    monkeypatch.setattr(shard_reader, "read_shard", read)
    source = convert.open_source(str(tmp_path / "in" / "*.tfrecord"))
    done = convert.convert(source, tmp_path / "all.tfrecord")
    assert (done.episodes, len(alive)) == (6, 6)


def test_record_files_that_differ_are_refused(tmp_path):
    shard_testing.write(tmp_path / "a_0.tfrecord")
    spec = shard_testing.frame_spec(action_spec=tf.TensorSpec([3], tf.float32))
    shard_testing.write(tmp_path / "a_1.tfrecord", spec=spec)
    with pytest.raises(ValueError, match=r"a_1.tfrecord is unlike .*a_0.tfrecord: action"):
        convert.open_source(str(tmp_path / "a_*.tfrecord"))


def test_record_files_can_be_filtered(tmp_path):
    paths = shard_testing.write_several(tmp_path, [(4, 3), (2,)])
    source = convert.open_source(str(tmp_path / "*.tfrecord"))
    np.testing.assert_array_equal(source.lengths, [5, 4, 3])
    shards = [shard_reader.read_shard(path).frames for path in paths]
    rewards = np.concatenate([frames.reward for frames in shards])
    returns = [rewards[:5].sum(), rewards[5:9].sum(), rewards[9:].sum()]
    done = convert.convert(source, tmp_path / "best.tfrecord", 0.3)
    best = slice(*[(0, 5), (5, 9), (9, 12)][int(np.argmax(returns))])
    found = shard_reader.read_shard(done.path).frames
    expected = tf.nest.map_structure(lambda *parts: np.concatenate(parts)[best], *shards)
    shard_testing.assert_equal(found, expected)


_ONE_EPISODE = """
import numpy as np
from ibc.data.formats import convert

@convert.register
class Npz:
    description = "an npz file of one episode"

    @classmethod
    def recognizes(cls, path):
        return path.endswith(".npz")

    def __init__(self, path, task):
        self.path = path
        self.arrays = dict(np.load(path))
        self.lengths, self.returns = np.array([len(self.arrays["reward"])]), np.zeros(1)

    def spec(self):
        return convert.frame_spec(self.arrays["observation"], self.arrays["action"].shape[1])

    def frames(self, number):
        return convert.episode_frames(**self.arrays, terminated=True)
"""


def test_a_format_is_added_by_a_file_of_its_own(tmp_path, monkeypatch):
    (tmp_path / "one_episode.py").write_text(_ONE_EPISODE)
    monkeypatch.setattr(convert, "_registered", list(convert.known_formats()))
    monkeypatch.setattr(formats, "__path__", [*formats.__path__, str(tmp_path)])
    episode = _episodes(3, 2)[0]
    actions, observations = episode["actions"], episode["observations"][:-1]
    path = tmp_path / "a.npz"
    np.savez(path, observation=observations, action=actions, reward=episode["rewards"])
    _assert_frames(
        _converted(path, tmp_path).path, {"observation": observations, "action": actions}
    )
    with pytest.raises(
        FileNotFoundError, match=r"HDF5 file of D4RL .* or an npz file of one episode"
    ):
        convert.open_source(tmp_path / "b.npy")
    known = {source.description.partition(" (")[0] for source in convert.known_formats()}
    assert set(formats.descriptions()) == known and len(known) == 12
