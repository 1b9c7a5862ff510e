import numpy as np
import pytest

from ibc.environments.d4rl import kitchen
from tests import d4rl_testing

pytest.importorskip("gymnasium_robotics")

_COMPLETE = ("microwave", "kettle", "light switch", "slide cabinet")


@pytest.fixture(scope="module")
def env():
    return d4rl_testing.make("kitchen-complete-v0").unwrapped


def _set(env, **joints):
    """Puts joints, by index, to positions, everything at rest."""
    positions = env.data.qpos.copy()
    for index, value in joints.items():
        positions[int(index[1:])] = value
    env.simulator.robot_env.set_state(positions, np.zeros(env.model.nv))


def test_goal_vectors_are_d4rls():
    complete = np.zeros(30)
    complete[[17, 18, 19, 22]] = -0.69, -0.05, 0.37, -0.75
    complete[23:30] = -0.23, 0.75, 1.62, 0.99, 0.0, 0.0, -0.06
    np.testing.assert_array_equal(kitchen.goal_vector(_COMPLETE), complete)
    mixed = complete.copy()
    mixed[19] = 0.0
    mixed[[11, 12]] = -0.88, -0.01
    elements = ("microwave", "kettle", "bottom burner", "light switch")
    np.testing.assert_array_equal(kitchen.goal_vector(elements), mixed)


def test_goals_are_those_of_the_maintained_kitchen():
    from gymnasium_robotics.envs.franka_kitchen import kitchen_env

    for element, goal in kitchen.GOALS.items():
        np.testing.assert_array_equal(list(goal), kitchen_env.OBS_ELEMENT_INDICES[element])
        np.testing.assert_array_equal(list(goal.values()), kitchen_env.OBS_ELEMENT_GOALS[element])


def test_layout_leaves_velocities_out():
    expected = [*range(9), *range(18, 39), *range(100, 130)]
    found = kitchen.layout(np.arange(59), np.arange(100, 130))
    np.testing.assert_array_equal(found, expected)
    batch = kitchen.layout(np.tile(np.arange(59), (2, 1)), np.arange(100, 130))
    np.testing.assert_array_equal(batch, [expected, expected])


def test_observation_is_the_state_with_d4rls_noise(env):
    observations = np.array([env.reset(seed=seed)[0] for seed in range(20)])
    noise = observations[:, :30] - env.simulator.robot_env.init_qpos
    amplitude = 0.1 * env.simulator.robot_env.robot_pos_noise_amp
    bounds = np.append(amplitude[:9], amplitude[8:])[:30]
    assert (np.abs(noise) <= bounds + 1e-6).all()
    assert (np.abs(noise).max(axis=0) > 0.5 * bounds).all()
    np.testing.assert_allclose(
        observations[:, 30:], np.tile(kitchen.goal_vector(_COMPLETE), (20, 1)), rtol=1e-6
    )


def test_seed_decides_the_noise(env):
    first, second, third = (env.reset(seed=seed)[0] for seed in (1, 2, 1))
    np.testing.assert_array_equal(first, third)
    assert not np.array_equal(first, second)


def test_each_element_counts_once_and_the_last_ends_the_episode(env):
    env.reset(seed=0)
    still = np.zeros(9)
    assert env.step(still)[1:3] == (0.0, False)
    _set(env, q22=-0.75)
    assert env.step(still)[1:3] == (1.0, False)
    assert env.completed == ("microwave",) and not env.goal_achieved
    assert env.step(still)[1] == 0.0
    _set(env, q17=-0.69, q18=-0.05, q19=0.37)
    assert env.step(still)[1:3] == (2.0, False)
    assert set(env.completed) == {"microwave", "light switch", "slide cabinet"}
    _set(env, **{f"q{i}": value for i, value in kitchen.GOALS["kettle"].items()})
    _, reward, terminated, _, info = env.step(still)
    assert (reward, terminated, info["goal_achieved"]) == (1.0, True, True)
    assert env.episode_return == 4.0 and env.normalized_return == 100.0 and env.succeeded
    env.reset()
    assert env.completed == () and env.episode_return == 0.0


@pytest.mark.parametrize(("microwave", "reward"), [(-0.46, 1.0), (-0.44, 0.0)])
def test_an_element_is_complete_within_0_3(env, microwave, reward):
    env.reset(seed=0)
    _set(env, q22=microwave)
    assert env.step(np.zeros(9))[1] == reward


def test_other_elements_do_not_count(env):
    env.reset(seed=0)
    _set(env, q11=-0.88, q12=-0.01)
    assert env.step(np.zeros(9))[1] == 0.0


def test_unknown_element_is_refused():
    with pytest.raises(ValueError, match="has oven; there are: bottom burner"):
        kitchen.KitchenEnv(elements=("kettle", "oven"))
