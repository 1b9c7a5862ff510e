"""Push-T with the state-only reward against the published recordings."""

import gymnasium
import numpy as np
import pytest

from ibc.environments import suite, tasks

pytest.importorskip("gym_pusht")

# isort: split
from ibc.environments.pusht import keypoints, state_reward


@pytest.mark.parametrize("run", ["seed0", "seed1", "demo0", "demo5"])
def test_recorded_episodes_are_repeated(golden, run):
    with np.load(golden("near/env_pusht_particle.npz")) as file:
        obs, actions, rewards, thresholds = (
            file[f"pusht_{run}/{part}"]
            for part in ("obs", "actions", "rewards", "reward_threshold_after")
        )
    env = state_reward.PushTStateEnv()
    if run.startswith("seed"):
        env.reset(seed=int(run[-1]))
    else:
        env.reset(options={"state": obs[0]})
    np.testing.assert_allclose(env.compute_state(), obs[0], rtol=0, atol=1e-9)
    for step, action in enumerate(actions):
        _, reward, terminated, *_ = env.step(action)
        np.testing.assert_allclose(env.compute_state(), obs[step + 1], rtol=0, atol=1e-9)
        assert reward == pytest.approx(rewards[step], abs=1e-9)
        assert env.reward_threshold == thresholds[step] and not terminated
    env.reset()
    assert env.reward_threshold == 0.1


def test_the_task_is_limited_seen_and_stayed_in():
    env = suite.load("PUSHT_STATE")
    assert gymnasium.spec("PushTState-v0").max_episode_steps == 150
    stay = tasks.get_task("PUSHT_STATE").oracle_class("stay")(env)
    step = env.reset()
    before = suite.gym_env(env).agent_pos
    for _ in range(5):
        step = env.step(stay.action(step).action)
    assert step.observation.shape == (5,)
    np.testing.assert_allclose(suite.gym_env(env).agent_pos, before, atol=1)


def test_a_covered_goal_ends_the_episode_with_what_is_left_of_the_reward():
    env = state_reward.PushTStateEnv()
    env.restore(np.array([30.0, 40.0, *keypoints.GOAL_POSE]))
    _, reward, terminated, _, told = env.step(env.resting_action)
    away = np.linalg.norm([256 - 30, 256 - 40]) / 363
    assert terminated and told["coverage"] == pytest.approx(1)
    assert reward == pytest.approx(1 - away, abs=1e-3)
    assert env.max_reward == pytest.approx(1)


def test_states_of_other_sizes_are_refused():
    with pytest.raises(ValueError, match="starts from a state of 5 numbers"):
        state_reward.PushTStateEnv().reset(options={"state": np.zeros(4)})
