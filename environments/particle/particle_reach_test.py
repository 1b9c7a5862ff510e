import gymnasium
import numpy as np
import pytest
from gymnasium.utils import env_checker
from tf_agents.environments import utils

from ibc.environments import suite, tasks
from ibc.environments.particle import particle_reach
from ibc.environments.particle import task as particle_tasks


def _distances(policy: str, episodes: int = 30) -> np.ndarray:
    """Returns the smallest distance of each episode of a policy, and the last one, [N, 2]."""
    env = suite.load("PARTICLE_REACH")
    acting = tasks.get_task("PARTICLE_REACH").oracle_class(policy)(env, seed=0)
    found = []
    for episode in range(episodes):
        env.seed(episode)
        step = env.reset()
        while not step.is_last():
            step = env.step(acting.action(step).action)
        inner = suite.gym_env(env)
        found.append((inner.smallest_distance, inner.goal_distance))
    return np.array(found)


def test_gymnasium_and_tf_agents_accept_the_environment():
    particle_tasks.register()
    env_checker.check_env(gymnasium.make("ParticleReach-v0", render_mode="rgb_array").unwrapped)
    env = suite.load("PARTICLE_REACH")
    utils.validate_py_environment(env, episodes=1)
    metrics, success = suite.gym_env(env).get_metrics(2)
    assert [metric.name for metric in metrics] == [
        "AverageFinalGoalDistance",
        "AverageSuccessMetric",
    ]
    assert success is metrics[-1]


def test_the_oracle_arrives_in_every_episode_of_15_steps():
    distances = _distances("oracle")
    assert distances.max() < 0.05


@pytest.mark.parametrize(
    ("policy", "nearest", "last"),
    [
        ("particle_noisy", 0.12, 0.15),
        ("particle_slow", 0.35, 0.35),
        ("particle_still", 0.5, 0.5),
        ("particle_elsewhere", 0.25, 0.5),
        ("particle_late", 0.25, 0.25),
    ],
)
def test_others_come_less_near(policy, nearest, last):
    """Distances of 30 episodes are on average about these."""
    found = _distances(policy).mean(0)
    np.testing.assert_allclose(found, [nearest, last], atol=0.15)
    assert found[1] > 3 * _distances("oracle").mean(0)[1]


def test_the_reward_is_how_near_the_goal_is_and_success_that_it_was_reached_once():
    env = particle_reach.ParticleReachEnv()
    env.restore({"pos_agent": [0.2, 0.2], "vel_agent": [0, 0], "pos_goal": [0.2, 0.23]})
    assert env.succeeded
    _, reward, terminated, truncated, _ = env.step([1.0, 1.0])
    assert reward == -np.linalg.norm(env.position - env.goal)
    assert not terminated and not truncated
    for _ in range(9):
        env.step([1.0, 1.0])
    assert env.goal_distance > 0.5 and env.succeeded


def test_seeds_and_states_bring_episodes_back():
    env, other = particle_reach.ParticleReachEnv(), particle_reach.ParticleReachEnv()
    seen, _ = env.reset(seed=3)
    np.testing.assert_equal(other.reset(seed=3)[0], seen)
    moved, *_ = env.step([0.1, 0.9])
    np.testing.assert_equal(other.restore(moved), moved)
    np.testing.assert_array_equal(env.picture(32, 32), other.picture(32, 32))


def test_what_is_out_of_range_is_named():
    env = particle_reach.ParticleReachEnv()
    with pytest.raises(ValueError, match="actions of 2 finite numbers"):
        env.step([np.nan, 0.0])
    with pytest.raises(ValueError, match="vel_agent is not among pos_agent, pos_goal"):
        env.restore({"pos_agent": [0, 0], "pos_goal": [1, 1]})
    with pytest.raises(ValueError, match="goal_tolerance must be a positive number"):
        particle_reach.ParticleReachEnv(goal_tolerance=0)
    with pytest.raises(ValueError, match="render_mode must be"):
        particle_reach.ParticleReachEnv(render_mode="human")
