"""Expert data is made where there is none."""

import json

import gin
import pytest

from ibc.online import demonstrations, expert_recording, interaction_env


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    gin.clear_config()


def test_an_oracle_is_recorded_once_and_its_return_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(expert_recording, "EPISODES", 2)
    expert_recording.ensure("PARTICLE", "data/particle*.tfrecord")
    path = tmp_path / "data" / "particle.tfrecord"
    written = path.stat().st_mtime_ns
    kept = json.loads((tmp_path / "data" / "returns.json").read_text())["PARTICLE"]
    shown = demonstrations.read("PARTICLE", str(path), interaction_env.load("PARTICLE"), False)
    assert len(shown) == 2 and kept["expert"] > kept["random"]
    expert_recording.ensure("PARTICLE", "data/particle*.tfrecord")
    assert path.stat().st_mtime_ns == written


@pytest.mark.slow
def test_without_an_oracle_sac_is_trained_and_recorded(tmp_path, monkeypatch):
    monkeypatch.setattr(expert_recording, "EPISODES", 2)
    settings = ["steps=60", "training.start=50", "training.batch_size=8", "evaluation.interval=60"]
    settings += ["evaluation.episodes=1", "logging.interval=20"]
    expert_recording.ensure("Pendulum-v1", None, ["pendulum_quick.gin"], settings=settings)
    assert (tmp_path / "runs/online/Pendulum-v1/SAC_seed0/policies/greedy_policy").is_dir()
    assert len(demonstrations.find("Pendulum-v1", None)) == 1


@pytest.mark.parametrize("path", ["a/*b*.tfrecord", "a.tfrecord,b.tfrecord", "a/*"])
def test_a_place_that_does_not_name_a_file_is_refused(path, tmp_path):
    with pytest.raises(ValueError, match="what to call a new file"):
        expert_recording.ensure("PARTICLE", path)
    assert not list(tmp_path.iterdir())
