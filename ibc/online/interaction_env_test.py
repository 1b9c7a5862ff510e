"""What an agent sees of environments: vectors, actions of ±1, and how episodes end."""

import gymnasium
import numpy as np
import pytest

from ibc.online import interaction_env


class Walk(gymnasium.Env):
    """A walk on a line that ends outside ±2; what is seen is a dict."""

    action_space = gymnasium.spaces.Box(-1.0, 3.0, [1], np.float32)
    observation_space = gymnasium.spaces.Dict(
        {name: gymnasium.spaces.Box(-9, 9, [size]) for name, size in (("z", 1), ("a", 2))}
    )

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._position = self.np_random.uniform(-0.5, 0.5)
        return self._seen(), {}

    def step(self, action):
        self._position += float(action[0]) / 4
        return self._seen(), -abs(self._position), abs(self._position) > 2, False, {}

    def _seen(self):
        return {"z": np.array([self._position]), "a": np.array([self._position**2, 1.0])}


def walk(step_limit=12):
    return interaction_env.InteractionEnv(Walk(), step_limit, "walk")


def test_flattens_and_scales():
    env = walk()
    assert (env.observation_size, env.action_size) == (3, 1)
    start = env.reset(3)
    assert start.dtype == np.float32
    np.testing.assert_allclose(start[:2], [start[2] ** 2, 1])
    np.testing.assert_array_equal(env.reset(3), start)
    assert not np.array_equal(env.reset(4), start)
    position = env.reset(3)[2]
    for action, moved in ((-1.0, -0.25), (1.0, 0.75), (0.0, 0.25), (7.0, 0.75)):
        position += moved
        outcome = env.step(np.float32([action]))
        np.testing.assert_allclose(outcome.observation[2], position, rtol=1e-5)


def _ends(env, action):
    """Returns how and after how many steps an episode ends."""
    env.reset(0)
    for step in range(1, 100):
        outcome = env.step(np.float32([action]))
        if outcome.is_end:
            return step, outcome.terminated, outcome.timeout
    raise AssertionError


def test_a_time_out_is_no_termination():
    length, *terminated = _ends(walk(), 1.0)
    assert terminated == [True, False]
    assert _ends(walk(), -0.5) == (12, False, True)
    # Even if the environment terminates at that very step.
    assert _ends(walk(length), 1.0) == (length, False, True)


def test_a_task_of_fixed_length_runs_out_of_time():
    env = interaction_env.load("PARTICLE")
    env.reset(0)
    outcomes = [env.step(np.zeros(env.action_size)) for _ in range(env.step_limit)]
    assert [outcome.is_end for outcome in outcomes] == [False] * 49 + [True]
    assert outcomes[-1].timeout


@pytest.mark.parametrize("name", ["hopper", "Pendulum-v1"])
def test_loads_published_names_and_any_id(name):
    env = interaction_env.load(name)
    assert env.step_limit == {"hopper": 1000, "Pendulum-v1": 200}[name]
    assert len(env.reset(0)) == env.observation_size
    assert isinstance(env.step(np.ones(env.action_size)).reward, float)


def test_what_cannot_be_learned_is_refused():
    with pytest.raises(ValueError, match="task walk has no limit of steps"):
        walk(None)
    with pytest.raises(ValueError, match="CartPole-v1 has actions"):
        interaction_env.load("CartPole-v1")
    env = Walk()
    env.action_space = gymnasium.spaces.Box(-np.inf, np.inf, [1])
    with pytest.raises(ValueError, match="a Box with finite bounds"):
        interaction_env.InteractionEnv(env, 5, "walk")


def test_returns_do_not_depend_on_how_many_run_at_a_time():
    def act(seen):
        return np.where(seen[:, 2:] > 0, 1.0, -0.7)

    one, three = (
        interaction_env.greedy_returns([walk() for _ in range(count)], act, 7, seed=5)
        for count in (1, 3)
    )
    np.testing.assert_array_equal(one, three)
    assert len(set(one)) == 7


class Telling(Walk):
    """A walk that is solved where it ends on the right."""

    @property
    def succeeded(self):
        return self._position > 2


def test_success_is_that_of_the_last_step():
    def act(seen):
        return np.array([[1.0], [-1.0]], np.float32)

    told = [interaction_env.InteractionEnv(Telling(), 12, "telling") for _ in range(2)]
    _, solved = interaction_env.play_greedily(told, act, 4)
    np.testing.assert_array_equal(solved, [1, 0, 1, 0])
    assert interaction_env.play_greedily([walk(), walk()], act, 2)[1] is None
