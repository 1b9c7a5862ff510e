"""Tests of robosuite's tasks: what is asked of robosuite, and an episode where it is installed."""

import json
import pathlib
import re
import shlex
import sys
import types

import gin
import numpy as np
import pytest

from ibc.environments import contract, robosuite_env, suite
from ibc.utils import rotations
from tests import commands, convert_testing

_TASK = "ibc.environments.robosuite_env:Robosuite-v0"
_OSC = {
    "type": "OSC_POSE",
    **dict(input_max=1, input_min=-1, kp=150, damping=1, impedance_mode="fixed"),
    "output_max": [0.05, 0.05, 0.05, 0.5, 0.5, 0.5],
    "output_min": [-0.05, -0.05, -0.05, -0.5, -0.5, -0.5],
    **dict(uncouple_pos_ori=True, control_delta=True, interpolation=None, ramp_ratio=0.2),
}


class _Simulator:
    """What the adapter uses of an environment of robosuite: succeeds in its third step."""

    action_spec = -np.ones(7), np.ones(7)

    def __init__(self, name, **arguments):
        self.name, self.arguments = name, arguments
        self.rng = np.random.default_rng(0)
        self.actions = []

    def reset(self):
        self.actions = []
        self.object = self.rng.uniform(size=10)
        return self._seen()

    def step(self, action):
        self.actions.append(action)
        return self._seen(), float(self._check_success()), False, {}

    def close(self):
        pass

    def _check_success(self):
        return len(self.actions) == 3

    def _seen(self):
        picture = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
        return {
            "object-state": self.object,
            "robot0_eef_pos": np.ones(3),
            "robot0_eef_quat": np.ones(4),
            "robot0_gripper_qpos": np.ones(2),
            "agentview_image": picture,
        }


@pytest.fixture
def simulator(monkeypatch):
    """Puts a package in robosuite's place."""
    factory = types.SimpleNamespace(
        refactor_composite_controller_config=lambda config, robot, arms: [config, robot, arms]
    )
    modules = {
        "robosuite": types.SimpleNamespace(make=_Simulator),
        "robosuite.controllers": types.SimpleNamespace(),
        "robosuite.controllers.composite": types.SimpleNamespace(
            composite_controller_factory=factory
        ),
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)


def _described(tmp_path, horizon=400, **controller):
    env_args = {
        "env_name": "Lift",
        "env_kwargs": {
            "robots": ["Panda"],
            "horizon": horizon,
            "controller_configs": {**_OSC, **controller},
        },
    }
    (tmp_path / "lift.json").write_text(json.dumps(env_args))
    return str(tmp_path / "lift.json")


def test_names_and_pictures_are_those_of_robomimic(tmp_path, simulator):
    keys = ("object", "agentview_image")
    env = robosuite_env.RobosuiteEnv(_described(tmp_path), keys)
    arguments = env._env.arguments
    assert env._env.name == "Lift" and arguments["camera_names"] == ["agentview"]
    assert arguments["use_camera_obs"] and arguments["has_offscreen_renderer"]
    controller, robot, arms = arguments["controller_configs"]
    assert (robot, arms, controller["input_type"]) == ("Panda", ["right"], "delta")
    observation, _ = env.reset(seed=3)
    assert env.observation_space.contains(observation)
    np.testing.assert_array_equal(observation["object"], np.float32(env._env.object))
    picture = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    np.testing.assert_array_equal(observation["agentview_image"], picture[::-1])
    np.testing.assert_array_equal(env.reset(seed=3)[0]["object"], observation["object"])
    assert not np.array_equal(env.reset(seed=4)[0]["object"], observation["object"])


def test_success_ends_an_episode_and_so_does_the_horizon(tmp_path, simulator):
    for horizon, last in ((400, (1.0, True, False)), (2, (0.0, False, True))):
        env = robosuite_env.RobosuiteEnv(_described(tmp_path, horizon), ("object",))
        env.reset()
        told = []
        while not told or told[-1][1:3] == (False, False):
            told.append(env.step(np.zeros(7, np.float32))[1:])
        assert told[-1] == (*last, {"success": last[1]})


def test_poses_reach_the_controller_as_axis_angle(tmp_path, simulator):
    env = robosuite_env.RobosuiteEnv(_described(tmp_path, control_delta=False), ("object",))
    assert env._env.arguments["controller_configs"][0]["input_type"] == "absolute"
    pose = np.array([0.1, 0.2, 0.9, 0.3, -0.4, 0.5, 1.0])
    env.reset()
    action = np.float32(rotations.with_6d_rotations(pose))
    assert env.action_space.contains(action)
    env.step(action)
    np.testing.assert_allclose(env._env.actions[0], pose, atol=1e-6)


def test_an_hdf5_file_tells_what_its_environment_is(tmp_path, simulator):
    h5py = pytest.importorskip("h5py")
    with open(_described(tmp_path)) as described, h5py.File(tmp_path / "a.hdf5", "w") as file:
        file.create_group("data").attrs["env_args"] = described.read()
    env = robosuite_env.RobosuiteEnv(tmp_path / "a.hdf5", ("object",))
    assert env._env.name == "Lift"


@pytest.mark.slow
def test_the_documented_command_trains_and_evaluates(tmp_path, simulator, monkeypatch):
    pytest.importorskip("h5py")
    monkeypatch.chdir(tmp_path)
    random = np.random.RandomState(0)
    sizes = dict(zip(robosuite_env.LOW_DIM_KEYS, (10, 3, 4, 2), strict=True))
    recorded = {
        "observations": {key: random.randn(13, size) for key, size in sizes.items()},
        "actions": random.uniform(-1, 1, (12, 7)),
        "rewards": np.zeros(12),
    }
    described = pathlib.Path(_described(tmp_path)).read_text()
    masks = {"train": ["demo_0", "demo_1"]}
    convert_testing.write_robomimic("lift.hdf5", [recorded] * 2, [True] * 2, None, described, masks)
    text = (pathlib.Path(__file__).parent.parent / "docs" / "formats.md").read_text()
    convert = re.search(r"    ibc-data (convert lift.hdf5 .*)", text)[1]
    assert commands.in_process("ibc-data", shlex.split(convert)).status == 0
    train = re.search(r"    python ibc/train_eval.py (--task=\S*robosuite_env(.*\\\n)+.*)", text)[1]
    few = "batch_size=4 num_iterations=2 eval_episodes=2 num_envs=1 root_dir='runs'".split()
    given = [f"--gin_bindings=train_eval.{binding}" for binding in few]
    done = commands.in_process("train_eval", [*shlex.split(train.replace("\\\n", "")), *given])
    assert (done.status, done.errors) == (0, [])
    (results,) = pathlib.Path("runs/eval").glob("*/results.json")
    averages = json.loads(results.read_text())["averages"]
    assert averages["AverageSuccessMetric"] == 1 and averages["AverageEpisodeLength"] == 3


def test_what_is_wrong_is_told_in_one_line(tmp_path, simulator, monkeypatch):
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "a.hdf5").write_text("text")
    path = _described(tmp_path)
    for env_args, keys, message in (
        (None, (), "RobosuiteEnv.env_args is not set: bind it to the robomimic HDF5 file"),
        ("none.json", (), "RobosuiteEnv.env_args='none.json' does not exist"),
        (tmp_path / "a.json", (), "a.json' does not say what the environment is"),
        (tmp_path / "a.hdf5", (), "a.hdf5' does not say what the environment is"),
        (path, ("arm",), "keys has 'arm', but the environment of .*lift.json shows agentview_im"),
    ):
        with pytest.raises(ValueError, match=message):
            robosuite_env.RobosuiteEnv(env_args, keys)
    monkeypatch.setitem(sys.modules, "robosuite", None)
    gin.bind_parameter("RobosuiteEnv.env_args", path)
    with pytest.raises(ImportError, match=r"needs robosuite, but .*pip install 'ibc-tf\[robosuit"):
        suite.load(_TASK)


def test_a_cube_is_lifted(tmp_path):
    pytest.importorskip("robosuite", reason="robosuite is not installed")
    gin.bind_parameter("RobosuiteEnv.env_args", _described(tmp_path))
    env = suite.load(_TASK)
    env.seed(3)
    step, count = env.reset(), 0
    while not step.is_last() and count < 120:
        hand, cube = step.observation["robot0_eef_pos"], step.observation["object"][:3]
        is_above = np.linalg.norm((cube - hand)[:2]) < 0.01
        wanted = cube + (0.0 if is_above else np.array([0, 0, 0.1]))
        wanted = wanted if count < 60 else hand + np.array([0, 0, 0.05 * (count >= 80)])
        change = np.clip(10 * (wanted - hand), -1, 1)
        step = env.step(np.float32([*change, 0, 0, 0, 1 if count > 60 else -1]))
        count += 1
    assert step.is_last() and step.reward == 1 and contract.succeeded(env)
