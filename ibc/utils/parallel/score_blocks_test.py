import numpy as np
import pytest
import tensorflow as tf

from ibc.utils.parallel import gradient_blocks, lanes, score_blocks


@pytest.mark.parametrize(("batch", "count"), [(1, 48), (3, 16), (2, 7), (5, 1)])
@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("compiled", [False, True])
def test_the_same_scores_on_any_number_of_lanes(batch, count, number, compiled, monkeypatch):
    monkeypatch.setattr(gradient_blocks, "MAX_ROWS", 12)
    monkeypatch.setattr(gradient_blocks, "MIN_ROWS", 2)
    monkeypatch.setattr(score_blocks, "MIN_ROWS", 2)
    rows = []

    def score_fn(actions):
        rows.append(actions.shape[0] * actions.shape[1])
        return tf.reduce_sum(actions**2 - actions, axis=-1)

    actions = tf.random.normal([batch, count, 3])
    scored = tf.function(score_blocks.scored) if compiled else score_blocks.scored
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
        score_blocks.scored(score_fn, tf.zeros([2, 512, 3]))
    assert set(counts) == {1} and len(counts) > 1


def test_blocks_of_next_to_nothing_are_not_made():
    calls = []

    def score_fn(actions):
        calls.append(actions.shape)
        return actions[..., 0]

    with lanes.limited_to(4):
        score_blocks.scored(score_fn, tf.zeros([1, 100, 2]))
        # 9,973 is prime: its only blocks are single samples.
        score_blocks.scored(score_fn, tf.zeros([1, 9973, 2]))
    assert calls == [(1, 100, 2), (1, 9973, 2)]


def test_an_unknown_batch_is_scored_as_a_whole():
    @tf.function(input_signature=[tf.TensorSpec([None, 8, 2])])
    def scored(actions):
        with lanes.limited_to(2):
            return score_blocks.scored(lambda a: a[..., 1], actions)

    actions = tf.random.normal([3, 8, 2])
    np.testing.assert_array_equal(scored(actions), actions[..., 1])
