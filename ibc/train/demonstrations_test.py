import gin
import numpy as np
import pytest

from ibc.data.recording import journal, recorder
from ibc.data.recording import options as recording_options
from ibc.data.records import shard_reader
from ibc.environments import task
from ibc.environments.particle import particle  # noqa: F401  (gin.ParticleEnv)
from ibc.train import config_files, demonstrations


@pytest.fixture(autouse=True)
def few_episodes(monkeypatch):
    monkeypatch.setattr(task, "RECORDED_EPISODES", 4)


def modification_times(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_records_what_is_missing_and_leaves_what_is_there(tmp_path):
    path = str(tmp_path / "oracle*.tfrecord")
    demonstrations.ensure("PARTICLE", path)
    files = sorted(file.name for file in tmp_path.glob("*.tfrecord"))
    assert files == ["oracle_0.tfrecord", "oracle_1.tfrecord"]
    frames = shard_reader.read_shard(str(tmp_path / files[0])).frames
    assert np.sum(frames.step_type == 2) == 2

    before = modification_times(tmp_path)
    demonstrations.ensure("PARTICLE", path)
    assert modification_times(tmp_path) == before

    # As an interrupted recording would leave it.
    (tmp_path / "oracle_1.tfrecord").unlink()
    demonstrations.ensure("PARTICLE", path)
    assert (tmp_path / "oracle_1.tfrecord").exists()


def test_a_recording_that_was_ended_with_all_its_files_leaves_no_journals(tmp_path, monkeypatch):
    path = str(tmp_path / "oracle*.tfrecord")
    with monkeypatch.context() as killed:
        killed.setattr(journal, "forget", lambda shard_path: None)
        demonstrations.ensure("PARTICLE", path)
    assert len(list(tmp_path.glob(".*.journal"))) == 2
    before = {file: file.read_bytes() for file in tmp_path.glob("*.tfrecord")}
    demonstrations.ensure("PARTICLE", path)
    assert {file: file.read_bytes() for file in tmp_path.glob("*.tfrecord")} == before
    assert not list(tmp_path.glob(".*"))


def test_a_shard_of_ones_own_is_left_alone(tmp_path):
    options = recording_options.EvaluationOptions(
        task="PARTICLE",
        policy="oracle",
        num_episodes=3,
        replicas=1,
        dataset_path=str(tmp_path / "oracle.tfrecord"),
    )
    recorder.run(options)
    gin.clear_config()
    before = modification_times(tmp_path)
    demonstrations.ensure("PARTICLE", str(tmp_path / "oracle*.tfrecord"))
    assert modification_times(tmp_path) == before


def test_bindings_of_the_environment_reach_the_recording(tmp_path):
    gin.parse_config("dimensions = 5\nParticleEnv.n_dim = %dimensions")
    bindings = config_files.environment_bindings()
    demonstrations.ensure("PARTICLE", str(tmp_path / "p*.tfrecord"), environment_bindings=bindings)
    frames = shard_reader.read_shard(str(tmp_path / "p_0.tfrecord")).frames
    assert frames.action.shape[-1] == 5


@pytest.mark.parametrize("path", ["a*.tfrecord,b*.tfrecord", "a*_*.tfrecord", "a?.tfrecord"])
def test_path_that_names_no_file_is_refused(tmp_path, path):
    with pytest.raises(ValueError, match="give one path with at most one"):
        demonstrations.ensure("PARTICLE", str(tmp_path / path))


def test_a_task_without_oracle_is_refused_with_the_command_that_converts(tmp_path):
    with pytest.raises(ValueError, match=r"door-human-v0 has no oracle.*ibc-data convert"):
        demonstrations.ensure("door-human-v0", str(tmp_path / "door*.tfrecord"))


def test_data_under_any_glob_is_left_alone(tmp_path, particle_data):
    demonstrations.ensure("PARTICLE", f"{particle_data},{particle_data}")
