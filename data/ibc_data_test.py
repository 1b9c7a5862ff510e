"""Tests of the command for data sets."""

import os

import numpy as np
import pytest

from ibc.data import ibc_data, manifest, shard_reader, shard_testing

convert_testing = pytest.importorskip("ibc.data.convert_testing")


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
    low, high = frames.action.min(), frames.action.max()
    assert lines[-1] == f"  action: float32[2], {low:.6g} to {high:.6g}"
    assert any(line.startswith("  observation/angle: float64[1], ") for line in lines)


def test_verify_finds_the_damaged_shard(tmp_path, capsys):
    good = shard_testing.write(tmp_path / "a.tfrecord")
    ibc_data.main(["verify", good])
    assert capsys.readouterr().out == f"{good}: whole\n"
    bad = shard_testing.write(tmp_path / "b.tfrecord")
    with open(bad, "ab") as file:
        file.write(b"x")
    error = _error(capsys, "verify", str(tmp_path / "*.tfrecord"))
    assert error == "error: 1 of 2 record files cannot be used."
