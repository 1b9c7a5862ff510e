"""Lanes: how many there are, and that work in them gives what it gives without."""

import numpy as np
import pytest
import tensorflow as tf

from ibc.utils import child_process
from ibc.utils.parallel import lanes
from tests import commands


def test_one_lane_unless_set_up_and_inside_a_lane():
    assert lanes.count() == 1
    with lanes.limited_to(3):
        assert lanes.count() == 3
        with lanes.limited_to(1):
            assert lanes.count() == 1
        assert lanes.count() == 3
    assert lanes.count() == 1


def _counted_in_new_process(before: str = "", **environment) -> list[int]:
    """Lanes and threads per operation (0 for TensorFlow's choice) after `set_up`."""
    source = (
        f"import ibc, os; os.environ.pop('TF_NUM_INTRAOP_THREADS', None)\n"
        f"os.environ.update({environment})\n"
        f"import tensorflow as tf; from ibc.utils.parallel import lanes\n{before}\n"
        "lanes.set_up()\n"
        "print(lanes.count(), tf.config.threading.get_intra_op_parallelism_threads())"
    )
    return [int(word) for word in commands.python_at_once("-c", source).stdout.split()]


def test_set_up_gives_each_core_a_lane_and_each_operation_a_thread():
    assert _counted_in_new_process() == [child_process.num_cores(), 1]


def test_set_up_leaves_to_the_user_what_is_set():
    count, _ = _counted_in_new_process(TF_NUM_INTRAOP_THREADS="2")
    assert count == 1


def test_set_up_comes_too_late_after_a_computation():
    assert _counted_in_new_process(before="tf.zeros([1]) + 1") == [1, 0]


@pytest.mark.parametrize("axis", [1, -2])
@pytest.mark.parametrize("number", [1, 2, 3, 7])
def test_side_by_side(axis, number):
    first, second = tf.random.normal([2, 5, 3]), tf.random.normal([2, 5, 3])
    counts = []

    def fn(first, second):
        counts.append(lanes.count())
        return {"sum": first + second, "squares": (first**2,)}

    with lanes.limited_to(number):
        found = lanes.side_by_side(fn, first, second, axis=axis)
    assert counts == [1] * min(number, 5)
    np.testing.assert_array_equal(found["sum"], first + second)
    np.testing.assert_allclose(found["squares"][0], first**2, rtol=1e-6)
