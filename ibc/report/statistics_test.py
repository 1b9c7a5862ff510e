"""Intervals and tests against closed forms and other computations of the same numbers."""

import math

import numpy as np
import pytest
from scipy import stats

from ibc.report import statistics


def test_mean_interval_is_students():
    # Of 1, 2, 3: standard error 1/√3, and 4.302653 is the t table's entry for two degrees.
    mean, low, high = statistics.mean_interval(np.array([1.0, 2.0, 3.0]))
    assert mean == 2
    assert (low, high) == pytest.approx((2 - 4.302653 / 3**0.5, 2 + 4.302653 / 3**0.5))


def test_shares_stay_shares():
    assert statistics.mean_interval(np.array([0.0, 1.0]), 0, 1) == (0.5, 0, 1)


def test_a_single_run_has_no_interval():
    value, low, high = statistics.mean_interval(np.array([0.5]))
    assert value == 0.5 and math.isnan(low) and math.isnan(high)


@pytest.mark.parametrize(("only_first", "only_second"), [(9, 1), (3, 3), (0, 6), (2, 7)])
def test_mcnemar_is_the_sum_of_binomial_tails(only_first, only_second):
    first = np.array([1] * only_first + [0] * only_second + [1, 1, 0], bool)
    second = np.array([0] * only_first + [1] * only_second + [1, 1, 0], bool)
    number = only_first + only_second
    tail = sum(math.comb(number, k) for k in range(min(only_first, only_second) + 1))
    assert statistics.mcnemar(first, second) == pytest.approx(min(1, 2 * tail / 2**number))


def test_mcnemar_of_equal_outcomes_tells_nothing():
    same = np.array([True, False])
    assert statistics.mcnemar(same, same) == 1


def test_paired_difference_is_that_of_the_normal_mean():
    random = np.random.RandomState(0)
    of_episode = 10 * random.randn(400)  # Pairing removes it.
    first, second = of_episode + 1 + random.randn(400), of_episode + random.randn(400)
    found = statistics.paired_difference(first, second)
    half = stats.norm.ppf(0.975) * stats.sem(first - second)
    assert found.value == pytest.approx((first - second).mean())
    assert found.low == pytest.approx(found.value - half, abs=0.02)
    assert found.high == pytest.approx(found.value + half, abs=0.02)
    assert found.high - found.low < 0.4


def test_compares_seed_by_seed():
    first = np.array([[1, 1, 1, 1, 1, 1.0], [1, 0, 1, 0, 1, 0]])
    second = np.array([[0, 0, 0, 0, 0, 0.0], [1, 0, 1, 0, 1, 0]])
    difference, p_values = statistics.compare(first, second, True)
    assert difference.value == 0.5 and p_values == (2 / 2**6, 1.0)
    assert statistics.compare(first, second + 0.5, True).p_values == ()
    assert statistics.compare(first, second, False).p_values == ()


def test_seeds_and_episodes_agree_with_their_standard_errors():
    rng = np.random.default_rng(1)
    episodes = rng.normal(0, 1, [6, 200]) + rng.normal(0, 0.5, [6, 1])
    found = statistics.seeds_and_episodes(list(episodes))
    assert found.value == pytest.approx(episodes.mean())
    # Drawn with replacement: the runs' own spread over n, and that of the episodes within a run.
    variance = episodes.mean(axis=1).var() / 6 + episodes.var(axis=1).mean() / 200 / 6
    half = 1.96 * math.sqrt(variance)
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.05)
    assert statistics.seeds_and_episodes(list(episodes)) == found


def test_one_seed_has_the_interval_of_its_episodes():
    successes = np.array([1.0] * 90 + [0.0] * 10)
    found = statistics.seeds_and_episodes([successes])
    assert found.value == pytest.approx(0.9)
    assert (found.low, found.high) == pytest.approx((0.84, 0.95), abs=0.011)
    assert statistics.seeds_and_episodes([np.ones(5)]) == (1, 1, 1)
