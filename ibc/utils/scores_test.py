"""Aggregated scores against recordings, and their intervals against what is known of them."""

import numpy as np
import pytest

from ibc.utils import scores


def test_recorded_means(golden):
    recorded = np.load(golden("online_imitation/optimiser_scores.npz"))
    runs = recorded["scores"].reshape(20, 3)
    np.testing.assert_allclose(scores.interquartile_mean(runs, axis=0), recorded["iqm"])
    of_episodes = scores.interquartile_mean(recorded["episodes"], axis=0)
    np.testing.assert_allclose(of_episodes, recorded["episode_iqm"])


def test_outliers_do_not_count():
    assert scores.interquartile_mean(np.array([-1e9, 1, 2, 3, 4, 1e9, 2, 3])) == 2.5


def test_normalizes():
    assert scores.normalized(-400.0, -1200.0, -200.0) == 0.8
    with pytest.raises(ValueError, match="same return 3"):
        scores.normalized(1.0, 3.0, 3.0)


def test_interval_is_that_of_the_normal_mean():
    task = np.random.RandomState(0).randn(400)
    low, high = scores.interval([task], draws=2000)
    mean = scores.interquartile_mean(task)
    # The interquartile mean of a normal distribution has about 1.19 times the mean's variance.
    assert low < mean < high
    assert (high - low) / 2 == pytest.approx(1.96 * np.sqrt(1.19 / 400), rel=0.15)


def test_tasks_are_drawn_among_themselves():
    # Resampled together, two tasks as far apart as this would have a wide interval.
    tasks = [np.full(5, 0.0), np.full(8, 1.0)]
    low, high = scores.interval(tasks, draws=500)
    assert low == high == scores.interquartile_mean(np.concatenate(tasks))
    assert np.isnan(scores.interval([np.zeros(1), np.zeros(3)])).all()
    assert scores.interval([np.arange(5.0)], seed=1) == scores.interval([np.arange(5.0)], seed=1)


def test_probability_of_improvement_is_the_share_of_pairs():
    first, second = [np.array([1.0, 3.0]), np.array([5.0, 6.0, 7.0])], [np.array([2.0, 3.0])] * 2
    # On the first task 1 < 2, 1 < 3, 3 > 2 and a tie; on the second all are above.
    found, low, high = scores.probability_of_improvement(first, second)
    assert found == (1.5 / 4 + 1) / 2
    assert low == 0.5 and found < high <= 1, "the second task is certain, the first is not"
    assert np.isnan(scores.probability_of_improvement([np.ones(1)], [np.zeros(3)])[1:]).all()


def test_probability_of_improvement_has_the_interval_of_its_standard_error():
    random = np.random.RandomState(0)
    first, second = random.randn(200) + 1, random.randn(200)
    found, low, high = scores.probability_of_improvement([first], [second], draws=1000)
    above = first[:, np.newaxis] > second
    # Hoeffding's projection of a two-sample statistic.
    error = np.sqrt(above.mean(1).var() / 200 + above.mean(0).var() / 200)
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.15)
    assert found == pytest.approx(0.76, abs=0.06)  # Φ(1/√2)
