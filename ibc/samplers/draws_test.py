"""Seeded draws: distributions, and which seed each number follows from."""

import numpy as np
import pytest
import tensorflow as tf

from ibc.samplers import action_space, draws
from ibc.utils import keys

UNIFORM = tf.raw_ops.StatelessRandomUniformV2
NORMAL = tf.raw_ops.StatelessRandomNormalV2
ROW_SEED = tf.constant([4, -7], tf.int64)
_UNIT = action_space.ActionSpace(tf.TensorSpec([2]), tf.zeros([2]), tf.ones([2]))
SHARED = keys.Key(tf.constant([3, 4]))


def _row_seeds(*rows):
    return keys.Key(tf.constant([[row, 7] for row in rows]))


def test_uniform_actions_fill_each_dimensions_bounds():
    minimum, maximum = tf.constant([-1.0, 2.0, 0.0]), tf.constant([-0.5, 6.0, 1e-3])
    space = action_space.ActionSpace(tf.TensorSpec([3]), minimum, maximum)
    actions = space.uniform(4, 20000, SHARED).numpy()
    assert actions.shape == (4, 20000, 3)
    assert np.all(actions >= minimum) and np.all(actions <= maximum)
    unit = ((actions - minimum) / (maximum - minimum)).numpy()
    np.testing.assert_allclose(unit.mean((0, 1)), 0.5, atol=5 / np.sqrt(12 * 80000))
    np.testing.assert_allclose(unit.var((0, 1)), 1 / 12, rtol=0.02)


_each_draw = pytest.mark.parametrize(
    "draw",
    [
        lambda rows, key: _UNIT.uniform(rows, 5, key),
        lambda rows, key: draws.normal_like(tf.zeros([rows, 5, 2]), key),
        lambda rows, key: draws.indices(tf.zeros([rows, 50]), 5, key),
    ],
)
"""Functions of the number of rows and a key."""


@_each_draw
def test_rows_follow_their_own_seed(draw):
    rows = draw(3, _row_seeds(1, 2, 1)).numpy()
    np.testing.assert_array_equal(rows[0], rows[2])
    assert not np.array_equal(rows[0], rows[1])
    np.testing.assert_array_equal(draw(1, _row_seeds(2))[0], rows[1])


def test_a_shared_seed_repeats():
    first, again = (draws.normal_like(tf.zeros([3, 4]), SHARED).numpy() for _ in range(2))
    np.testing.assert_array_equal(first, again)


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
        return draws.normal_like(tensor, keys.Key(seed))

    key = _row_seeds(1, 2)
    np.testing.assert_array_equal(
        drawn(tf.zeros([2, 3]), key.seed), draws.normal_like(tf.zeros([2, 3]), key)
    )


@_each_draw
def test_shares_of_a_batch_draw_what_the_whole_batch_would(draw):
    whole = draw(6, SHARED).numpy()
    for share in range(3):
        key = SHARED.part(tf.constant(share), 3)
        np.testing.assert_array_equal(draw(2, key), whole[2 * share : 2 * share + 2])


@pytest.mark.parametrize("first", [0, 1, 3, 4, 97, 2**33 + 5])
@pytest.mark.parametrize("operation", [UNIFORM, NORMAL])
@pytest.mark.parametrize("compiled", [False, True])
def test_numbers_follow_from_their_place_in_the_row(first, operation, compiled):
    def draw(first, count):
        return draws.numbers(operation, first, count, ROW_SEED)

    found = (tf.function(draw) if compiled else draw)(tf.constant(first, tf.int64), 10)
    for place in range(10):
        np.testing.assert_array_equal(found[place], draw(first + place, 1)[0])


@pytest.mark.parametrize(
    ("operation", "known"),
    [(UNIFORM, tf.random.stateless_uniform), (NORMAL, tf.random.stateless_normal)],
)
def test_the_row_is_what_tensorflow_draws(operation, known):
    expected = known([23], ROW_SEED, alg="philox")
    np.testing.assert_array_equal(draws.numbers(operation, 0, 23, ROW_SEED), expected)
    aligned = draws.numbers(operation, 8, 12, ROW_SEED, aligned=True)
    np.testing.assert_array_equal(aligned, expected[8:20])


def test_places_with_xla():
    @tf.function(jit_compile=True)
    def draw(first, whole):
        own = draws.numbers(UNIFORM, first, 9, ROW_SEED)
        return own, draws.numbers(UNIFORM, 0, 15, ROW_SEED) if whole else None

    own, whole = draw(tf.constant(6), True)
    np.testing.assert_array_equal(own, whole[6:])
