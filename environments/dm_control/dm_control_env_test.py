import os
import sys
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils import env_checker
from tf_agents.environments import utils

from ibc.environments import suite
from ibc.environments.dm_control import dm_control_env, task
from tests import environment_testing

pytest.importorskip("dm_control", reason="the control suite's tasks need dm-control")
task.register()

_TASKS = {each.name: each for each in task.TASKS}


def _make(name: str, **arguments) -> dm_control_env.DmControlEnv:
    made = gymnasium.make(_TASKS[name].env_id, disable_env_checker=True, **arguments)
    return made.unwrapped


@pytest.fixture(scope="module")
def environment():
    with environment_testing.made_once(_make) as get:
        yield get


@pytest.mark.parametrize(
    "name",
    [
        *("REACHER_EASY", "REACHER_HARD", "FINGER_TURN_EASY"),
        *("HOPPER_STAND", "WALKER_RUN", "CARTPOLE_SWINGUP"),
    ],
)
def test_recorded_episodes(name, golden, opened):
    recorded = np.load(golden("video_imitation/environments.npz"))

    def of(kind: str) -> np.ndarray:
        return recorded[f"{name.lower()}|{kind}"]

    env = opened(_make(name, action_repeat=2, episode_len=8))
    actions, rows = iter(of("actions")), []
    for seed in (11, None):  # The second episode goes on with the random numbers of the first.
        env.reset(seed=seed)
        rows.append((0.0, False, env.physics.data.qpos.copy(), env.physics.data.qvel.copy()))
        while not rows[-1][1]:
            _, reward, terminated, truncated, _ = env.step(next(actions))
            assert not terminated
            state = env.physics.data.qpos.copy(), env.physics.data.qvel.copy()
            rows.append((reward, truncated, *state))
    rewards, lasts, positions, velocities = (np.array(column) for column in zip(*rows, strict=True))
    np.testing.assert_array_equal(lasts, of("last"))
    np.testing.assert_allclose(rewards, of("reward"), rtol=0, atol=1e-9)
    np.testing.assert_allclose(positions, of("qpos"), rtol=0, atol=1e-9)
    np.testing.assert_allclose(velocities, of("qvel"), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", _TASKS)
def test_gymnasium_accepts_the_environment(name, environment):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*infinity. This is probably too.*")
        env_checker.check_env(environment(name), skip_render_check=True)


@pytest.mark.parametrize("name", _TASKS)
def test_tf_agents_accepts_the_environment(name):
    env = suite.load(name, max_episode_steps=3)
    utils.validate_py_environment(env, episodes=2)
    assert (env.action_spec().minimum, env.action_spec().maximum) == (-1, 1)
    env.close()


@pytest.mark.parametrize("name", _TASKS)
def test_a_seed_means_an_episode(name, environment):
    env = environment(name)
    starts = [env.reset(seed=seed)[0] for seed in (5, 6, 5)]
    same, other = (
        [np.array_equal(starts[0][key], starts[number][key]) for key in starts[0]]
        for number in (2, 1)
    )
    assert all(same) and not all(other)


def test_an_episode_has_the_suites_length(environment):
    env = environment("CARTPOLE_SWINGUP")
    env.reset(seed=0)
    ends = [env.step(np.zeros(1))[3] for _ in range(1000)]
    assert ends.index(True) == 999


def test_a_held_action_is_the_same_as_a_repeated_one(environment, opened):
    once, held = environment("WALKER_RUN"), opened(_make("WALKER_RUN", action_repeat=3))
    once.reset(seed=1), held.reset(seed=1)
    action = np.linspace(-1, 1, 6)
    steps = [once.step(action) for _ in range(3)]
    observation, reward, *_ = held.step(action)
    assert reward == pytest.approx(sum(step[1] for step in steps), abs=1e-12)
    for key, value in observation.items():
        np.testing.assert_array_equal(value, steps[-1][0][key])
    assert held.control_frequency == pytest.approx(once.control_frequency / 3)
    assert once.control_frequency == pytest.approx(40)


def test_tasks_with_a_target_tell_of_success(environment):
    for name, told in (("FINGER_TURN_EASY", True), ("HOPPER_STAND", False)):
        env = environment(name)
        env.reset(seed=0)
        info = env.step(env.action_space.sample())[4]
        assert ("success" in info) == told


@pytest.mark.parametrize("action", [np.zeros(2), np.zeros((1, 6)), np.full(6, np.nan)])
def test_unusable_actions_are_refused(action, environment):
    env = environment("WALKER_RUN")
    env.reset(seed=0)
    with pytest.raises(ValueError, match="needs actions of 6 finite numbers"):
        env.step(action)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"action_repeat": 0}, "MujocoTaskEnv.action_repeat"),
        ({"episode_len": 2.5}, "MujocoTaskEnv.episode_len"),
        ({"camera": 2}, "camera is 2, but the scene has cameras 0 to 1"),
        ({"image_size": (84,)}, r"image_size must be \(height, width\)"),
        ({"image_size": (84, 0)}, r"MujocoTaskEnv.image_size"),
        ({"task": "fly"}, "task must be one of stand, walk, run for walker, got 'fly'"),
        ({"domain": "bird"}, "the suite has no 'bird'"),
        ({"render_mode": "human"}, "must be None or 'rgb_array', got 'human'"),
    ],
)
def test_unusable_parameters_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        dm_control_env.DmControlEnv(**{"domain": "walker", "task": "run", **arguments})


def test_a_missing_suite_is_told_with_what_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "dm_control", None)
    monkeypatch.setenv("MUJOCO_GL", "egl")
    with pytest.raises(ImportError, match=r"pip install 'ibc-tf\[suite\]'") as error:
        dm_control_env.suite_module("walker")
    assert "\n" not in str(error.value)
    assert os.environ["MUJOCO_GL"] == "egl"


def test_a_drawing_library_that_is_missing_is_named():
    code = (
        "from ibc.environments.dm_control import dm_control_env\n"
        "try: dm_control_env.suite_module('walker')\n"
        "except ImportError as error: print(error)\n"
    )
    output, _ = environment_testing.output_of(code, MUJOCO_GL="no-such-library")
    assert "MUJOCO_GL=no-such-library" in output and "unset MUJOCO_GL" in output


def test_pictures_are_observed_and_move(opened):
    env = opened(gymnasium.make("CartpoleSwingupRgb-v0", image_size=(40, 48)).unwrapped)
    try:
        first, _ = env.reset(seed=0)
    except OSError as error:
        pytest.skip(str(error))
    assert list(first) == ["rgb"] and first["rgb"] in env.observation_space["rgb"]
    assert first["rgb"].shape == (40, 48, 3) and first["rgb"].std() > 10
    for _ in range(5):
        second, *_ = env.step(np.ones(1))
    assert (second["rgb"] != first["rgb"]).any()
    np.testing.assert_array_equal(env.picture(40, 48), second["rgb"])
