import contextlib

import numpy as np
import pytest

from ibc.environments.block_pushing import block_pushing, block_pushing_normalized
from tests import environment_testing

_Task = block_pushing.BlockTaskVariant
_ACTION = environment_testing.RANGES["action"]


@pytest.fixture(scope="module", params=["REACH", "PUSH"])
def pair(request):
    """Returns a plain environment and its normalized variant."""
    plain = block_pushing.BlockPush(task=_Task[request.param])
    task = _Task[f"{request.param}_NORMALIZED"]
    with (
        contextlib.closing(plain),
        contextlib.closing(block_pushing_normalized.BlockPushNormalized(task=task)) as normalized,
    ):
        yield plain, normalized


def test_it_is_the_plain_task_behind_maps(pair):
    plain, normalized = pair
    plain.reset(seed=2)
    normalized.reset(seed=2)
    assert list(normalized.observation_space.spaces) == environment_testing.NORMALIZED_KEYS
    for action in np.random.RandomState(0).uniform(-1, 1, (6, 2)):
        state, got = plain.compute_state(), normalized.compute_state()
        expected = environment_testing.normalized(
            state["block_translation"],
            state["block_orientation"][0],
            state["target_translation"],
            state["target_orientation"][0],
            state["effector_target_translation"],
        )
        for key, value in expected.items():
            np.testing.assert_allclose(got[key], value, rtol=0, atol=1e-6)
        low, high = np.array(_ACTION)
        _, reward, *_ = plain.step((low + high) / 2 + action * (high - low) / 2)
        _, scaled, *_ = normalized.step(action)
        assert scaled == pytest.approx(100 * reward, abs=0.05)


def test_actions_are_clipped(pair):
    _, env = pair
    reached = []
    for action in ((1.0, -1.0), (7.0, -3.0)):
        env.reset(seed=0)
        env.step(np.array(action))
        reached.append(env.scene.commanded_effector.translation)
    assert reached[0] == reached[1]
    assert reached[0][:2] == pytest.approx((0.3 + 0.02869084, -0.4 - 0.02090043), abs=1e-9)


def test_maps_of_actions_are_inverse():
    actions = np.random.RandomState(0).uniform(-2, 2, (5, 3, 2))
    displacements = block_pushing_normalized.unnormalize_action(actions)
    np.testing.assert_allclose(
        block_pushing_normalized.normalize_action(displacements), actions, atol=1e-12
    )
    low, high = np.array(_ACTION)
    np.testing.assert_allclose(block_pushing_normalized.unnormalize_action(-np.ones(2)), low)
    np.testing.assert_allclose(block_pushing_normalized.unnormalize_action(np.ones(2)), high)


def test_float32_actions_are_mapped_in_float32():
    """Where a rollout ends depends on the last digits of its actions."""
    low, high = np.array(_ACTION, np.float32)
    action = np.random.RandomState(0).uniform(-1, 1, (20, 2)).astype(np.float32)
    half = np.float32(0.5)
    expected = action * ((high - low) * half) + (high + low) * half
    displacement = block_pushing_normalized.unnormalize_action(action)
    assert displacement.dtype == np.float32
    np.testing.assert_array_equal(displacement, expected)


def test_maps_of_observations_are_inverse():
    rng = np.random.RandomState(0)
    observation = {
        "block_translation": rng.uniform(-1, 1, (4, 2)),
        "block_orientation": rng.uniform(-3.1, 3.1, (4, 1)),
        "effector_translation": rng.uniform(-1, 1, (4, 2)),
        "effector_target_translation": rng.uniform(-1, 1, (4, 2)),
        "target_translation": rng.uniform(-1, 1, (4, 2)),
        "target_orientation": rng.uniform(-3.1, 3.1, (4, 1)),
        "rgb": rng.randint(0, 255, (4, 6, 8, 3), np.uint8),
    }
    normalized = block_pushing_normalized.normalize_observation(observation)
    assert list(normalized) == [*environment_testing.NORMALIZED_KEYS, "rgb"]
    again = block_pushing_normalized.unnormalize_observation(normalized)
    assert set(again) == set(observation) - {"effector_translation"}
    for key, value in again.items():
        np.testing.assert_allclose(value, observation[key], atol=1e-6)


def test_success_ends_with_reward_100(pair):
    _, env = pair
    env.reset(seed=0)
    env.set_goal_dist_tolerance(1.0)
    _, reward, terminated, _, _ = env.step(np.zeros(2))
    assert (reward, terminated) == (100.0, True)
    env.set_goal_dist_tolerance(0.01)


def test_bad_task_is_named():
    with pytest.raises(ValueError, match=r"BlockPushNormalized\.task must be one of REACH_NORM"):
        block_pushing_normalized.BlockPushNormalized(task=_Task.PUSH)
