import glob
import os
import resource

import numpy as np
import pytest
import tensorflow as tf
from matplotlib import image

from ibc.data import ibc_data
from ibc.data.inspection import picture
from ibc.data.records import manifest, shard_reader
from tests import shard_testing

convert_testing = pytest.importorskip("tests.convert_testing")


@pytest.fixture
def door_file(tmp_path, monkeypatch) -> str:
    monkeypatch.chdir(tmp_path)
    episodes = [convert_testing.episode(n, 39, 28, n) for n in (4, 5)]
    return convert_testing.write_d4rl(tmp_path / "door.hdf5", episodes, (True, False))


def _error(capsys, *arguments) -> str:
    with pytest.raises(SystemExit) as exit_:
        ibc_data.main(arguments)
    assert exit_.value.code == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[-1].startswith("error: ")
    return lines[-1]


def test_convert_reports_what_it_made(door_file, tmp_path, capsys):
    ibc_data.main(["convert", door_file, "out/best.tfrecord", "--top_fraction=0.5"])
    assert os.path.isfile(tmp_path / "out" / "best.tfrecord.spec")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Wrote {tmp_path}/out/best.tfrecord"
    assert lines[1].startswith("Converted 1 of 2 episodes (")


def test_convert_knows_where_training_looks(door_file, tmp_path, capsys):
    ibc_data.main(["convert", door_file, "--task=door-human-v0"])
    path = str(tmp_path / "datasets" / "door-human-v0" / "door-human-v0.tfrecord")
    assert manifest.load(path).records == 9
    assert "9 frames" in capsys.readouterr().out


def test_convert_says_in_one_line_what_is_wrong(door_file, capsys):
    assert "give the record file to make" in _error(capsys, "convert", door_file)
    assert "check --task" in _error(capsys, "convert", door_file, "--task=pen-human-v0")
    assert "there is no" not in _error(capsys, "convert", "none.hdf5", "a.tfrecord")
    assert "top_fraction" in _error(capsys, "convert", door_file, "a", "--top_fraction=2")


@pytest.mark.parametrize("name", ["a.zarr", "a.parquet", "folder.zarr/"])
def test_convert_does_not_write_record_files_under_other_formats_names(door_file, capsys, name):
    with pytest.raises(SystemExit):
        ibc_data.main(["convert", door_file, name])
    assert "is written; name a record file (.tfrecord), an npz" in capsys.readouterr().err


def test_convert_keeps_everything_that_it_reads(door_file, tmp_path, monkeypatch, capsys):
    os.rename(door_file, "door.tfrecord.spec")
    # A record file of this name would have a spec in the input's place.
    assert "among the files" in _error(capsys, "convert", "door.tfrecord.spec", "door.tfrecord")
    shard = shard_testing.write(tmp_path / "a.tfrecord")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "among the files" in _error(capsys, "convert", "~/a.tfrecord", shard)
    assert "is a folder" in _error(capsys, "convert", shard, str(tmp_path))
    os.symlink("a.tfrecord", "link.tfrecord")
    assert "among the files" in _error(capsys, "convert", shard, "link.tfrecord")
    assert "is a device" in _error(capsys, "convert", shard, os.devnull)
    assert len(os.listdir(tmp_path)) == 5
    episodes = [convert_testing.episode(4, 39, 28, 0)]
    folder = convert_testing.write_minari(tmp_path / "door [1]", episodes, (True,))
    file = os.path.join(folder, "data", "main_data.hdf5")
    assert "among the files" in _error(capsys, "convert", folder, file)
    assert os.listdir(os.path.dirname(file)) == ["main_data.hdf5"]


def test_replay_reports_every_episode(particle_data, capsys):
    shard = particle_data.replace("*", "_0")
    ibc_data.main(["replay", shard, "--task=PARTICLE", "--num_episodes=2"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[:2]] == ["Episode 0", "Episode 1"]
    assert "50 steps" in lines[0]
    assert {line.split()[0] for line in lines[3:]} >= {"pos_agent", "vel_agent", "reward"}


def test_replay_says_in_one_line_what_is_wrong(tmp_path, capsys):
    path = shard_testing.write(tmp_path / "a.tfrecord")
    assert "does not fit" in _error(capsys, "replay", path, "--task=PARTICLE")
    assert "unknown task" in _error(capsys, "replay", path, "--task=PARTICEL")
    wrong = _error(capsys, "replay", path, "--task=PARTICLE", "--num_episodes=0")
    assert "must be at least 1, got 0" in wrong


def test_info_describes_a_shard(tmp_path, capsys):
    path = shard_testing.write(tmp_path / "a.tfrecord", (4, 3))
    ibc_data.main(["info", path])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{path}: 9 frames, 2 episodes"
    assert lines[1:3] == ["  manifest: matches", "  frames per episode: 4 to 5"]
    frames = shard_reader.read_shard(path).frames
    average = np.mean([frames.reward[:5].sum(), frames.reward[5:].sum()])
    assert float(lines[3].split()[-1]) == pytest.approx(average, rel=1e-5)
    positive = sum((frames.reward[part] > 0).any() for part in (slice(5), slice(5, 9)))
    at_end = sum((frames.reward[part] > 0).any() for part in (slice(3, 5), slice(7, 9)))
    assert lines[4].startswith(f"  episodes with a positive reward: {positive} of 2 (")
    assert lines[5].split(": ")[1].startswith(f"{at_end} of 2 (")
    low, high = frames.action.min(), frames.action.max()
    assert f"  action: float32[2], {low:.6g} to {high:.6g}" in lines
    assert any(line.startswith("  observation/angle: float64[1], ") for line in lines)


def test_info_tells_successes_and_totals_of_several_files(particle_data, capsys):
    ibc_data.main(["info", particle_data])
    lines = capsys.readouterr().out.splitlines()
    names = sorted(glob.glob(particle_data))
    assert [line.split(":")[0] for line in lines if ".tfrecord" in line] == names
    lines = lines[lines.index("Total of 2 files: 1020 frames, 20 episodes") :][:5]
    rewards = [shard_reader.read_shard(name).frames.reward.reshape(10, 51) for name in names]
    won = np.concatenate(rewards)[:, -2] > 0
    share = f"{won.sum()} of 20 ({100 * won.mean():.3g} %)"
    assert lines[-1] == f"  episodes with a positive reward in their last two frames: {share}"
    returns = np.concatenate(rewards).sum(axis=1)
    assert float(lines[-3].split()[-1]) == pytest.approx(returns.mean(), rel=1e-5)


@pytest.mark.parametrize("with_image", [False, True])
def test_info_draws_a_picture(tmp_path, capsys, with_image):
    spec = shard_testing.IMAGES if with_image else None
    for number in range(2):
        shard_testing.write(tmp_path / f"a_{number}.tfrecord", (4, 3), spec, seed=number)
    picture = tmp_path / "out" / "a.png"
    ibc_data.main(["info", str(tmp_path / "a_*.tfrecord"), f"--picture={picture}"])
    assert capsys.readouterr().out.splitlines()[-1] == f"Wrote {picture}"
    pixels = image.imread(picture)
    # Four histograms are a row of panels; the image begins another one.
    assert pixels.shape[:2] == (440 if with_image else 220, 1200)
    assert pixels[:, :, :3].std() > 0.05 and os.listdir(tmp_path / "out") == ["a.png"]


def test_info_draws_no_picture_of_another_kind_or_of_different_actions(tmp_path, capsys):
    assert "ending with .png" in _error(capsys, "info", "none.tfrecord", "--picture=a.pdf")
    shard_testing.write(tmp_path / "a.tfrecord")
    spec = shard_testing.frame_spec(action_spec=tf.TensorSpec([3], tf.float32))
    shard_testing.write(tmp_path / "b.tfrecord", spec=spec)
    error = _error(capsys, "info", str(tmp_path / "*.tfrecord"), f"--picture={tmp_path}/a.png")
    assert "b.tfrecord has actions of 3 numbers, the files before of 2" in error
    assert not (tmp_path / "a.png").exists()


def test_every_number_of_an_action_has_a_title(tmp_path):
    action = {"arm": tf.TensorSpec([2], tf.float32), "hand": tf.TensorSpec([], tf.float32)}
    spec = shard_testing.frame_spec(action_spec=action)
    shard = shard_reader.read_shard(shard_testing.write(tmp_path / "a.tfrecord", spec=spec))
    columns = picture.action_columns(shard)
    assert list(columns) == ["action/arm[0]", "action/arm[1]", "action/hand[0]"]
    np.testing.assert_array_equal(columns["action/arm[1]"], shard.frames.action["arm"][:, 1])
    np.testing.assert_array_equal(columns["action/hand[0]"], shard.frames.action["hand"])


@pytest.mark.parametrize(
    "returns",
    [[0.0], [0.0, 0.0], [0.3, 0.1 + 0.2], [1e30, 1e30], [np.nan, np.nan], [-np.inf, 1.0], []],
)
def test_figures_that_hardly_differ_or_are_not_finite_can_be_drawn(tmp_path, returns):
    path = tmp_path / "a.png"
    picture.save({"return": np.array(returns), "action[0]": np.zeros(6)}, None, path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_full_disk_is_one_line_and_leaves_nothing(door_file, tmp_path, capsys):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        error = _error(capsys, "convert", door_file, "out/a.tfrecord")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "File too large" in error
    assert os.listdir(tmp_path / "out") == []


def test_verify_decodes_every_image(tmp_path, capsys):
    def blank(features):
        encoded = features["observation/rgb"].bytes_list.value
        encoded[0] = encoded[0][:300] + b"\xff\xd9"

    path = shard_testing.write(tmp_path / "a.tfrecord", (4,), shard_testing.IMAGES)
    ibc_data.main(["verify", path])
    os.remove(path + manifest.MANIFEST_SUFFIX)
    shard_testing.change_record(path, 3, blank)
    assert len(shard_reader.read_shard(path)) == 5
    assert "1 of 1 record files" in _error(capsys, "verify", path)


def test_verify_finds_the_damaged_shard(tmp_path, capsys):
    good = shard_testing.write(tmp_path / "a.tfrecord")
    ibc_data.main(["verify", good])
    assert capsys.readouterr().out == f"{good}: whole\n"
    bad = shard_testing.write(tmp_path / "b.tfrecord")
    with open(bad, "ab") as file:
        file.write(b"x")
    error = _error(capsys, "verify", str(tmp_path / "*.tfrecord"))
    assert error == "error: 1 of 2 record files cannot be used."
