import numpy as np

from ibc.rewards import goal_rewards
from tests import near_golden


def test_recorded_rewards(golden):
    recorded = np.load(golden("near/goal_rewards.npz"))
    root, hand = recorded["body_pos"][:, 0], recorded["body_pos"][:, 2]
    moving, striking = recorded["body_vel"][:, 0], recorded["body_vel"][:, 2]
    target = recorded["target"]
    for name, speed in (("walk", 2.0), ("run", 3.5)):
        found = goal_rewards.reaching(root, moving, target, speed)
        near_golden.assert_near(found, recorded[f"reaching_{name}"])
    found = goal_rewards.striking(root, moving, hand, striking, target, recorded["punched"])
    near_golden.assert_near(found, recorded["punching"])
    found = goal_rewards.advancing(root, recorded["previous_pos"][:, 0])
    near_golden.assert_near(found, recorded["distance"])
    near_golden.assert_near(goal_rewards.rising(root), recorded["height"])


def test_at_rest_and_at_the_target_rewards_are_finite():
    zero = np.zeros([1, 3])
    np.testing.assert_allclose(goal_rewards.reaching(zero, zero, zero), 0.6 + 0.1 * (1 - 4) + 1)
    assert np.isfinite(goal_rewards.striking(zero, zero, zero, zero, zero, np.array([False])))
