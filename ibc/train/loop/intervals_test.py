import itertools

import pytest

from ibc.train.loop import intervals


@pytest.mark.parametrize(
    "fused, evaluation, total", [(100, 250, 1000), (100, 1000, 1000), (7, 5, 36), (100, 0, 250)]
)
def test_every_multiple_of_the_evaluation_interval_is_a_stop(fused, evaluation, total):
    stops = [0]
    while stops[-1] < total:
        stops.append(intervals.next_stop(stops[-1], total, [fused, evaluation]))
    assert stops == sorted(set(stops)) and stops[-1] == total
    assert max(b - a for a, b in itertools.pairwise(stops)) <= fused
    due = [s for s in stops[1:] if intervals.is_due(s, evaluation)]
    assert due == (list(range(evaluation, total + 1, evaluation)) if evaluation else [])


def test_the_last_stop_is_the_latest_multiple_so_far():
    assert intervals.last_stop(137, [100, 30, 0]) == 120
    assert intervals.last_stop(200, [100, 30]) == 200
    assert intervals.last_stop(29, [100, 30]) == 0
    assert intervals.last_stop(-1, [100]) == 0
