import warnings

import gin
import gymnasium
import numpy as np
import pytest
from gymnasium.utils import env_checker

from ibc.environments.particle import particle

_KEYS = ["pos_agent", "vel_agent", "pos_first_goal", "pos_second_goal"]


def _started(seed, **options):
    env = particle.ParticleEnv(**options)
    env.reset(seed=seed)
    return env


def test_recorded_episodes_are_reproduced(golden):
    recorded = np.load(golden("env/env_Particle_2d.npz"))
    env = particle.ParticleEnv()
    for seed in range(3):
        observation, _ = env.reset(seed=seed)
        for step, action in enumerate(recorded["actions"][seed]):
            for key in _KEYS:
                expected = recorded[f"obs/{key}"][seed, step].astype(np.float32)
                np.testing.assert_array_equal(observation[key], expected)
            observation, reward, terminated, truncated, _ = env.step(action)
            assert reward == recorded["rewards"][seed, step]
            assert terminated == recorded["dones"][seed, step]
            assert not truncated
        # The float64 state itself agrees to the last bit, not only its float32 observation.
        np.testing.assert_array_equal(env.position, recorded["obs/pos_agent"][seed, -1])
        np.testing.assert_array_equal(env.velocity, recorded["obs/vel_agent"][seed, -1])


def test_draws_come_from_randomstate_in_the_published_order():
    env = particle.ParticleEnv(n_dim=5)
    for seed in (0, 7, 2**32 - 1):
        draws = np.random.RandomState(seed).uniform(size=(3, 5)).astype(np.float32)
        observation, info = env.reset(seed=seed)
        assert info == {}
        np.testing.assert_array_equal(observation["pos_agent"], draws[0])
        np.testing.assert_array_equal(observation["pos_first_goal"], draws[1])
        np.testing.assert_array_equal(observation["pos_second_goal"], draws[2])
        np.testing.assert_array_equal(observation["vel_agent"], np.zeros(5))


def test_resets_without_seed_go_on_with_the_same_random_state():
    env = _started(4, n_dim=3)
    second, _ = env.reset()
    draws = np.random.RandomState(4).uniform(size=(6, 3)).astype(np.float32)
    np.testing.assert_array_equal(second["pos_agent"], draws[3])


def test_constructor_seed_seeds_what_follows():
    first, second = particle.ParticleEnv(seed=3), particle.ParticleEnv(seed=3)
    for env in (first, second):
        env.reset()
    np.testing.assert_array_equal(first.position, second.position)
    np.testing.assert_array_equal(first.second_goal, second.second_goal)


def test_euler_steps_match_the_linear_map_in_float64():
    dt, k_p, k_v, steps = 0.005, 10.0, 5.0, 400
    rng = np.random.RandomState(0)
    position, velocity, setpoint = rng.uniform(size=(3, 4))
    # One step maps (x − setpoint, v) linearly, so n steps are the n-th power of its matrix.
    power = np.linalg.matrix_power(np.array([[1, dt], [-k_p * dt, 1 - k_v * dt]]), steps)
    expected = power @ np.stack([position - setpoint, velocity])
    position, velocity = particle.advance(position, velocity, setpoint, k_p, k_v, dt, steps)
    np.testing.assert_allclose(position - setpoint, expected[0], atol=1e-13)
    np.testing.assert_allclose(velocity, expected[1], atol=1e-13)


def test_motion_converges_to_the_damped_oscillator_at_first_order():
    k_p, k_v, seconds = 10.0, 5.0, 0.8
    decay, frequency = k_v / 2, np.sqrt(k_p - k_v**2 / 4)
    exact = np.exp(-decay * seconds) * (
        np.cos(frequency * seconds) + decay / frequency * np.sin(frequency * seconds)
    )
    errors = []
    for steps in (1000, 2000):
        env = particle.ParticleEnv(dt=seconds / steps, repeat_actions=steps, n_dim=1)
        env.reset(seed=0)
        env.position, env.velocity = np.ones(1), np.zeros(1)
        env.step(np.zeros(1))
        errors.append(abs(env.position[0] - exact))
    assert errors[0] < 1e-3
    assert 1.9 < errors[0] / errors[1] < 2.1


def test_distances_and_success_are_those_of_the_trajectory():
    env = _started(5, n_dim=2)
    positions = []
    for step in range(50):
        goal = env.first_goal if step < 25 else env.second_goal
        _, reward, _, _, _ = env.step(goal)
        positions.append(env.position.astype(np.float64))
    first = np.linalg.norm(np.array(positions) - env.first_goal, axis=1)
    second = np.linalg.norm(np.array(positions) - env.second_goal, axis=1)
    np.testing.assert_allclose(env.smallest_first_distance, first.min(), rtol=1e-5)
    np.testing.assert_allclose(env.smallest_second_distance, second.min(), rtol=1e-5)
    np.testing.assert_allclose(env.final_second_distance, second[-1], rtol=1e-5)
    assert reward == 1.0
    assert env.succeeded


def test_visiting_both_goals_without_staying_is_rewarded_but_no_success():
    env = _started(1, n_dim=2)
    for step in range(50):
        goal = env.second_goal if step < 25 else env.first_goal
        _, reward, terminated, _, _ = env.step(goal)
        assert terminated == (step == 49)
        assert reward == float(step == 49)
    assert not env.succeeded


def test_one_goal_is_not_enough():
    env = _started(1)
    rewards = [env.step(env.second_goal)[1] for _ in range(50)]
    assert env.smallest_second_distance < 0.05
    assert sum(rewards) == 0.0
    assert not env.succeeded


def test_an_episode_starts_without_the_last_ones_distances():
    env = _started(1)
    env.step(env.first_goal)
    env.reset()
    assert env.smallest_first_distance == np.inf
    assert len(env.episode.positions) == 1
    assert env.episode.setpoints.shape == (0, 2)


@pytest.mark.parametrize("n_dim", [1, 2, 16])
@pytest.mark.parametrize("hide_velocity", [False, True])
def test_spaces_and_observations_agree(n_dim, hide_velocity):
    env = particle.ParticleEnv(n_dim=n_dim, hide_velocity=hide_velocity)
    keys = [key for key in _KEYS if not (hide_velocity and key == "vel_agent")]
    assert list(env.observation_space.spaces) == keys
    observation, _ = env.reset(seed=0)
    for _ in range(5):
        assert list(observation) == keys
        assert observation in env.observation_space
        observation, *_ = env.step(env.action_space.sample())


def test_observations_are_copies():
    env = particle.ParticleEnv()
    observation, _ = env.reset(seed=0)
    goal = env.first_goal.copy()
    for value in observation.values():
        value[:] = 0.5
    np.testing.assert_array_equal(env.first_goal, goal)
    assert not np.any(env.position == 0.5)


def test_gymnasium_checker_has_nothing_to_say():
    env = gymnasium.make("Particle-v0", render_mode="rgb_array", n_dim=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env_checker.check_env(env.unwrapped)
    assert env.spec.max_episode_steps is None


def test_parameters_are_bound_by_gin():
    gin.parse_config(["ParticleEnv.n_dim = 4", "ParticleEnv.n_steps = 7"])
    env = gymnasium.make("Particle-v0").unwrapped
    assert env.action_space.shape == (4,)
    env.reset(seed=0)
    terminated = [env.step(np.zeros(4))[2] for _ in range(7)]
    assert terminated == [False] * 6 + [True]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_dim", 0),
        ("n_dim", 2.0),
        ("n_dim", 10_001),
        ("n_dim", 10**30),
        ("n_steps", -1),
        ("repeat_actions", True),
        ("dt", 0.0),
        ("dt", float("nan")),
        ("k_p", -1.0),
        ("k_v", "5"),
        ("goal_distance", 0.0),
        ("render_mode", "human"),
    ],
)
def test_bad_parameter_is_named(name, value):
    with pytest.raises(ValueError, match=rf"ParticleEnv\.{name} must .*, got {value!r}"):
        particle.ParticleEnv(**{name: value})


def test_action_of_wrong_shape_is_refused():
    env = _started(0, n_dim=2)
    with pytest.raises(ValueError, match=r"n_dim=2 needs actions of shape \(2,\), got \(3,\)"):
        env.step(np.zeros(3))


def test_control_frequency_follows_from_the_time_step():
    assert particle.ParticleEnv().control_frequency == pytest.approx(20.0)
    env = particle.ParticleEnv(dt=0.01, repeat_actions=4)
    assert env.control_frequency == pytest.approx(25.0)
    assert env.metadata["render_fps"] == pytest.approx(25.0)
