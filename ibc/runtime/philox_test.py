import numpy as np
import pytest
import tensorflow as tf

from ibc.runtime import philox
from ibc.samplers import draws
from ibc.utils import keys

_SEEDS = [[0, 0], [5, 7], [2**31 - 1, -3], [-(2**31), 123456]]
_SHAPES = [[1, 256, 2], [3, 5], [1, 1]]


@pytest.mark.parametrize("seed", _SEEDS)
def test_seeds_and_uniform_numbers_are_tensorflows(seed):
    seed = np.array(seed, np.int32)
    key = keys.Key(tf.constant(seed))
    np.testing.assert_array_equal(philox.split(seed, 5), tf.random.split(key.seed, 5))
    for shape in _SHAPES:
        np.testing.assert_array_equal(philox.uniform(shape, seed), draws.uniform(shape, key))


@pytest.mark.parametrize("seed", _SEEDS)
def test_normal_numbers_are_tensorflows_up_to_the_last_bits(seed):
    seed = np.array(seed, np.int32)
    key = keys.Key(tf.constant(seed))
    for shape in _SHAPES:
        found, expected = philox.normal(shape, seed), draws.normal(shape, key)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_several_seeds_draw_what_each_draws_alone():
    seeds = np.array(_SEEDS, np.int32)
    for draw in (philox.uniform, philox.normal):
        together = draw([2, 7], seeds)
        for row, seed in zip(together, seeds, strict=True):
            np.testing.assert_array_equal(row, draw([2, 7], seed))
