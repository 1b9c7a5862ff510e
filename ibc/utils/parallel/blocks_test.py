"""Blocks of a batch and of samples: their number, their sums, their scores."""

import numpy as np
import pytest
import tensorflow as tf

from ibc.utils import gpu
from ibc.utils.parallel import blocks, lanes


@pytest.mark.parametrize(
    ("expected", "arguments"),
    [
        (32, (512, 257)),  # 16 · 257 = 4,112
        (32, (512, 256)),
        (1, (512, 8)),
        (1, (512, 9)),
        (2, (512, 10)),
        (7, (7, 4000)),
        (7, (7, 5000)),
        (1, (1, 5000)),
        (1, (None, 257)),
        # With lanes.
        (2, (512, 1, 2)),
        (8, (512, 1, 8)),
        (32, (512, 1, 64)),  # of 16 rows; more would be smaller
        (32, (512, 257, 2)),  # as without lanes
        (64, (512, 257, 64)),
        (64, (512, 257, 6)),  # 10.7 rounds, hardly a lane idle; 32 would be 5.3
        (4, (512, 9, 4)),
        (15, (510, 1, 4)),  # four rounds, one lane idle in the last
        (4, (100, 1, 4)),
        (1, (30, 1, 4)),  # too small to split
        (1, (None, 1, 4)),
    ],
)
def test_number_of_blocks(expected, arguments):
    assert blocks.num_blocks(*arguments) == expected


def test_on_a_gpu_blocks_bound_memory_alone(monkeypatch):
    assert blocks.max_rows(2048) == blocks.MAX_ROWS == 4608
    monkeypatch.setattr(gpu, "device", lambda: "/gpu:0")
    # PUSH mlp_ebm: 16 layers of 128 numbers, 512 examples with 256 counter-examples.
    most = blocks.max_rows(16 * 128)
    assert most * 16 * 128 * 4 * 4 <= blocks.GPU_BYTES and most == 65536
    assert blocks.num_blocks(512, 257, 1, most) == 4
    assert blocks.num_blocks(512, 9, 1, most) == blocks.num_blocks(4096, 1, 1, most) == 1
    assert blocks.max_rows(1 << 20) == blocks.MAX_ROWS


def test_blocks_are_the_batch_and_their_sum_is_its_sum():
    nest = {"a": tf.random.normal([12, 3]), "b": (tf.random.normal([12, 2, 2]),)}
    parts_of = [blocks.block(nest, tf.constant(i), 4) for i in range(4)]
    for whole, *parts in zip(*map(tf.nest.flatten, (nest, *parts_of)), strict=True):
        np.testing.assert_array_equal(tf.concat(parts, axis=0), whole)

    @tf.function
    def total():
        return blocks.summed(
            lambda i: tf.nest.map_structure(tf.reduce_sum, blocks.block(nest, i, 4)), 4
        )

    for found, whole in zip(tf.nest.flatten(total()), tf.nest.flatten(nest), strict=True):
        np.testing.assert_allclose(found, np.sum(whole, dtype=np.float64), atol=1e-4)


@pytest.mark.parametrize(("batch", "count"), [(1, 48), (3, 16), (2, 7), (5, 1)])
@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("compiled", [False, True])
def test_the_same_scores_on_any_number_of_lanes(batch, count, number, compiled, monkeypatch):
    monkeypatch.setattr(blocks, "MAX_ROWS", 12)
    monkeypatch.setattr(blocks, "MIN_ROWS", 2)
    monkeypatch.setattr(blocks, "MIN_SCORED_ROWS", 2)
    rows = []

    def score_fn(actions):
        rows.append(actions.shape[0] * actions.shape[1])
        return tf.reduce_sum(actions**2 - actions, axis=-1)

    actions = tf.random.normal([batch, count, 3])
    scored = tf.function(blocks.scored) if compiled else blocks.scored
    expected = score_fn(actions)
    rows.clear()
    with lanes.limited_to(number):
        np.testing.assert_allclose(scored(score_fn, actions), expected, rtol=1e-5, atol=1e-6)
    if number > 1 and count in (16, 48):
        assert max(rows) <= 12


def test_a_block_is_in_one_lane():
    counts = []

    def score_fn(actions):
        counts.append(lanes.count())
        return actions[..., 0]

    with lanes.limited_to(4):
        blocks.scored(score_fn, tf.zeros([2, 512, 3]))
    assert set(counts) == {1} and len(counts) > 1


def test_blocks_of_next_to_nothing_are_not_made():
    calls = []

    def score_fn(actions):
        calls.append(actions.shape)
        return actions[..., 0]

    with lanes.limited_to(4):
        blocks.scored(score_fn, tf.zeros([1, 100, 2]))
        # 9,973 is prime: its only blocks are single samples.
        blocks.scored(score_fn, tf.zeros([1, 9973, 2]))
    assert calls == [(1, 100, 2), (1, 9973, 2)]


def test_an_unknown_batch_is_scored_as_a_whole():
    @tf.function(input_signature=[tf.TensorSpec([None, 8, 2])])
    def scored(actions):
        with lanes.limited_to(2):
            return blocks.scored(lambda a: a[..., 1], actions)

    actions = tf.random.normal([3, 8, 2])
    np.testing.assert_array_equal(scored(actions), actions[..., 1])
