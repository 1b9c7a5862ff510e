"""Seeded draws: distributions, and which seed each number follows from."""

import numpy as np
import pytest
import tensorflow as tf

from ibc.samplers import draws

SHARED = tf.constant([3, 4])


def _row_seeds(*rows):
    return tf.constant([[row, 7] for row in rows])


def test_uniform_actions_fill_each_dimensions_bounds():
    minimum, maximum = tf.constant([-1.0, 2.0, 0.0]), tf.constant([-0.5, 6.0, 1e-3])
    actions = draws.uniform_actions(4, 20000, minimum, maximum, SHARED).numpy()
    assert actions.shape == (4, 20000, 3)
    assert np.all(actions >= minimum) and np.all(actions <= maximum)
    unit = ((actions - minimum) / (maximum - minimum)).numpy()
    np.testing.assert_allclose(unit.mean((0, 1)), 0.5, atol=5 / np.sqrt(12 * 80000))
    np.testing.assert_allclose(unit.var((0, 1)), 1 / 12, rtol=0.02)


@pytest.mark.parametrize(
    "draw",
    [
        lambda seed, rows: draws.uniform_actions(rows, 5, tf.zeros([2]), tf.ones([2]), seed),
        lambda seed, rows: draws.normal_like(tf.zeros([rows, 5, 2]), seed),
        lambda seed, rows: draws.indices(tf.zeros([rows, 50]), 5, seed),
        lambda seed, rows: draws.split(seed, 4)[2],
    ],
)
def test_rows_follow_their_own_seed(draw):
    rows = draw(_row_seeds(1, 2, 1), 3).numpy()
    np.testing.assert_array_equal(rows[0], rows[2])
    assert not np.array_equal(rows[0], rows[1])
    np.testing.assert_array_equal(draw(_row_seeds(2), 1)[0], rows[1])


def test_shared_seed_repeats_but_its_splits_differ():
    first, again = (draws.normal_like(tf.zeros([3, 4]), SHARED).numpy() for _ in range(2))
    np.testing.assert_array_equal(first, again)
    parts = draws.split(SHARED, 3)
    assert parts.shape == (3, 2)
    assert len({tuple(part) for part in parts.numpy()}) == 3


@pytest.mark.parametrize("seed", [SHARED, _row_seeds(1, 2)])
def test_indices_follow_the_softmax(seed):
    logits = np.array([[0.0, 1.0, -np.inf, 2.0, -1.0], [5.0, 0.0, 0.0, 0.0, 4.0]], np.float32)
    count = 100_000
    drawn = draws.indices(tf.constant(logits), count, seed).numpy()
    for row in range(2):
        weights = np.exp(logits[row].astype(np.float64))
        expected = weights / weights.sum()
        frequency = np.bincount(drawn[row], minlength=5) / count
        error = 5 * np.sqrt(expected * (1 - expected) / count)
        assert (np.abs(frequency - expected) <= error).all()


def test_indices_of_one_certain_sample():
    logits = tf.constant([[-1e9, 0.0, -1e9]])
    np.testing.assert_array_equal(draws.indices(logits, 1000, SHARED), np.ones([1, 1000]))


def test_draws_work_with_unknown_batch_size():
    @tf.function(input_signature=[tf.TensorSpec([None, 3]), tf.TensorSpec([None, 2], tf.int32)])
    def drawn(tensor, seed):
        return draws.normal_like(tensor, seed)

    seeds = _row_seeds(1, 2)
    np.testing.assert_array_equal(
        drawn(tf.zeros([2, 3]), seeds), draws.normal_like(tf.zeros([2, 3]), seeds)
    )


def test_fresh_seeds_follow_the_global_seed():
    drawn = []
    for _ in range(2):
        tf.random.set_seed(11)
        drawn.append([draws.as_seed(None).numpy().tolist() for _ in range(2)])
    assert drawn[0] == drawn[1]
    assert drawn[0][0] != drawn[0][1]


def test_seed_of_wrong_shape():
    with pytest.raises(ValueError, match=r"\(3,\)"):
        draws.as_seed(tf.constant([1, 2, 3]))


@pytest.mark.parametrize(
    "draw",
    [
        lambda rows: draws.uniform_actions(rows, 5, tf.zeros([2]), tf.ones([2]), SHARED),
        lambda rows: draws.normal_like(tf.zeros([rows, 5, 2]), SHARED),
        lambda rows: draws.indices(tf.zeros([rows, 50]), 5, SHARED),
    ],
)
def test_shares_of_a_batch_draw_what_the_whole_batch_would(draw):
    whole = draw(6).numpy()
    for share in range(3):
        with draws.share_of_batch(tf.constant(share), 3):
            np.testing.assert_array_equal(draw(2), whole[2 * share : 2 * share + 2])
    np.testing.assert_array_equal(draw(6), whole)
