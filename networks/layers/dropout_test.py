"""Dropout: statistics, and masks that follow from the step's key."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from ibc.networks.layers import dropout
from ibc.utils import keys


def _masks(seed, *args, share=0, **options):
    key = keys.Key(tf.constant(seed), share)
    return [mask.numpy() for mask in dropout.masks(*args, training=key, **options)]


def test_masks_repeat_with_the_seed_and_differ_between_layers():
    first, again = (_masks([1, 2], 4, [50, 50], 0.5) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(*first)
    for other in ([1, 3], [2, 2], [-1, 2]):
        assert not np.array_equal(first, _masks(other, 4, [50, 50], 0.5))


@pytest.mark.parametrize("number", [-(2**31), -5, 2**40 + 3])
def test_seeds_of_64_bits_count_with_their_lower_half(number):
    wide = _masks(np.array([number, 7], np.int64), 4, [50], 0.5)
    low = np.array(number % 2**32, np.uint32).view(np.int32)
    np.testing.assert_array_equal(wide, _masks([low, 7], 4, [50], 0.5))


def test_masks_follow_from_their_place_in_the_order_of_layers():
    together = _masks([1, 2], 6, [16, 16, 16], 0.5)
    for first in (1, 2):
        apart = _masks([1, 2], 6, [16] * first, 0.5)
        apart += _masks([1, 2], 6, [16] * (3 - first), 0.5, first_mask=first)
        np.testing.assert_array_equal(together, apart)


def test_narrow_layers_do_not_change_wide_ones():
    wide, narrow = _masks([1, 2], 6, [24, 5], 0.5)
    assert wide.shape == (6, 24)
    assert narrow.shape == (6, 5)
    np.testing.assert_array_equal(wide, _masks([1, 2], 6, [24, 24], 0.5)[0])


@pytest.mark.parametrize(("rows", "columns"), [(16, 4), (12, 5), (2, 21)])
@pytest.mark.parametrize("compiled", [False, True])
def test_parts_of_a_batch_get_their_rows_of_its_masks(rows, columns, compiled):
    def masks(rows, part):
        return dropout.masks(rows, [columns, columns], 0.5, keys.Key(tf.constant([3, 4]), part))

    fn = tf.function(masks) if compiled else masks
    parts = [fn(rows // 2, tf.constant(part)) for part in range(2)]
    for whole, *halves in zip(masks(rows, 0), *parts, strict=True):
        np.testing.assert_array_equal(whole, tf.concat(halves, axis=0))


@pytest.mark.parametrize("jit_compile", [False, True])
def test_masks_are_the_same_compiled(jit_compile):
    @tf.function(jit_compile=jit_compile)
    def compiled(seed):
        return dropout.masks(4, [50, 50], 0.5, keys.Key(seed))

    expected = _masks([1, 2], 4, [50, 50], 0.5)
    np.testing.assert_array_equal(compiled(tf.constant([1, 2])), expected)


def test_the_number_of_rows_may_be_known_late():
    @tf.function(input_signature=[tf.TensorSpec([None, 3])])
    def compiled(inputs):
        masks = dropout.masks(tf.shape(inputs)[0], [50], 0.5, keys.Key(tf.constant([1, 2])))
        assert masks[0].shape[1] == 50
        return masks

    for rows in (4, 9, 0):
        found = compiled(tf.zeros([rows, 3]))
        np.testing.assert_array_equal(found, _masks([1, 2], rows, [50], 0.5))


@pytest.mark.parametrize("seed", [None, [5, 6]])
@pytest.mark.parametrize("dtype", [tf.float32, tf.bfloat16])
def test_fraction_dropped_and_scale(seed, dtype):
    training = True if seed is None else keys.Key(tf.constant(seed))
    masks = dropout.masks(200, [500], 0.3, training, dtype)
    assert masks[0].dtype == dtype
    mask = tf.cast(masks[0], tf.float32).numpy()
    dropped = np.mean(mask == 0)
    assert dropped == pytest.approx(0.3, abs=5 * np.sqrt(0.3 * 0.7 / mask.size))
    tolerance = 1e-6 if dtype == tf.float32 else 2**-8
    np.testing.assert_allclose(mask[mask != 0], 1 / 0.7, rtol=tolerance)


def test_masks_without_a_key_differ_from_call_to_call():
    first, second = (dropout.masks(20, [50], 0.5)[0] for _ in range(2))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("rate", [0.002, 0.1, 0.7])
def test_rates_between_256ths_are_exact_over_masks(rate):
    masks, numbers = 4000, 8000
    rng = np.random.default_rng(0)

    @tf.function
    def dropped_by(seed):
        (mask,) = dropout.masks(1, [numbers], rate, keys.Key(seed))
        return tf.reduce_mean(tf.cast(mask == 0, tf.float32))

    seeds = rng.integers(-(2**31), 2**31, size=[masks, 2])
    dropped = np.mean([dropped_by(tf.constant(seed)).numpy() for seed in seeds])
    rounded_up = rate * 256 % 1
    variance = rounded_up * (1 - rounded_up) / 256**2 + rate * (1 - rate) / numbers
    tolerance = 5 * np.sqrt(variance / masks)
    # A rate rounded to the nearest 256th would be noticed.
    assert abs(rate - round(rate * 256) / 256) > 1.5 * tolerance
    assert dropped == pytest.approx(rate, abs=tolerance)


def test_decisions_are_independent_of_each_other():
    rows, columns = 50_000, 16
    first, second = _masks([7, 8], rows, [columns, columns], 0.5)
    kept = np.concatenate([first, second, np.roll(first, 1, axis=0)], axis=1) > 0
    correlations = np.corrcoef(kept, rowvar=False)
    np.testing.assert_allclose(correlations, np.eye(3 * columns), atol=5 / np.sqrt(rows))


def test_successive_steps_have_independent_masks():
    steps = [_masks([step, 0], 500, [100], 0.5)[0].ravel() > 0 for step in range(6)]
    for one, other in itertools.combinations(steps, 2):
        assert np.mean(one == other) == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(one.size))


def test_the_highest_rate_keeps_the_mean():
    rate = 255 / 256
    (mask,) = _masks([1, 2], 4000, [1000], rate)
    tolerance = 5 * np.sqrt(rate / (1 - rate) / mask.size)
    assert np.mean(mask) == pytest.approx(1, abs=tolerance)


def test_a_numpy_number_is_a_rate():
    rate = dropout.checked_rate(np.float64(0.5))
    assert type(rate) is float
    assert rate == 0.5


@pytest.mark.parametrize("rate", [-0.1, 0.997, 1.0, float("nan"), "0.1", None])
def test_rate_out_of_range(rate):
    with pytest.raises(ValueError, match=rf"in \[0, 0.99609375\], but is {rate!r}"):
        dropout.checked_rate(rate)


_KNOWN_ANSWERS = [
    ((0, 0), (0, 0), (0x9D1C5EC6, 0x8BD50731)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0xFD36D048, 0x2D17272C)),
    ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xBA3E4725, 0xF27D669E)),
]


def _pair(words):
    return tuple(tf.constant(word, tf.uint32) for word in words)


@pytest.mark.parametrize(("key", "counter", "expected"), _KNOWN_ANSWERS)
@pytest.mark.parametrize("jit_compile", [False, True])
def test_threefry_gives_random123s_known_answers_for_13_rounds(key, counter, expected, jit_compile):
    fn = tf.function(dropout.threefry, jit_compile=True) if jit_compile else dropout.threefry
    assert tuple(word.numpy() for word in fn(_pair(key), _pair(counter))) == expected


def test_keys_and_counters_broadcast():
    keys = tuple(tf.constant(k, tf.uint32)[:, tf.newaxis] for k in ([1, 2, 3], [4, 5, 6]))
    counters = tuple(tf.constant(c, tf.uint32) for c in ([7, 8], [9, 9]))
    together = np.stack(dropout.threefry(keys, counters))
    for row in range(3):
        for column in range(2):
            key = tuple(k[row, 0] for k in keys)
            counter = tuple(c[column] for c in counters)
            alone = np.stack(dropout.threefry(key, counter))
            np.testing.assert_array_equal(together[:, row, column], alone)
