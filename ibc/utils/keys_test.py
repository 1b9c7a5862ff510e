import numpy as np
import pytest
import tensorflow as tf

from ibc.utils import keys


def test_parts_of_shares_number_all_parts_of_the_batch():
    shares = [
        keys.Key(tf.constant([1, 2]), share).part(part, 3) for share in (0, 1) for part in range(3)
    ]
    assert [key.share for key in shares] == list(range(6))


@pytest.mark.parametrize("seed", [[1, 2], [[1, 2], [3, 4]]])
def test_splits_begin_alike_whatever_their_number(seed):
    key = keys.Key(tf.constant(seed, tf.int64), share=7)
    few, many = key.split(2), key.split(5)
    for one, other in zip(few, many[:2], strict=True):
        np.testing.assert_array_equal(one.seed, other.seed)
    assert {part.share for part in many} == {7}
    assert len({part.seed.numpy().tobytes() for part in many}) == 5


def test_a_rows_splits_follow_from_its_own_seed():
    both = keys.Key(tf.constant([[1, 2], [3, 4]], tf.int64)).seeds(3)
    alone = keys.Key(tf.constant([3, 4], tf.int64)).seeds(3)
    np.testing.assert_array_equal(both[:, 1], alone)


def test_fresh_keys_differ_and_repeat_with_a_global_seed():
    tf.random.set_seed(0)
    first = [keys.of(None).seed.numpy().tolist() for _ in range(2)]
    tf.random.set_seed(0)
    again = [keys.of(None).seed.numpy().tolist() for _ in range(2)]
    assert first == again and first[0] != first[1]


@pytest.mark.parametrize("seed", [[1], [[1, 2, 3]], 5.0])
def test_seeds_of_another_shape_are_refused(seed):
    with pytest.raises(ValueError, match=r"shape \[2\] or \[batch, 2\], but has the shape"):
        keys.of(tf.constant(seed))
