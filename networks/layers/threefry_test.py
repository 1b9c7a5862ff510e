"""Threefry against the known answers that Random123 ships for 13 rounds."""

import numpy as np
import pytest
import tensorflow as tf

from ibc.networks.layers import threefry

KNOWN = [
    ((0, 0), (0, 0), (0x9D1C5EC6, 0x8BD50731)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0xFD36D048, 0x2D17272C)),
    ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xBA3E4725, 0xF27D669E)),
]


def _pair(words):
    return tuple(tf.constant(word, tf.uint32) for word in words)


@pytest.mark.parametrize(("key", "counter", "expected"), KNOWN)
@pytest.mark.parametrize("jit_compile", [False, True])
def test_known_answers(key, counter, expected, jit_compile):
    fn = tf.function(threefry.words, jit_compile=True) if jit_compile else threefry.words
    assert tuple(word.numpy() for word in fn(_pair(key), _pair(counter))) == expected


def test_keys_and_counters_broadcast():
    keys = tuple(tf.constant(k, tf.uint32)[:, tf.newaxis] for k in ([1, 2, 3], [4, 5, 6]))
    counters = tuple(tf.constant(c, tf.uint32) for c in ([7, 8], [9, 9]))
    together = np.stack(threefry.words(keys, counters))
    for row in range(3):
        for column in range(2):
            key = tuple(k[row, 0] for k in keys)
            counter = tuple(c[column] for c in counters)
            alone = np.stack(threefry.words(key, counter))
            np.testing.assert_array_equal(together[:, row, column], alone)
