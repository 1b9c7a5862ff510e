import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils import env_checker

from ibc.environments import suite
from ibc.environments.d4rl import d4rl_env, locomotion
from ibc.environments.d4rl import task as d4rl_tasks
from tests import d4rl_testing, environment_testing

pytest.importorskip("gymnasium_robotics")

_ONE_OF_EACH = [family.data_sets[-1] for family in d4rl_tasks.FAMILIES]


def check(name: str, max_steps: int) -> None:
    """Plays three seeds in one environment, and again, in another order, in another one."""
    env, other = d4rl_testing.make(name), d4rl_testing.make(name)
    with warnings.catch_warnings():
        # Unbounded observations are D4RL's own.
        warnings.simplefilter("ignore")
        env_checker.check_env(env.unwrapped, skip_render_check=True, skip_close_check=True)
    episodes = {s: d4rl_testing.random_episode(env, s, max_steps) for s in (0, 1, 2)}
    for seed in (2, 0, 1):
        again = d4rl_testing.random_episode(other, seed, max_steps)
        for found, expected in zip(again, episodes[seed], strict=True):
            np.testing.assert_array_equal(found, expected)
    assert not np.array_equal(episodes[0][0][0], episodes[1][0][0])
    family = d4rl_tasks.FAMILY_OF[name]
    assert episodes[0][0].shape[1] == family.observation_size
    assert episodes[0][0].dtype == np.float32
    env.close(), other.close()


@pytest.mark.parametrize("name", _ONE_OF_EACH)
def test_passes_the_checker_and_repeats_episodes_of_a_seed(name):
    check(name, max_steps=40)


@pytest.mark.slow
@pytest.mark.parametrize("name", d4rl_tasks.FAMILY_OF)
def test_every_id_passes_the_checker_and_repeats_whole_episodes_of_a_seed(name):
    check(name, max_steps=1000)


@pytest.mark.parametrize("name", ["pen-human-v0", "hopper-medium-v0"])
def test_episodes_end_at_the_limit_or_before(name):
    env = d4rl_testing.make(name)
    observations, _ = d4rl_testing.random_episode(env, 0, 10_000)
    assert len(observations) - 1 <= d4rl_tasks.FAMILY_OF[name].max_episode_steps


def test_actions_are_clipped():
    env = d4rl_testing.make("walker2d-medium-v0").unwrapped
    outcomes = []
    for action in (3.0, 1.0):
        env.reset(seed=0)
        outcomes.append(env.step(np.full(6, action))[:2])
    np.testing.assert_array_equal(outcomes[0][0], outcomes[1][0])
    assert outcomes[0][1] == outcomes[1][1]


@pytest.mark.parametrize("action", [np.zeros(7), np.full(6, np.nan)])
def test_impossible_actions_are_refused(action):
    env = d4rl_testing.make("walker2d-medium-v0").unwrapped
    env.reset(seed=0)
    with pytest.raises(ValueError, match="needs actions of 6 finite numbers"):
        env.step(action)


def test_unknown_render_mode_is_refused():
    with pytest.raises(ValueError, match="must be None or 'rgb_array', got 'depth_array'"):
        locomotion.HopperEnv(render_mode="depth_array")


@pytest.mark.parametrize(
    "name", ["halfcheetah-expert-v0", "hopper-expert-v0", "walker2d-expert-v0"]
)
def test_locomotion_is_gymnasiums(name):
    env = d4rl_testing.make(name).unwrapped
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        base = {"halfcheetah": "HalfCheetah", "hopper": "Hopper", "walker2d": "Walker2d"}
        reference = gymnasium.make(f"{base[name.split('-')[0]]}-v4").unwrapped
    found, expected = env.reset(seed=5)[0], reference.reset(seed=5)[0]
    random = np.random.RandomState(0)
    for _ in range(10):
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
        action = random.uniform(-1, 1, env.action_space.shape)
        found, reward, *_ = env.step(action)
        expected, expected_reward, *_ = reference.step(action)
        assert reward == pytest.approx(expected_reward, abs=1e-9)


@pytest.mark.parametrize("name", _ONE_OF_EACH)
def test_first_state_is_restored_from_its_observation(name):
    env = d4rl_testing.make(name).unwrapped
    observation, _ = env.reset(seed=3)
    actions = np.random.RandomState(0).uniform(-1, 1, (5, *env.action_space.shape))
    expected = [env.step(action)[0] for action in actions]
    env.reset(seed=4)
    restored = env.restore(observation)
    # The kitchen observes with noise, and its commands follow what was observed.
    tolerance = 0.02 if "kitchen" in name else 1e-4
    np.testing.assert_allclose(restored, observation, atol=tolerance)
    found = [env.step(action)[0] for action in actions]
    np.testing.assert_allclose(found, expected, atol=5 * tolerance)


def test_loaded_for_tf_agents_with_float32_tensors():
    env = suite.load("door-human-v0", history_length=1)
    assert env.observation_spec().shape == (1, 39)
    specs = (env.observation_spec(), env.action_spec(), env.reward_spec())
    assert {spec.dtype for spec in specs} == {np.dtype(np.float32)}
    assert suite.gym_env(env).control_frequency == 30


@pytest.mark.parametrize("name", ["kitchen-mixed-v0", "antmaze-medium-play-v0"])
def test_seed_reaches_inner_generators_through_tf_agents(name):
    starts = []
    for env in (suite.load(name), suite.load(name)):
        env.reset()
        env.seed(7)
        starts.append(env.reset().observation)
    np.testing.assert_array_equal(*starts)


def test_missing_simulators_are_named_with_the_way_to_install_them():
    with pytest.raises(ImportError, match=r"No module named 'no_such_simulator'.*ibc-tf\[d4rl\]"):
        d4rl_env.make_simulator("no_such_simulator.environment:Env")


def test_environments_are_refused_with_one_line_where_mujoco_is_missing():
    code = (
        "import sys; sys.modules['mujoco'] = None\n"
        "import gymnasium\n"
        "import ibc.tasks\n"
        "for name in ('door-human-v0', 'hopper-medium-v0', 'kitchen-mixed-v0'):\n"
        "    try: gymnasium.make(name)\n"
        "    except ImportError as error: print(str(error).count('ibc-tf[d4rl]'))\n"
    )
    assert environment_testing.output_of(code)[0].split() == ["1", "1", "1"]


def test_simulators_are_made_without_a_notice():
    code = "from ibc.environments.d4rl import adroit\nadroit.DoorEnv()\n"
    assert environment_testing.output_of(code) == ("", "")


def test_a_drawing_library_that_is_missing_is_named():
    code = (
        "from ibc.environments.d4rl import locomotion\n"
        "try: locomotion.HopperEnv()\n"
        "except ImportError as error: print(error)\n"
    )
    output, _ = environment_testing.output_of(code, MUJOCO_GL="no-such-library")
    assert "MUJOCO_GL=no-such-library" in output and "unset MUJOCO_GL" in output
