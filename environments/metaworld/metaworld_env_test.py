import sys
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils import env_checker

from ibc.environments import mujoco_drawing, suite, tasks
from ibc.environments.metaworld import metaworld_env, task

policies = pytest.importorskip("metaworld.policies", reason="Meta-World's tasks need metaworld")
mujoco = pytest.importorskip("mujoco", reason="Meta-World's tasks need mujoco")
task.register()

_TASKS = {each.name: each for each in task.TASKS}


def _make(name: str, **arguments) -> metaworld_env.MetaWorldEnv:
    made = gymnasium.make(_TASKS[name].env_id, disable_env_checker=True, **arguments)
    return made.unwrapped


@pytest.mark.parametrize("name", ["PICK_PLACE", "DOOR_OPEN"])
def test_gymnasium_accepts_the_environment(name, opened):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*infinity. This is probably too.*")
        env_checker.check_env(opened(_make(name)), skip_render_check=True)


@pytest.mark.parametrize("name", _TASKS)
def test_a_seed_means_an_episode_whatever_was_before(name, opened):
    env = opened(_make(name, action_repeat=2))
    oracle = policies.ENV_POLICY_MAP[env.task]()
    episodes = []
    for seed in (5, 6, 5):
        rows = [env.reset(seed=seed)[0]]
        # By then the script has moved what there is to be moved.
        for _ in range(60):
            rows.append(env.step(np.clip(oracle.get_action(env.state), -1, 1))[0])
        episodes.append(np.array(rows))
    np.testing.assert_array_equal(episodes[0], episodes[2])
    assert (episodes[0] != episodes[1]).any()
    assert (env.reset()[0] != env.reset()[0]).any()


@pytest.mark.parametrize("name", _TASKS)
def test_what_is_sent_to_be_drawn_is_the_whole_scene(name, opened):
    env = opened(_make(name))
    env.reset(seed=1)
    env.step(np.full(4, 0.5))
    model, shown = env.simulator.model, env.simulator.data
    drawn = mujoco.MjData(model)
    for field in mujoco_drawing.SCENE["data"]:
        getattr(drawn, field)[:] = getattr(shown, field)
    mujoco.mj_forward(model, drawn)
    for field in ("site_xpos", "geom_xpos", "geom_xmat"):
        np.testing.assert_allclose(getattr(drawn, field), getattr(shown, field), atol=1e-4)


def test_the_goal_is_seen(opened):
    env = opened(_make("PICK_PLACE"))
    for seed in (0, 1):
        observation, _ = env.reset(seed=seed)
        np.testing.assert_allclose(observation[-3:], env.simulator._target_pos, rtol=1e-6)
        observation = env.step(np.zeros(4))[0]
        np.testing.assert_allclose(observation[-3:], env.simulator._target_pos, rtol=1e-6)


def test_an_episode_ends_when_its_time_is_up(opened):
    env = opened(_make("DRAWER_CLOSE", action_repeat=50))
    env.reset(seed=0)
    assert [env.step(np.zeros(4))[3] for _ in range(10)].index(True) == 9
    short = opened(_make("DRAWER_CLOSE", episode_len=3))
    short.reset(seed=0)
    assert [short.step(np.zeros(4))[3] for _ in range(3)] == [False, False, True]


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("BUTTON_PRESS", 5),
        ("BUTTON_PRESS_TOPDOWN", 5),
        ("DRAWER_CLOSE", 5),
        ("DOOR_OPEN", 4),
        ("PLATE_SLIDE", 5),
        ("WINDOW_CLOSE", 5),
        ("PICK_PLACE", 5),
        ("PEG_INSERT_SIDE", 2),
    ],
)
def test_scripts_solve_their_tasks(name, least):
    env = suite.load(name, max_episode_steps=150)
    oracle = tasks.get_task(name).oracle_class("oracle")(env)
    solved = 0
    for seed in range(5):
        env.seed(seed)
        step, successes = env.reset(), []
        while not step.is_last():
            step = env.step(oracle.action(step).action)
            successes.append(suite.gymnasium_wrapper_of(env).get_info()["success"])
        solved += any(successes)
    env.close()
    assert solved >= least


def test_pictures_show_where_things_are(opened):
    env = opened(gymnasium.make("ButtonPressRgb-v0", image_size=(48, 48)).unwrapped)
    try:
        first, other = (env.reset(seed=seed)[0]["rgb"] for seed in (0, 1))
    except OSError as error:
        pytest.skip(str(error))
    assert first.shape == (48, 48, 3) and first.std() > 10
    assert (first != other).any()


def test_what_is_missing_or_unknown_is_told(monkeypatch):
    with pytest.raises(ValueError, match=r"must be one of .*button-press-v3.*, got 'fly-v3'"):
        metaworld_env.MetaWorldEnv("fly-v3")
    monkeypatch.setitem(sys.modules, "metaworld", None)
    with pytest.raises(ImportError, match=r"pip install --no-deps metaworld==3\.1\.1"):
        metaworld_env.MetaWorldEnv("button-press-v3")
