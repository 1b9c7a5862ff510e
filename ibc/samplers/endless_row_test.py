import numpy as np
import pytest
import tensorflow as tf

from ibc.samplers import endless_row

UNIFORM = tf.raw_ops.StatelessRandomUniformV2
NORMAL = tf.raw_ops.StatelessRandomNormalV2
SEED = tf.constant([4, -7], tf.int64)


@pytest.mark.parametrize("first", [0, 1, 3, 4, 97, 2**33 + 5])
@pytest.mark.parametrize("operation", [UNIFORM, NORMAL])
@pytest.mark.parametrize("compiled", [False, True])
def test_numbers_follow_from_their_place_in_the_row(first, operation, compiled):
    def draw(first, count):
        return endless_row.draw(operation, first, count, SEED)

    found = (tf.function(draw) if compiled else draw)(tf.constant(first, tf.int64), 10)
    for place in range(10):
        np.testing.assert_array_equal(found[place], draw(first + place, 1)[0])


@pytest.mark.parametrize(
    ("operation", "known"),
    [(UNIFORM, tf.random.stateless_uniform), (NORMAL, tf.random.stateless_normal)],
)
def test_the_row_is_what_tensorflow_draws(operation, known):
    expected = known([23], SEED, alg="philox")
    np.testing.assert_array_equal(endless_row.draw(operation, 0, 23, SEED), expected)
    aligned = endless_row.draw(operation, 8, 12, SEED, aligned=True)
    np.testing.assert_array_equal(aligned, expected[8:20])


def test_places_with_xla():
    @tf.function(jit_compile=True)
    def draw(first, whole):
        own = endless_row.draw(UNIFORM, first, 9, SEED)
        return own, endless_row.draw(UNIFORM, 0, 15, SEED) if whole else None

    own, whole = draw(tf.constant(6), True)
    np.testing.assert_array_equal(own, whole[6:])
