import numpy as np
import pytest
import tensorflow as tf

from ibc.networks import video_encoder
from ibc.rewards import learned_reward, video_similarity_reward
from ibc.utils import transitions
from tests import video_golden

_SMALL = video_encoder.Architecture(32, 16, (4, 8, 12))


@pytest.fixture(scope="module")
def encoder():
    return video_encoder.VideoEncoder(_SMALL, seed=1)


def _videos(count, frames=10, seed=0):
    draw = np.random.default_rng(seed)
    return list(draw.normal(size=[count, frames, 32, 32, 3]).astype(np.float32))


def _transitions(video) -> transitions.Transitions:
    values = dict.fromkeys(transitions.Transitions._fields, np.zeros(len(video) - 1, np.float32))
    return transitions.Transitions(
        **values | {"observation": video[:-1], "next_observation": video[1:]}
    )


def test_recorded_similarities(golden):
    recorded = np.load(golden("video_imitation/reward.npz"))
    for name, key in (("cosine", "cosine"), ("negative_distance", "negative_l2")):
        found = video_similarity_reward.SIMILARITIES[name](
            tf.constant(recorded["agent_h"]), tf.constant(recorded["expert_h"])
        )
        np.testing.assert_allclose(found, recorded[key], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("name", "key"), [("cosine", "cosine"), ("negative_distance", "l2")])
def test_recorded_rewards_of_a_video(golden, name, key):
    recorded = np.load(golden("video_imitation/encoder64.npz"))
    encoder = video_encoder.VideoEncoder()
    video_golden.fill(encoder)
    experts, others = (
        list(np.swapaxes(video_golden.videos(recorded, kind), 0, 1)) for kind in ("expert", "other")
    )
    learned = video_similarity_reward.VideoSimilarityReward(encoder, experts[1:], name)
    found = learned.rewards_of_videos(others[:1], [0])[0]
    np.testing.assert_allclose(found, recorded[f"reward_{key}"][1:], rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("similarity", video_similarity_reward.SIMILARITIES)
def test_rewards_step_by_step_are_those_of_the_whole_episode(encoder, similarity, seed):
    learned = video_similarity_reward.VideoSimilarityReward(
        encoder, _videos(5, seed=100 + seed), similarity, videos_per_episode=1 + seed, seed=seed
    )
    for number in range(3):
        video = _videos(1, frames=2 + (4 * seed + 3 * number) % 9, seed=number)[0]
        whole = learned.rewards_of_videos([video], [number])[0]
        learned.begin_episode()
        steps = _transitions(video)
        one_by_one = [
            learned.reward_of_step(type(steps)(*(field[t : t + 1] for field in steps)))
            for t in range(len(video) - 1)
        ]
        np.testing.assert_allclose(one_by_one, whole, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(learned.rewards_of_episode(steps), whole)


def test_rewards_are_means_over_the_episodes_own_expert_videos(encoder):
    experts, agent = _videos(4), _videos(3, frames=7, seed=9)
    one, all_four = (
        video_similarity_reward.VideoSimilarityReward(encoder, experts, videos_per_episode=count)
        for count in (1, 4)
    )
    singles = []
    for index in range(4):
        alone = video_similarity_reward.VideoSimilarityReward(encoder, experts[index : index + 1])
        singles.append(alone.rewards_of_videos(agent[:1], [0])[0])
    mean = all_four.rewards_of_videos(agent, [0, 1, 2])[0]
    np.testing.assert_allclose(mean, np.mean(singles, 0), rtol=1e-5)
    for number in range(20):
        index = one.chosen(number)[0]
        found = one.rewards_of_videos(agent[:1], [number])[0]
        np.testing.assert_allclose(found, singles[index], rtol=1e-5, atol=1e-7)
    assert {int(one.chosen(number)[0]) for number in range(40)} == {0, 1, 2, 3}


def test_rewards_do_not_depend_on_what_was_rated_before(encoder):
    agent = _videos(3, seed=9)
    first, second = (
        video_similarity_reward.VideoSimilarityReward(encoder, _videos(7), videos_per_episode=3)
        for _ in range(2)
    )
    first.rewards_of_videos(agent, [4, 5, 6])
    found = [learned.rewards_of_videos(agent[:1], [8])[0] for learned in (first, second)]
    np.testing.assert_array_equal(*found)
    whole = second.rewards_of_videos([agent[0], agent[1][:6]], [8, 5])
    assert [len(each) for each in whole] == [9, 5]
    np.testing.assert_allclose(whole[0], found[0], rtol=1e-5)


def test_an_experts_own_video_has_the_largest_reward(encoder):
    experts = _videos(1)
    learned = video_similarity_reward.VideoSimilarityReward(encoder, experts)
    np.testing.assert_allclose(learned.rewards_of_videos(experts, [3])[0], 1, rtol=1e-5)
    assert np.all(learned.rewards_of_videos(_videos(1, seed=5), [3])[0] < 1)


def test_a_changed_encoder_rates_anew(encoder):
    own = video_encoder.VideoEncoder(_SMALL, seed=2)
    learned = video_similarity_reward.VideoSimilarityReward(own, _videos(2), "negative_distance")
    before = learned.rewards_of_videos(_videos(1, seed=5), [0])[0]
    for mine, other in zip(own.variables, encoder.variables, strict=True):
        mine.assign(other)
    learned.encoder_changed()
    expected = video_similarity_reward.VideoSimilarityReward(
        encoder, _videos(2), "negative_distance"
    )
    found = learned.rewards_of_videos(_videos(1, seed=5), [0])[0]
    np.testing.assert_array_equal(found, expected.rewards_of_videos(_videos(1, seed=5), [0])[0])
    assert not np.allclose(found, before, rtol=1e-3)


def test_time_means_are_of_episodes_that_last_so_long():
    rewards = [np.array([1.0, 2.0, 6.0]), np.array([3.0]), np.array([2.0, 4.0])]
    np.testing.assert_allclose(video_similarity_reward.time_means(rewards), [2, 3, 6])


def test_scaled_rewards_deviate_by_one():
    rewards = [np.array([0.9, 0.7, 0.8]), np.array([0.6])]
    scaled = np.concatenate(rewards) * video_similarity_reward.scale(rewards)
    np.testing.assert_allclose(scaled.std(), 1, rtol=1e-6)
    assert np.isfinite(video_similarity_reward.scale([np.ones(3)]))


def test_it_is_a_learned_reward_and_refuses_what_it_cannot_compare(encoder):
    learned = video_similarity_reward.VideoSimilarityReward(encoder, _videos(2))
    learned_reward.check(learned)
    assert learned.moment is learned_reward.Moment.EPISODE_END
    with pytest.raises(ValueError, match="has 12 frames, but the expert's videos have 10"):
        learned.rewards_of_videos(_videos(1, frames=12), [0])
    for given, said in (
        ({"similarity": "dot"}, "similarity must be one of cosine, negative_distance"),
        ({"videos_per_episode": 3}, "videos_per_episode is 3, expected 1 to 2"),
    ):
        with pytest.raises(ValueError, match=said):
            video_similarity_reward.VideoSimilarityReward(encoder, _videos(2), **given)
