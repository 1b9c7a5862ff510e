"""What is measured of rewards that are computed while episodes are collected."""

import numpy as np
import pytest

from ibc.online import episode_rows, expert_data, measuring, replay
from ibc.online.interaction_env_test import walk
from ibc.rewards import pwil, shaped_reward
from ibc.utils import keys


def _shown(length=12) -> list[expert_data.Demonstration]:
    """Episodes that stay where they began, which random actions do not."""
    found = []
    for position in (-0.2, 0.2, 0.0, 0.1):
        seen = np.tile(np.float32([position**2, 1, position]), [length, 1])
        actions = np.full([length, 1], -0.5, np.float32)
        steps = episode_rows.Steps(seen, actions, np.zeros(length, np.float32), seen)
        found.append(expert_data.Demonstration(steps, terminated=False))
    return found


def test_trajectories_that_are_not_learned_from_are_held_out():
    shown = _shown()
    assert measuring.held_out(shown, 0, True) is None is measuring.held_out(shown, 4, True)
    found = measuring.held_out(shown, 3, True)
    assert found.num_trajectories == 1
    np.testing.assert_array_equal(found.rows.observation[:, :3], shown[3].steps.observation)


@pytest.mark.parametrize("shaped", [False, True])
def test_measuring_leaves_the_episode_that_is_being_collected_alone(shaped):
    def made():
        learned = pwil.PwilReward(12)
        if shaped:
            learned = shaped_reward.ShapedReward(learned, shaped_reward.Shaping(normalise=True))
        learned.prepare(expert.rows, keys.Key(np.int32([0, 1])))
        return learned

    shown = _shown()
    expert, others = expert_data.make(shown, trajectories=3), measuring.held_out(shown, 3, True)
    steps = [episode_rows.taken(expert.rows, [row]) for row in range(6)]
    undisturbed, learned = made(), made()
    expected = [undisturbed.reward_of_step(step) for step in steps]

    memory = replay.Replay(replay.Layout(4, 1), 50)
    measured = measuring.Measuring(learned, memory, expert, others, walk(), True, seed=0)
    assert measured.measure(_no_policy) == {}
    found, rewards = {}, []
    for step in steps:
        rewards.append(learned.reward_of_step(step))
        memory.append(step._replace(reward=np.float32(rewards[-1:])))
        found = measured.measure(_no_policy)
    assert rewards == expected
    assert found == measured.measure(_no_policy)
    assert found["reward_agent"] == pytest.approx(np.mean(rewards))
    assert found["auc_random"] > 0.8 and found["reward_expert"] > found["reward_random"]


def _no_policy(observation, action):
    raise AssertionError("PWIL asks no policy")
