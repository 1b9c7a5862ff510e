"""Tests of recordings of episodes, and of replaying them."""

import json
import zipfile

import numpy as np
import pytest

from ibc.environments import suite
from ibc.environments.block_pushing import state_recording

_STATE = {"blocks": [[0.1, 1 / 3, -1e-300], {"name": "block"}], "step": 3}
_ACTIONS = np.random.RandomState(0).uniform(-0.1, 0.1, (4, 2)).astype(np.float32)


@pytest.fixture
def recording(tmp_path):
    """Path of a recording."""
    path = tmp_path / "new" / "episode_0.json.zip"
    state_recording.write_pybullet_state(path, _STATE, "PUSH", list(_ACTIONS))
    return path


def test_what_is_read_is_what_was_written(recording):
    found = state_recording.read_pybullet_state(recording)
    assert found["pybullet_state"] == _STATE
    assert found["task"] == "PUSH"
    assert found["state_version"] == state_recording.STATE_VERSION
    np.testing.assert_array_equal(np.float32(found["actions"]), _ACTIONS)


def test_file_is_a_zip_of_one_json_file_and_always_the_same(recording, tmp_path):
    with zipfile.ZipFile(recording) as archive:
        assert archive.namelist() == ["episode_0.json"]
        assert json.loads(archive.read("episode_0.json"))["task"] == "PUSH"
    again = tmp_path / "episode_0.json.zip"
    state_recording.write_pybullet_state(again, _STATE, "PUSH", list(_ACTIONS))
    assert again.read_bytes() == recording.read_bytes()


def test_state_without_actions_is_fine(tmp_path):
    path = str(tmp_path / "a.json.zip")
    state_recording.write_pybullet_state(path, _STATE, "REACH")
    assert state_recording.read_pybullet_state(path)["actions"] == []


@pytest.mark.parametrize(
    ("name", "state", "message"),
    [
        ("a.json", _STATE, "does not end in .json.zip"),
        ("a.json.zip", {"x": float("nan")}, "cannot be written: Out of range"),
        ("a.json.zip", {"x": np.zeros(2)}, "cannot be written: Object of type ndarray"),
    ],
)
def test_nothing_is_left_of_what_cannot_be_written(tmp_path, name, state, message):
    with pytest.raises(ValueError, match=message):
        state_recording.write_pybullet_state(tmp_path / name, state, "PUSH")
    assert not list(tmp_path.iterdir())


def test_interrupted_writing_leaves_the_older_file(recording, monkeypatch):
    before = recording.read_bytes()

    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(zipfile.ZipFile, "writestr", fail)
    with pytest.raises(KeyboardInterrupt):
        state_recording.write_pybullet_state(recording, {"other": 1}, "PUSH")
    assert recording.read_bytes() == before
    assert list(recording.parent.iterdir()) == [recording]


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"a\.json\.zip does not exist"):
        state_recording.read_pybullet_state(tmp_path / "a.json.zip")


def _zipped(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)


_GOOD = {"pybullet_state": {}, "task": "PUSH", "actions": [], "state_version": 1}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "it holds nothing, expected one .json file"),
        ({"a.json": "{}", "b.json": "{}"}, "it holds a.json, b.json, expected one"),
        ({"a.txt": "{}"}, "it holds a.txt, expected one"),
        ({"a.json": "{"}, "damaged or not a recording"),
        ({"a.json": "\udcff".encode("utf-8", "surrogateescape")}, "damaged or not a recording"),
        ({"a.json": "[1]"}, "pybullet_state, task, actions, state_version missing"),
        ({"a.json": '{"task": "PUSH"}'}, "pybullet_state, actions, state_version missing"),
        ({"a.json": json.dumps({**_GOOD, "state_version": 7})}, "has state_version 7, but"),
        ({"a.json": json.dumps({**_GOOD, "pybullet_state": 1})}, "pybullet_state must be"),
        ({"a.json": json.dumps({**_GOOD, "actions": [[1, 2], [1]]})}, "actions a list of"),
        ({"a.json": json.dumps({**_GOOD, "actions": [["x"]]})}, "actions a list of"),
        ({"a.json": json.dumps({**_GOOD, "actions": [1.0]})}, "actions a list of"),
    ],
)
def test_foreign_file_is_explained_in_one_line(tmp_path, members, message):
    path = tmp_path / "a.json.zip"
    _zipped(path, members)
    with pytest.raises(ValueError) as error:
        state_recording.read_pybullet_state(path)
    assert str(error.value).startswith(f"{path} ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_no_cut_or_changed_file_passes(recording):
    whole = recording.read_bytes()
    rng = np.random.RandomState(0)
    for length in [0, *rng.randint(1, len(whole), 10)]:
        recording.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="is damaged or not a recording"):
            state_recording.read_pybullet_state(recording)
    # Bytes of the compressed text, which begins after a header of 30 bytes and the name.
    for place in rng.randint(30 + len("episode_0.json"), 30 + len("episode_0.json") + 100, 10):
        changed = bytearray(whole)
        changed[place] ^= 0x10
        recording.write_bytes(changed)
        with pytest.raises(ValueError, match="is damaged or not a recording"):
            state_recording.read_pybullet_state(recording)


@pytest.mark.parametrize("task", ["PUSH", "REACH", "PUSH_MULTIMODAL"])
def test_replay_repeats_an_episode_in_another_environment(tmp_path, task):
    env = suite.load(task)
    inner = suite.gym_env(env)
    policy = suite.tasks.get_task(task).oracle_class("oracle")(env, seed=0)
    env.seed(0)
    step = env.reset()
    state = inner.get_pybullet_state()
    actions, steps = [], []
    while not step.is_last() and len(steps) < 60:
        actions.append(policy.action(step).action)
        step = env.step(actions[-1])
        steps.append(step)
    path = tmp_path / "a.json.zip"
    state_recording.write_pybullet_state(path, state, task, actions)

    other = suite.gym_env(suite.load(task))
    outcomes = state_recording.replay(other, state_recording.read_pybullet_state(path))
    assert len(outcomes) == len(steps) > 10
    for (observation, reward, terminated), step in zip(outcomes, steps, strict=True):
        assert reward == pytest.approx(float(step.reward), abs=1e-5)
        assert terminated == step.is_last()
        for key, value in step.observation.items():
            np.testing.assert_allclose(observation[key], value, atol=1e-6, err_msg=key)


@pytest.mark.parametrize("task", ["REACH", "PUSH_MULTIMODAL"])
def test_replay_in_another_task_is_refused(task):
    state = suite.gym_env(suite.load("PUSH")).get_pybullet_state()
    recording = {"pybullet_state": state, "task": "PUSH", "actions": [], "state_version": 1}
    other = suite.gym_env(suite.load(task))
    with pytest.raises(ValueError, match="recording is of task PUSH, but the environment is Block"):
        state_recording.replay(other, recording)
    images = suite.gym_env(suite.load("PUSH", use_image_obs=True))
    assert state_recording.replay(images, recording) == []


def test_state_without_a_part_is_refused():
    env = suite.gym_env(suite.load("PUSH"))
    state = env.get_pybullet_state()
    del state["robot"]
    recording = {"pybullet_state": state, "task": "PUSH", "actions": [], "state_version": 1}
    with pytest.raises(ValueError, match=r"pybullet_state .* cannot be restored .*robot"):
        state_recording.replay(env, recording)
