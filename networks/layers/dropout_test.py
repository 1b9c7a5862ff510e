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


@pytest.mark.parametrize("shape", [(16, 4), (12, 5), (2, 3, 7)])
@pytest.mark.parametrize("compiled", [False, True])
def test_parts_of_a_batch_get_their_rows_of_its_masks(shape, compiled):
    layers = [dropout.Dropout(0.5), dropout.Dropout(0.2)]

    def masks(rows, part):
        with dropout.step_seed(tf.constant([3, 4]), part):
            return [layer(tf.ones([rows, *shape[1:]]), training=True) for layer in layers]

    rows = shape[0] // 2
    fn = tf.function(masks) if compiled else masks
    parts = [fn(rows, tf.constant(part)) for part in range(2)]
    for whole, *halves in zip(masks(shape[0], 0), *parts, strict=True):
        np.testing.assert_array_equal(whole, tf.concat(halves, axis=0))


@pytest.mark.parametrize("jit_compile", [False, True])
def test_masks_are_the_same_compiled(jit_compile):
    layers = [dropout.Dropout(0.5), dropout.Dropout(0.5)]

    @tf.function(jit_compile=jit_compile)
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


@pytest.mark.parametrize("rate", [0.002, 0.1, 0.7])
def test_rates_between_256ths_are_exact_over_masks(rate):
    layer, masks, numbers = dropout.Dropout(rate), 4000, 64
    rng = np.random.default_rng(0)

    @tf.function
    def dropped_by(seed):
        with dropout.step_seed(seed):
            return tf.reduce_mean(
                tf.cast(layer(tf.ones([numbers]), training=True) == 0, tf.float32)
            )

    seeds = rng.integers(-(2**31), 2**31, size=[masks, 2])
    dropped = np.mean([dropped_by(tf.constant(seed)).numpy() for seed in seeds])
    tolerance = 5 * np.sqrt(rate * (1 - rate) / (masks * numbers))
    assert dropped == pytest.approx(rate, abs=tolerance)


def test_decisions_of_one_word_are_independent():
    layer = dropout.Dropout(0.5)
    with dropout.step_seed(tf.constant([7, 8])):
        kept = layer(tf.ones([50_000, 4]), training=True).numpy() > 0
    correlations = np.corrcoef(kept, rowvar=False)
    np.testing.assert_allclose(correlations, np.eye(4), atol=5 / np.sqrt(50_000))


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
