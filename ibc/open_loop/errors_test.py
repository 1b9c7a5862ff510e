"""Errors and their intervals, against loops and SciPy's bootstrap."""

import numpy as np
import pytest
import scipy.stats

from ibc.open_loop import errors


@pytest.fixture(name="differences")
def _differences():
    generator = np.random.default_rng(3)
    return [generator.normal(size=(n, 2)) + generator.normal() for n in (4, 9, 2, 30, 11, 6, 8)]


def test_errors_are_averages_over_all_steps(differences):
    steps = [step for episode in differences for step in episode.tolist()]
    for column in range(2):
        values = [step[column] for step in steps]
        absolute = sum(map(abs, values)) / len(values)
        square = (sum(value**2 for value in values) / len(values)) ** 0.5
        np.testing.assert_allclose(errors.mean_absolute(differences).value[column], absolute)
        np.testing.assert_allclose(errors.root_mean_square(differences).value[column], square)


def test_intervals_are_those_of_scipys_bootstrap_over_episodes(differences):
    found = errors.root_mean_square(differences)
    lengths = np.array([len(each) for each in differences])
    for column in range(2):
        squares = np.array([(each[:, column] ** 2).sum() for each in differences])
        expected = scipy.stats.bootstrap(
            (squares, lengths),
            lambda s, n, axis: np.sqrt(s.sum(axis=axis) / n.sum(axis=axis)),
            paired=True,
            vectorized=True,
            n_resamples=20000,
            method="percentile",
            random_state=1,
        ).confidence_interval
        np.testing.assert_allclose(found.low[column], expected.low, rtol=0.05)
        np.testing.assert_allclose(found.high[column], expected.high, rtol=0.05)
    assert errors.mean(np.ones((3, 4))).low == errors.mean(np.ones((3, 4))).high == 1


def test_one_episode_has_no_interval(differences):
    assert errors.mean_absolute(differences[:1])[1:] == (None, None)


def test_yardsticks():
    recorded = [np.array([[1.0], [3.0]]), np.array([[4.0], [4.0], [3.0]])]
    assert [each[:, 0].tolist() for each in errors.of_mean_action(recorded)] == [
        [2, 0],
        [-1, -1, 0],
    ]
    assert [each[:, 0].tolist() for each in errors.of_last_action(recorded)] == [
        [2, -2],
        [-1, 0, 1],
    ]


def test_scaled_errors_have_no_unit():
    generator = np.random.default_rng(0)
    recorded = [generator.normal(size=(n, 2)) for n in (50, 60)]
    differences = [np.tile([0.5, 0.0], (50, 1)), np.tile([0.0, 2.0], (60, 1))]
    deviation = np.concatenate(recorded).std(axis=0)
    expected = [0.5 / deviation[0] / 2**0.5, 2 / deviation[1] / 2**0.5]
    np.testing.assert_allclose(errors.scaled(differences, recorded), expected)
    units = np.array([1000.0, 0.1])
    in_others = errors.scaled([d * units for d in differences], [r * units for r in recorded])
    np.testing.assert_allclose(in_others, expected)
    assert errors.scaled([np.full((3, 1), 2.0)], [np.zeros((3, 1))]) == 2
