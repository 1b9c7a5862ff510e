import re
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils import env_checker
from tf_agents.environments import utils, wrappers

from ibc.environments import suite
from ibc.environments.block_pushing import (
    block_pushing,
    block_pushing_discontinuous,
    block_pushing_multimodal,
)
from tests import environment_testing

_LIMITS = {
    "BlockReach-v0": 50,
    "BlockReachRgb-v0": 100,
    "BlockPush-v0": 100,
    "BlockPushRgb-v0": 100,
    "BlockInsert-v0": 50,
    "BlockInsertRgb-v0": 50,
    "BlockReachNormalized-v0": 50,
    "BlockReachRgbNormalized-v0": 50,
    "BlockPushNormalized-v0": 100,
    "BlockPushRgbNormalized-v0": 100,
    "BlockPushDiscontinuous-v0": 200,
    "BlockPushDiscontinuousRgb-v0": 200,
    "BlockPushMultimodal-v0": 200,
    "BlockPushMultimodalRgb-v0": 200,
}
_STATE_IDS = [env_id for env_id in _LIMITS if "Rgb" not in env_id]
_IMAGE_IDS = [env_id for env_id in _LIMITS if "Rgb" in env_id]


@pytest.fixture(scope="module")
def environment():
    """Returns a function from an id to its environment, made once."""

    def make(env_id: str) -> gymnasium.Env:
        return gymnasium.make(env_id, render_mode="rgb_array").unwrapped

    with environment_testing.made_once(make) as get:
        yield get


@pytest.mark.parametrize("env_id", _LIMITS)
def test_ids_are_registered_with_their_limits(env_id):
    shared = f"Shared{env_id}"
    for name in (env_id, shared):
        spec = gymnasium.spec(name)
        assert spec.max_episode_steps == _LIMITS[env_id]
        assert spec.kwargs["shared_memory"] == (name == shared)
        assert spec.kwargs["use_image_obs"] == ("Rgb" in env_id)


def test_no_other_ids_are_registered():
    registered = {env_id for env_id in gymnasium.registry if re.match("(Shared)?Block", env_id)}
    assert registered == {*_LIMITS, *(f"Shared{env_id}" for env_id in _LIMITS)}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("REACH", False, False), "BlockReach-v0"),
        (("PUSH", False, True), "BlockPushRgb-v0"),
        (("PUSH", True, True), "SharedBlockPushRgb-v0"),
        (("INSERT", True, False), "SharedBlockInsert-v0"),
        (("PUSH", False, True, True), "BlockPushRgbNormalized-v0"),
        (("REACH_NORMALIZED", False, True), "BlockReachRgbNormalized-v0"),
        (("PUSH_NORMALIZED", True, False, True), "SharedBlockPushNormalized-v0"),
        ((block_pushing.BlockTaskVariant.PUSH, False, False), "BlockPush-v0"),
    ],
)
def test_names_are_built_by_the_rule(arguments, expected):
    assert block_pushing.build_env_name(*arguments) == expected


def test_names_of_the_tasks_with_two_targets():
    build = block_pushing_discontinuous.build_env_name
    assert build(shared_memory=False, use_image_obs=True) == "BlockPushDiscontinuousRgb-v0"
    build = block_pushing_multimodal.build_env_name
    assert build(shared_memory=True, use_image_obs=False) == "SharedBlockPushMultimodal-v0"


@pytest.mark.parametrize("env_id", _LIMITS)
def test_gymnasium_accepts_the_environment(env_id, environment):
    env = environment(env_id)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env_checker.check_env(env)


@pytest.mark.parametrize("env_id", _LIMITS)
def test_tf_agents_accepts_the_environment(env_id, environment):
    env = wrappers.TimeLimit(suite.SeededGymnasiumWrapper(environment(env_id)), 3)
    utils.validate_py_environment(env, episodes=1)
    specs = {key: spec for key, spec in env.observation_spec().items() if key != "rgb"}
    assert all(spec.dtype == np.float32 for spec in [*specs.values(), env.action_spec()])


@pytest.mark.parametrize("env_id", _STATE_IDS)
def test_observations_are_the_state_in_float32(env_id, environment):
    env = environment(env_id)
    observation, info = env.reset(seed=4)
    assert info == {}
    for _ in range(3):
        state = env.compute_state()
        assert list(observation) == list(state) == list(env.observation_space.spaces)
        for key, value in state.items():
            assert value.dtype == np.float64
            np.testing.assert_array_equal(observation[key], value.astype(np.float32))
        assert observation in env.observation_space
        observation, *_ = env.step(env.action_space.sample())


@pytest.mark.parametrize("env_id", _STATE_IDS)
def test_observations_are_copies(env_id, environment):
    env = environment(env_id)
    env.reset(seed=4)
    before = env.compute_state()
    for value in [*env.compute_state().values(), *env.reset(seed=4)[0].values()]:
        value[:] = 7.0
    after = env.compute_state()
    for key, value in before.items():
        np.testing.assert_array_equal(after[key], value)


@pytest.mark.parametrize("env_id", _IMAGE_IDS)
def test_images_come_last_and_show_the_table(env_id, environment):
    env = environment(env_id)
    observation, _ = env.reset(seed=4)
    assert list(observation) == list(env.observation_space.spaces)
    assert list(observation)[-1] == "rgb"
    assert observation["rgb"].dtype == np.uint8
    np.testing.assert_array_equal(observation["rgb"], env.render())
    # The grey of the workspace fills a large part of the picture.
    assert (observation["rgb"] == 47).all(axis=-1).mean() > 0.2


@pytest.mark.parametrize("env_id", _STATE_IDS)
@pytest.mark.parametrize("action", [np.zeros(3), np.zeros((1, 2)), [0.0, np.nan], [np.inf, 0.0]])
def test_unusable_actions_are_refused(env_id, action, environment):
    env = environment(env_id)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="needs actions of 2 finite numbers"):
        env.step(action)


@pytest.mark.parametrize("env_id", _STATE_IDS)
def test_metrics_end_with_success(env_id, environment):
    metrics, success = environment(env_id).get_metrics(7)
    assert metrics[-1] is success
    names = [metric.name for metric in metrics]
    distance = [] if "Multimodal" in env_id else ["AverageFinalGoalDistance"]
    assert names == [*distance, "AverageSuccessMetric"]
