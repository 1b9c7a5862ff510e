"""Tests of environments that were not made for this library."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils import env_checker
from tf_agents.environments import utils

from ibc.environments import adapted, suite


class _Env(gymnasium.Env):
    """Remembers its last action; counts its steps."""

    def __init__(self, observation_space=None, action_space=None):
        self.observation_space = observation_space or spaces.Box(-9, 9, (2,), np.float64)
        self.action_space = action_space or spaces.Box(-1, 2, (3,), np.float64)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.observation_space.seed(seed)
        return self.observation_space.sample(), {}

    def step(self, action):
        assert self.action_space.contains(action), action
        self.action = action
        return self.observation_space.sample(), np.float64(0.5), np.bool_(True), False, {}


@pytest.mark.parametrize(
    "action_space",
    [
        spaces.Box(-1, 2, (3,), np.float64),
        spaces.Box(np.float32([-1, -0.1]), np.float32([0.1, 2])),
        spaces.Box(-0.1, 0.1, (2, 2), np.float32),
        spaces.Box(0.0, 1.0, (), np.float32),
    ],
)
def test_actions_arrive_within_bounds_and_of_the_environments_shape_and_type(action_space):
    inner = _Env(action_space=action_space)
    env = adapted.AdaptedEnv(inner, "Name")
    env.reset(seed=0)
    size = int(np.prod(action_space.shape))
    assert env.action_space.shape == (size,) and env.action_space.dtype == np.float32
    for wanted in (np.linspace(-50, 50, size), np.zeros(size), np.ravel(action_space.high)):
        env.step(np.float32(wanted))
        shaped = np.float32(wanted).reshape(action_space.shape)
        np.testing.assert_array_equal(
            inner.action, np.clip(shaped, action_space.low, action_space.high)
        )


@pytest.mark.parametrize(
    ("space", "dtypes"),
    [
        (spaces.Box(-1, 1, (4,), np.float64), [(np.float32, (4,))]),
        (spaces.Box(-np.inf, np.inf, (), np.float32), [(np.float32, (1,))]),
        (spaces.Box(0, 255, (8, 8, 3), np.uint8), [(np.uint8, (8, 8, 3))]),
        (spaces.Box(0, 255, (128,), np.uint8), [(np.float32, (128,))]),
        (
            spaces.Dict(a=spaces.Box(-1, 1, (2,), np.float64), b=spaces.Box(0, 5, (1,), np.int64)),
            [(np.float32, (2,)), (np.float32, (1,))],
        ),
    ],
)
def test_numbers_are_observed_as_float32_and_images_as_they_are(space, dtypes):
    inner = _Env(space)
    env = adapted.AdaptedEnv(inner, "Name")
    env_checker.check_env(env, skip_render_check=True)
    observed = env.reset(seed=3)[0]
    space.seed(3)
    expected = space.sample()
    if not isinstance(space, spaces.Dict):
        observed, expected = {"": observed}, {"": expected}
    assert [(value.dtype, value.shape) for value in observed.values()] == dtypes
    for key, value in observed.items():
        np.testing.assert_array_equal(
            value, np.reshape(expected[key], value.shape).astype(value.dtype)
        )


@pytest.mark.parametrize(
    ("spaces_of_env", "message"),
    [
        ({"action_space": spaces.Discrete(2)}, r"actions Discrete\(2\), but only a Box of real"),
        ({"action_space": spaces.Box(0, 3, (2,), np.int64)}, "but only a Box of real numbers"),
        ({"observation_space": spaces.Discrete(5)}, "observations of type Discrete"),
        (
            {"observation_space": spaces.Dict(a=spaces.Dict(b=spaces.Box(0, 1, (1,))))},
            "the observation 'a' of type Dict, but only a Box, or a Dict of Box spaces, can be",
        ),
        (
            {"observation_space": spaces.Dict(a=spaces.Discrete(2))},
            "the observation 'a' of type Discrete",
        ),
    ],
)
def test_other_spaces_are_refused_with_what_to_do(spaces_of_env, message):
    with pytest.raises(ValueError, match=f"task Name has .*{message}") as error:
        adapted.AdaptedEnv(_Env(**spaces_of_env), "Name")
    assert "see gymnasium.wrappers" in str(error.value)


@pytest.mark.parametrize("options", [{}, {"history_length": 2}, {"flatten": True}])
def test_pendulum_is_an_environment_of_tf_agents(options):
    env = suite.load("Pendulum-v1", **options)
    utils.validate_py_environment(env, episodes=1)
    witness = gymnasium.make("Pendulum-v1")
    env.seed(7)
    step, (expected, _) = env.reset(), witness.reset(seed=7)
    for count in range(200):
        seen = np.asarray(step.observation).reshape(-1, 3)[-1]
        np.testing.assert_array_equal(seen, expected)
        assert step.is_last() == (count == 200)
        action = np.float32([np.sin(count)])
        step, (expected, reward, *_) = env.step(action), witness.step(action)
        assert step.reward == np.float32(reward)
    assert step.is_last() and step.discount == 1


def test_what_gymnasium_cannot_make_is_one_line():
    with pytest.raises(ValueError, match=r"task CartPole-v1 has actions Discrete\(2\)"):
        suite.load("CartPole-v1")
    gymnasium.register("Unmade-v0", entry_point="no_such_simulator:Env")
    with pytest.raises(ImportError, match="no_such_simulator"):
        suite.load("Unmade-v0")
