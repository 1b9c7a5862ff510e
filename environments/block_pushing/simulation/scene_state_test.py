import json

import numpy as np
import pytest

from ibc.environments import suite
from tests import environment_testing

_TASKS = ("REACH", "PUSH", "INSERT", "PUSH_NORMALIZED", "PUSH_DISCONTINUOUS", "PUSH_MULTIMODAL")


@pytest.fixture(scope="module")
def pair():
    """Returns a function from a task to two environments of it, made once."""
    with environment_testing.made_once(lambda task, _: suite.gym_env(suite.load(task))) as get:
        yield lambda task: (get(task, 0), get(task, 1))


def _drive_to_block(env, seed, steps) -> None:
    """Brings the tool to the first block and on into it."""
    env.reset(seed=seed)
    scale = 20.0 if "Normalized" in type(env).__name__ else 1.0
    for _ in range(steps):
        block = np.array(env.scene.pose_of(env.scene.blocks[0]).translation[:2])
        way = block - env.scene.commanded_effector.translation[:2]
        env.step(scale * way * min(0.03 / np.linalg.norm(way), 1.0))


def _is_touched(env) -> bool:
    return bool(env.pybullet_client.getContactPoints(env.robot.end_effector, env.scene.blocks[0]))


@pytest.mark.parametrize("task", _TASKS)
def test_a_restored_state_goes_on_identically(task, pair):
    original, other = pair(task)
    touched = 0
    for seed, steps in ((1, 0), (2, 8), (3, 12)):
        _drive_to_block(original, seed, steps)
        touched += _is_touched(original)
        state = json.loads(json.dumps(original.get_pybullet_state(), allow_nan=False))
        other.set_pybullet_state(state)
        assert other.get_pybullet_state() == state
        rng = np.random.RandomState(seed)
        for _ in range(8):
            for key, value in original.compute_state().items():
                np.testing.assert_allclose(other.compute_state()[key], value, rtol=0, atol=1e-12)
            assert other.goal_distance == original.goal_distance
            action = rng.uniform(-0.03, 0.03, 2)
            expected, got = original.step(action), other.step(action)
            assert got[1:] == expected[1:]
    assert touched > 0


def test_numbers_that_were_edited_are_put_there(pair):
    env, _ = pair("PUSH")
    _drive_to_block(env, 0, 5)
    state = env.get_pybullet_state()
    state["blocks"][0]["translation"] = [0.45, 0.3, 0.02]
    state["blocks"][0]["linear_velocity"] = [0.0, 0.1, 0.0]
    state["targets"][0]["translation"][:2] = [0.35, 0.1]
    state["robot"]["joint_positions"][5] += 0.1
    env.set_pybullet_state(state)
    after = env.compute_state()
    np.testing.assert_allclose(after["block_translation"], (0.45, 0.3))
    np.testing.assert_allclose(after["target_translation"], (0.35, 0.1))
    assert env.goal_distance == pytest.approx(np.hypot(0.1, 0.2))
    velocity, _ = env.pybullet_client.getBaseVelocity(env.scene.blocks[0])
    np.testing.assert_allclose(velocity, (0.0, 0.1, 0.0))
    positions, _ = env.robot.joint_states()
    np.testing.assert_allclose(positions, state["robot"]["joint_positions"])


def test_what_the_task_remembers_is_restored(pair):
    original, other = pair("PUSH")
    _drive_to_block(original, 1, 14)
    best = original.best_fraction_reduced_goal_dist
    other.reset(seed=5)
    other.set_pybullet_state(original.get_pybullet_state())
    assert other.best_fraction_reduced_goal_dist == best
    assert other.initial_goal_distance == original.initial_goal_distance
    original, other = pair("REACH")
    original.reset(seed=1)
    other.set_pybullet_state(original.get_pybullet_state())
    np.testing.assert_array_equal(other.reach_target_translation, original.reach_target_translation)
    original, other = pair("PUSH_DISCONTINUOUS")
    original.reset(seed=1)
    other.set_pybullet_state(original.get_pybullet_state())
    assert other.goal_distance == np.inf
    original.step(np.zeros(2))
    other.set_pybullet_state(original.get_pybullet_state())
    assert other.smallest_first_distance == original.smallest_first_distance < np.inf


def test_state_of_another_scene_is_refused(pair):
    state = pair("PUSH_DISCONTINUOUS")[0].get_pybullet_state()
    with pytest.raises(ValueError, match="the state has 2 targets and this environment 1"):
        pair("PUSH")[0].set_pybullet_state(state)
    with pytest.raises(ValueError, match="the state has 1 blocks and this environment 2"):
        pair("PUSH_MULTIMODAL")[0].set_pybullet_state(state)
