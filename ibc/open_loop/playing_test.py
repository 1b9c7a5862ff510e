"""What is shown to a policy, and what is kept of it, by a policy in NumPy."""

import numpy as np
import pytest

from ibc.data import episodes
from ibc.open_loop import playing
from tests import open_loop_testing


def _frames(episode):
    action, joints = episode["action"], episode["joints"]
    return episodes.frames(episodes.Episode({"joints": joints}, action, episode["reward"]))


def test_each_recorded_observation_is_answered_once():
    policy = open_loop_testing.Policy("regression")
    for number, episode in enumerate(open_loop_testing.recorded()):
        played = playing.play(policy, _frames(episode), number)
        count = len(episode["action"])
        # The frame that joins an episode to the next is no step.
        expected = np.column_stack([episode["joints"], np.arange(count)])
        np.testing.assert_array_equal(played.predicted, np.float64(np.float32(expected)))
        np.testing.assert_array_equal(played.recorded, np.float64(episode["action"]))
        assert (played.number, played.ranks, played.plan_errors) == (number, None, None)
    assert policy.resets == 3


def test_ranks_are_shares_of_samples_with_less_energy():
    (episode,) = open_loop_testing.recorded([6])
    played = playing.play(open_loop_testing.Policy(), _frames(episode), 0)
    samples = np.linspace(0, 1, open_loop_testing.SAMPLES) * 3
    expected = [(samples < np.abs(action).sum()).mean() for action in episode["action"]]
    np.testing.assert_allclose(played.ranks, expected)
    assert played.plan_errors is None and 0 < played.ranks.mean() < 1


def test_chunks_repeat_the_last_action_and_plans_end_with_the_episode():
    (episode,) = open_loop_testing.recorded([4])
    policy = open_loop_testing.Policy(chunk_steps=3)
    played = playing.play(policy, _frames(episode), 0)
    action = episode["action"]
    for step, rows in enumerate([[0, 1, 2], [1, 2, 3], [2, 3, 3], [3, 3, 3]]):
        samples = np.linspace(0, 1, open_loop_testing.SAMPLES) * 9
        assert played.ranks[step] == (samples < np.abs(action[rows]).sum()).mean()
        for ahead in range(3):
            # The best sample does nothing.
            expected = -action[step + ahead] if step + ahead < 4 else np.full(3, np.nan)
            np.testing.assert_allclose(played.plan_errors[step, ahead], expected, rtol=1e-6)


def test_what_a_policy_refuses_names_episode_and_step():
    (episode,) = open_loop_testing.recorded([4])
    policy = open_loop_testing.Policy("regression")
    episode["joints"][2, 0] = np.inf
    with pytest.raises(ValueError, match="episode 5, step 2: the policy's action is not finite"):
        playing.play(policy, _frames(episode), 5)

    class Refusing(open_loop_testing.Policy):
        def __call__(self, observation):
            raise TypeError("observation 'joints' is float32, but the policy needs uint8.")

    with pytest.raises(ValueError, match="episode 5, step 0: observation 'joints' is float32"):
        playing.play(Refusing("regression"), _frames(episode), 5)
