import numpy as np
import pytest

from ibc.data.records import shard_reader
from ibc.environments.d4rl import adroit
from tests import d4rl_testing

pytest.importorskip("gymnasium_robotics")

_DOOR_STEPS = 300


@pytest.fixture(scope="module")
def door():
    return adroit.DoorEnv()


@pytest.mark.parametrize("number", range(5))
def test_recorded_door_demonstrations_are_reproduced(door, golden, number):
    shard = shard_reader.read_shard(str(golden("data/door-human-v0/door-human-v0_0.tfrecord")))
    # D4RL cuts each demonstration for time at step 200, where it goes on in the next record.
    frames = slice(number * _DOOR_STEPS, (number + 1) * _DOOR_STEPS)
    observations, actions = shard.frames.observation[frames], shard.frames.action[frames]
    found, rewards = [door.restore(observations[0])], []
    for action in actions:
        observation, reward, *_ = door.step(action)
        found.append(observation)
        rewards.append(reward)
    np.testing.assert_allclose(np.array(found)[:-1], observations, atol=1e-5)
    np.testing.assert_allclose(rewards, shard.frames.reward[frames], atol=1e-4)


def _reaching_term(env) -> float:
    """The term whose sign gymnasium-robotics has the other way round."""
    near = env.handle if isinstance(env, adroit.DoorEnv) else env.held
    return 0.0 if isinstance(env, adroit.PenEnv) else 0.1 * np.linalg.norm(env.palm - near)


@pytest.mark.parametrize("task", ["door", "hammer", "pen", "relocate"])
def test_rewards_are_gymnasium_robotics_with_the_sign_of_d4rl(task, monkeypatch):
    env = d4rl_testing.make(f"{task}-human-v0").unwrapped
    simulated, outcomes = env.simulator.step, []

    def step(action):
        outcomes.append(simulated(action))
        return outcomes[-1]

    monkeypatch.setattr(env.simulator, "step", step)
    random = np.random.RandomState(0)
    for seed in range(3):
        env.reset(seed=seed)
        for _ in range(15):
            action = random.uniform(-1, 1, env.action_space.shape)
            _, reward, *_ = env.step(action)
            theirs = outcomes[-1][1]
            assert reward == pytest.approx(theirs - 2 * _reaching_term(env), abs=1e-9)


@pytest.mark.parametrize(
    ("angle", "bonus", "achieved"),
    [(0.1, 0, False), (0.3, 2, False), (1.1, 10, False), (1.34, 10, False), (1.36, 20, True)],
)
def test_door_rewards_its_angle(door, angle, bonus, achieved):
    door.reset(seed=0)
    positions, velocities = np.zeros(30), np.full(30, 0.1)
    positions[28] = angle
    door.simulator.set_state(positions, velocities)
    distance = np.linalg.norm(door.palm - door.handle)
    expected = -0.1 * distance - 0.1 * (angle - 1.57) ** 2 - 1e-5 * 30 * 0.01 + bonus
    assert door.compute_reward() == pytest.approx(expected, abs=1e-9)
    assert door.goal_achieved is achieved


@pytest.mark.parametrize(
    ("left", "bonus"), [(0.030, 0), (0.015, 25), (0.009, 100)], ids=["out", "near", "in"]
)
def test_hammer_rewards_the_nail(left, bonus):
    env = adroit.HammerEnv()
    env.reset(seed=0)
    positions = np.zeros(33)
    env.simulator.set_state(positions, np.zeros(33))
    positions[26] = env.nail_distance - left
    env.simulator.set_state(positions, np.zeros(33))
    assert env.nail_distance == pytest.approx(left, abs=1e-6)
    lifted = 2.0 if env.held[2] > 0.04 and env.tool[2] > 0.04 else 0.0
    expected = -0.1 * np.linalg.norm(env.palm - env.held) - np.linalg.norm(env.tool - env.nail)
    assert env.compute_reward() == pytest.approx(expected - 10 * left + lifted + bonus, abs=1e-6)
    assert env.goal_achieved is (left < 0.01)


def test_a_fallen_pen_costs_five_and_ends_the_episode():
    env = adroit.PenEnv()
    env.reset(seed=0)
    positions = env.model.qpos0.copy()
    env.simulator.set_state(positions, np.zeros(env.model.nv))
    before = env.compute_reward()
    env.model.body("Object").pos[2] -= env.held[2] - 0.07
    env.simulator.set_state(positions, np.zeros(env.model.nv))
    assert env.held[2] == pytest.approx(0.07, abs=1e-6)
    assert env.compute_reward() < before - 4.9
    _, _, terminated, truncated, _ = env.step(np.zeros(24))
    assert terminated and not truncated


@pytest.mark.parametrize(("distance", "bonus"), [(0.2, 0), (0.09, 10), (0.04, 30)])
def test_relocate_rewards_the_ball_at_its_target(distance, bonus):
    env = adroit.RelocateEnv()
    env.reset(seed=0)
    env.model.site("target").pos += env.held + np.array([0, 0, distance]) - env.goal
    env.simulator.set_state(np.zeros(36), np.zeros(36))
    on_table = -0.1 * np.linalg.norm(env.palm - env.held)
    assert env.compute_reward() == pytest.approx(on_table + bonus, abs=1e-9)
    assert env.goal_achieved is (distance < 0.1)


def test_success_counts_the_steps_of_one_episode(door):
    door.reset(seed=0)
    door.goal_steps = adroit.SUCCESS_STEPS
    assert not door.succeeded
    door.goal_steps += 1
    assert door.succeeded
    door.reset()
    assert not door.succeeded
