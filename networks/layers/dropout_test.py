"""Dropout: statistics, and masks that follow from the step's seed."""

import numpy as np
import pytest
import tensorflow as tf

from ibc.networks.layers import dropout


def _masks(seed, layers):
    with dropout.step_seed(tf.constant(seed)):
        return [layer(tf.ones([4, 50]), training=True).numpy() for layer in layers]


def test_masks_repeat_with_the_seed_and_differ_between_layers():
    layers = [dropout.Dropout(0.5), dropout.Dropout(0.5)]
    first, again = _masks([1, 2], layers), _masks([1, 2], layers)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first, _masks([1, 3], layers))


def test_masks_are_the_same_compiled():
    layers = [dropout.Dropout(0.5), dropout.Dropout(0.5)]

    @tf.function
    def compiled(seed):
        with dropout.step_seed(seed):
            return [layer(tf.ones([4, 50]), training=True) for layer in layers]

    np.testing.assert_array_equal(compiled(tf.constant([1, 2])), _masks([1, 2], layers))


@pytest.mark.parametrize("seeded", [False, True])
def test_fraction_dropped_and_scale(seeded):
    layer, ones = dropout.Dropout(0.3), tf.ones([200, 500])
    outputs = _masks_of_ones(layer, ones, seeded)
    dropped = np.mean(outputs == 0)
    assert dropped == pytest.approx(0.3, abs=5 * np.sqrt(0.3 * 0.7 / outputs.size))
    np.testing.assert_allclose(outputs[outputs != 0], 1 / 0.7, rtol=1e-6)


def _masks_of_ones(layer, ones, seeded):
    if not seeded:
        return layer(ones, training=True).numpy()
    with dropout.step_seed(tf.constant([5, 6])):
        return layer(ones, training=True).numpy()


def test_inference_passes_through_and_there_are_no_variables():
    layer, inputs = dropout.Dropout(0.9), tf.random.normal([3, 4])
    np.testing.assert_array_equal(layer(inputs), inputs)
    assert not layer.variables


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_rate_out_of_range(rate):
    with pytest.raises(ValueError, match=r"in \[0, 1\)"):
        dropout.Dropout(rate)
