import numpy as np
import pytest

from ibc.data.windows import episode_split


@pytest.mark.parametrize("case", range(3))
def test_validation_episodes_are_the_published_ones(golden, case):
    recorded = np.load(golden("sequences/windows.npz"))
    count, ratio, seed = recorded[f"val{case}_args"]
    found = episode_split.validation_episodes(int(count), ratio, int(seed))
    np.testing.assert_array_equal(found, recorded[f"val{case}_mask"])


@pytest.mark.parametrize("ratio", [0.0, 0.001, 0.5, 1.0])
def test_an_episode_is_always_left_to_train_on(ratio):
    chosen = episode_split.validation_episodes(7, ratio)
    assert (chosen.sum() == 0) == (ratio == 0) and chosen.sum() < 7


def test_what_the_maximum_leaves_out_may_be_validated_on():
    training, held_out = episode_split.EpisodeSplit(0.2, max_train_episodes=5).divided(10)
    assert (training.sum(), held_out.sum()) == (5, 2) and not np.any(training & held_out)
    split = episode_split.EpisodeSplit(0.2, max_train_episodes=5, validate_on_others=True)
    np.testing.assert_array_equal(split.divided(10), [training, ~training])
