"""The particle on a plane against the published recordings."""

import gymnasium
import numpy as np
import pytest
from gymnasium.utils import env_checker
from tf_agents.environments import utils

from ibc.environments import suite
from ibc.environments.particle2d import particle_goal, particle_vector, straight_oracle
from ibc.environments.particle2d import task as particle_tasks


@pytest.mark.parametrize("run", ["random_seed0", "random_seed1"])
@pytest.mark.parametrize("kind", ["random", "to_centre"])
def test_recorded_episodes_are_repeated(golden, run, kind):
    with np.load(golden("near/env_pusht_particle.npz")) as file:
        name = f"particle_{run.replace('random', kind)}"
        obs, actions, rewards, dones = (
            file[f"{name}/{part}"] for part in ("obs", "actions", "rewards", "dones")
        )
    env = particle_goal.ParticleGoalEnv()
    env.reset(seed=int(run[-1]))
    np.testing.assert_array_equal(env.position, obs[0])
    for step, action in enumerate(actions):
        _, reward, terminated, *_ = env.step(action)
        np.testing.assert_allclose(env.position, obs[step + 1], rtol=0, atol=1e-9)
        assert reward == pytest.approx(rewards[step], abs=1e-9)
        # The published limit of 150 steps ends an episode; here it interrupts it, from outside.
        assert terminated == (dones[step] and step + 1 < particle_tasks.MAX_EPISODE_STEPS)
    assert env.succeeded == terminated


def test_rows_of_many_are_single_environments():
    particle_tasks.register()
    many = gymnasium.make_vec("ParticleGoal-v0", num_envs=3)
    assert isinstance(many, particle_vector.ParticleGoalVectorEnv)
    ones = [particle_goal.ParticleGoalEnv() for _ in range(3)]
    seen, _ = many.reset(seed=5)
    np.testing.assert_array_equal(seen, [env.reset(seed=5 + n)[0] for n, env in enumerate(ones)])
    ended = np.zeros(3, int)
    for step in range(1, 161):
        actions = np.clip((256 - seen) / 20, -1, 1) * [[1], [1], [0.1]]
        seen, rewards, terminated, truncated, infos = many.step(actions)
        for row, env in enumerate(ones):
            own, reward, is_end, *_ = env.step(actions[row])
            np.testing.assert_array_equal(infos["final_obs"][row], own)
            assert (rewards[row], terminated[row]) == (pytest.approx(reward), is_end)
            late = infos["episode_length"][row] == 150 and not is_end
            assert truncated[row] == late and infos["succeeded"][row] == env.succeeded
            if is_end or late:
                ended[row] += 1
                own, _ = env.reset()
            np.testing.assert_array_equal(seen[row], own)
        if step == 100:
            state = many.get_state()
    assert ended.all() and np.isin(infos["_final_obs"], (False, True)).all()
    np.testing.assert_array_equal(many.set_state(state), state["rows"][0].astype(np.float32))


def test_the_window_stops_the_particle():
    env = particle_goal.ParticleGoalEnv()
    env.restore([2.0, 510.0])
    seen, *_ = env.step([-1.0, 0.25])
    np.testing.assert_allclose(seen, [0, 511])
    seen, *_ = env.step([-5.0, 5.0])  # clipped to 1
    np.testing.assert_allclose(seen, [0, 512])


def test_gymnasium_and_tf_agents_accept_the_environment_and_the_oracle_solves_it():
    particle_tasks.register()
    env_checker.check_env(gymnasium.make("ParticleGoal-v0", render_mode="rgb_array").unwrapped)
    env = suite.load("PARTICLE_GOAL")
    utils.validate_py_environment(env, episodes=1)
    oracle, step = straight_oracle.StraightOracle(env), env.reset()
    while not step.is_last():
        step = env.step(oracle.action(step).action)
    assert suite.gym_env(env).succeeded
    metrics, _ = suite.gym_env(env).get_metrics(2)
    assert [metric.name for metric in metrics] == [
        "AverageFinalGoalDistance",
        "AverageSuccessMetric",
    ]


def test_the_particle_is_drawn_where_it_is():
    env = particle_goal.ParticleGoalEnv(render_mode="rgb_array")
    env.restore([100.0, 300.0])
    drawn = env.render()
    blue = (drawn == (43, 108, 212)).all(-1)
    rows, columns = np.nonzero(blue)
    assert (columns.mean(), rows.mean()) == (100, 300)
    assert particle_goal.ParticleGoalEnv().render() is None


def test_what_is_out_of_range_is_named():
    env = particle_goal.ParticleGoalEnv()
    with pytest.raises(ValueError, match="actions of 2 finite numbers"):
        env.step([np.nan, 0.0])
    with pytest.raises(ValueError, match="starts from two numbers from 0 to 512"):
        env.restore([600.0, 1.0])
    with pytest.raises(ValueError, match="render_mode must be"):
        particle_goal.ParticleGoalEnv(render_mode="human")
