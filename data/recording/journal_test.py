"""Tests of what is kept of an unfinished recording, and of what is printed at the end."""

from ibc.data.recording import journal


def _result(success, *written):
    return journal.Result({"AverageSuccessMetric": success}, 20, 1020, written)


def test_one_result_is_reported_without_replicas():
    text = journal.report([_result(1.0)], 4.0)
    assert text.splitlines() == [
        "AverageSuccessMetric = 1.0",
        "Ran 20 episodes (1020 frames) in 4.0 s, 5.0 episodes/s.",
    ]


def test_replicas_are_reported_each_and_together():
    text = journal.report([_result(0.5, "a_0"), _result(0.75, "a_1", "b")], 8.0)
    assert text.splitlines() == [
        "Replica 0, 20 episodes:",
        "  AverageSuccessMetric = 0.5",
        "Replica 1, 20 episodes:",
        "  AverageSuccessMetric = 0.75",
        "All replicas:",
        "AverageSuccessMetric = 0.625",
        "Wrote a_0",
        "Wrote a_1",
        "Wrote b",
        "Ran 40 episodes (2040 frames) in 8.0 s, 5.0 episodes/s.",
    ]
