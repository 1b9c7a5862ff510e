import numpy as np
import pytest
from tf_agents.environments import utils, wrappers

from ibc.environments import suite

_WRAPPED = [
    {},
    {"history_length": 1},
    {"history_length": 3},
    {"flatten": True},
    {"flatten": True, "history_length": 2},
    {"max_episode_steps": 4},
    {"max_episode_steps": 4, "flatten": True, "history_length": 2},
]


@pytest.mark.parametrize("options", _WRAPPED)
def test_tf_agents_accepts_the_environment(options):
    utils.validate_py_environment(suite.load("PARTICLE", **options), episodes=2)


@pytest.mark.parametrize("options", _WRAPPED)
def test_seed_reaches_the_environment_through_all_wrappers(options):
    env = suite.load("PARTICLE", **options)
    inner = suite.gym_env(env)
    for seed in (3, 4, 3):
        env.seed(seed)
        env.reset()
        draws = np.random.RandomState(seed).uniform(size=(3, 2)).astype(np.float32)
        np.testing.assert_array_equal(inner.position, draws[0])
        np.testing.assert_array_equal(inner.second_goal, draws[2])
    env.reset()
    later = np.random.RandomState(3).uniform(size=(6, 2)).astype(np.float32)
    np.testing.assert_array_equal(inner.position, later[3])


def test_seed_set_during_an_episode_holds_for_the_automatic_reset():
    env = suite.load("PARTICLE", max_episode_steps=3, history_length=2)
    env.seed(0)
    step = env.reset()
    env.seed(11)
    while not step.is_last():
        step = env.step(np.zeros(2, np.float32))
    step = env.step(np.zeros(2, np.float32))
    assert step.is_first()
    expected = np.random.RandomState(11).uniform(size=2).astype(np.float32)
    np.testing.assert_array_equal(step.observation["pos_agent"], [expected, expected])


def test_history_holds_the_latest_observations_first_one_repeated():
    plain, env = suite.load("PARTICLE"), suite.load("PARTICLE", history_length=3)
    for loaded in (plain, env):
        loaded.seed(2)
    seen = [plain.reset().observation["pos_agent"]] * 3
    step = env.reset()
    rng = np.random.RandomState(0)
    for _ in range(6):
        np.testing.assert_array_equal(step.observation["pos_agent"], seen[-3:])
        action = rng.uniform(size=2).astype(np.float32)
        seen.append(plain.step(action).observation["pos_agent"])
        step = env.step(action)
    assert env.observation_spec()["pos_agent"].shape == (3, 2)


def test_flattening_concatenates_sorted_keys():
    plain, env = suite.load("PARTICLE"), suite.load("PARTICLE", flatten=True)
    for loaded in (plain, env):
        loaded.seed(2)
    parts = plain.reset().observation
    expected = np.concatenate([parts[key] for key in sorted(parts)])
    np.testing.assert_array_equal(env.reset().observation, expected)


def test_specs_are_float32():
    env = suite.load("PARTICLE")
    specs = [*env.observation_spec().values(), env.action_spec(), env.reward_spec()]
    assert {spec.dtype for spec in specs} == {np.dtype(np.float32)}
    assert (env.action_spec().minimum, env.action_spec().maximum) == (0.0, 1.0)


def test_own_end_has_discount_zero_and_time_limit_one():
    for options, length, discount in (({}, 50, 0.0), ({"max_episode_steps": 4}, 4, 1.0)):
        env = suite.load("PARTICLE", **options)
        step, steps = env.reset(), 0
        while not step.is_last():
            step, steps = env.step(np.zeros(2, np.float32)), steps + 1
        assert steps == length
        assert step.discount == discount


def test_attributes_of_the_environment_are_reachable():
    env = suite.load("PARTICLE", max_episode_steps=4, history_length=2)
    assert env.control_frequency == pytest.approx(20.0)
    assert env.succeeded is False
    assert env.episode.n_steps == 50
    with pytest.raises(AttributeError):
        env.no_such_attribute  # noqa: B018


def test_gym_env_refuses_what_holds_none():
    env = wrappers.PyEnvironmentBaseWrapper(object())
    with pytest.raises(ValueError, match="no Gymnasium environment"):
        suite.gym_env(env)


def test_history_length_must_be_positive():
    with pytest.raises(ValueError, match="history_length must be at least 1, got 0"):
        suite.load("PARTICLE", history_length=0)


def test_unavailable_variant_is_refused():
    with pytest.raises(ValueError, match="no image observations"):
        suite.load("PARTICLE", use_image_obs=True)
