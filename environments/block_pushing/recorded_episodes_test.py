"""Replays recorded episodes: those of the published code, and our own, of every task."""

import json

import gymnasium
import numpy as np
import pytest

from ibc.environments import suite, tasks
from tests import environment_testing, oracle_testing, record_episodes

tasks.register_all()

_PUBLISHED = {"BlockPush": "PUSH", "BlockReach": "REACH", "BlockPushMultimodal": "PUSH_MULTIMODAL"}
_OURS = [*_PUBLISHED, "BlockInsert", "BlockPushNormalized", "BlockPushDiscontinuous"]


@pytest.fixture(scope="module")
def environment():
    """Returns a function from an id without '-v0' to its environment, made once."""
    with environment_testing.made_once(lambda n: gymnasium.make(f"{n}-v0").unwrapped) as get:
        yield get


@pytest.mark.parametrize("name", _PUBLISHED)
def test_published_resets_and_free_motion_are_reproduced(name, golden, environment):
    recorded = np.load(golden(f"env/env_{name}.npz"))
    env = environment(name)
    keys = list(env.observation_space.spaces)
    assert [f"obs/{key}" for key in keys] == [key for key in recorded if key.startswith("obs/")]
    for seed in range(3):
        observation, _ = env.reset(seed=seed)
        for step in range(31):
            state = env.compute_state()
            for key in keys:
                expected = recorded[f"obs/{key}"][seed, step]
                np.testing.assert_allclose(state[key], expected, rtol=0, atol=1e-12)
                np.testing.assert_array_equal(observation[key], expected.astype(np.float32))
            if step == 30:
                break
            observation, reward, terminated, _, _ = env.step(recorded["actions"][seed, step])
            assert reward == pytest.approx(recorded["rewards"][seed, step], rel=0, abs=1e-12)
            assert terminated == recorded["dones"][seed, step]


@pytest.mark.parametrize(("name", "task"), _PUBLISHED.items())
def test_published_oracle_rollouts_are_reproduced(name, task, golden, opened):
    """Contacts decide these: one digit less and one rollout in eight ends elsewhere."""
    rollouts = json.loads(golden(f"env/oracle_{name}.json").read_text())["rollouts"]
    all_actions = np.load(golden(f"env/oracle_{name}_actions.npz"))["actions"]
    env = opened(suite.load(task))
    inner = suite.gym_env(env)
    if task == "PUSH":
        inner.set_goal_dist_tolerance(0.02)
    assert rollouts
    for rollout in rollouts:
        seed = rollout["seed"]
        oracle = suite.tasks.get_task(task).oracle_class("oracle")(env, seed=seed)
        actions, steps = oracle_testing.rollout(env, oracle, seed)
        np.testing.assert_array_equal(actions, all_actions[seed][: rollout["steps"]])
        assert len(actions) == rollout["steps"]
        assert inner.succeeded == rollout["success"]
        # Rewards are float32 in time steps, and float64 in the recorded sums.
        rewards = sum(float(step.reward) for step in steps)
        assert rewards == pytest.approx(rollout["total_reward"], rel=1e-6, abs=0)
        assert steps[-1].discount == rollout["final_discount"] == 0
        distance = rollout["final_goal_distance"]
        assert inner.goal_distance == pytest.approx(distance, rel=0, abs=1e-12)


@pytest.mark.parametrize("name", _OURS)
def test_our_recordings_are_reproduced(name, environment):
    """These are here wherever the repository is; `tests/record_episodes.py` made them."""
    recorded = {
        key.partition("/")[2]: value
        for key, value in np.load(record_episodes.PATH).items()
        if key.startswith(f"{name}-v0/")
    }
    env = environment(name)
    env.reset(seed=record_episodes.SEED)
    states = [record_episodes.flat_state(env)]
    for i, action in enumerate(recorded["actions"], start=1):
        _, reward, terminated, _, _ = env.step(action)
        assert reward == pytest.approx(recorded["rewards"][i - 1], rel=1e-5, abs=1e-6)
        if i % record_episodes.EVERY == 0:
            states.append(record_episodes.flat_state(env))
    np.testing.assert_allclose(states, recorded["states"], rtol=0, atol=1e-9)
    assert terminated == env.succeeded == recorded["succeeded"]
    assert env.goal_distance == pytest.approx(float(recorded["goal_distance"]), abs=1e-9)
