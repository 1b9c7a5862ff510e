import numpy as np
import pytest

from ibc.data.windows import windows

FIRST, MID, LAST = 0, 1, 2


def _literal_window(step_types, start, length):
    """The rule in words: take frames one by one, then repeat the last FIRST one backwards."""
    frames = []
    position = start
    for _ in range(length):
        frames.append(position)
        position = position + 1 if position + 1 < len(step_types) else 0
    for slot in range(length - 1, -1, -1):
        if step_types[frames[slot]] == FIRST:
            frames[:slot] = [frames[slot]] * slot
            break
    return frames


@pytest.mark.parametrize("seed", range(30))
def test_windows_follow_the_literal_rule(seed):
    random = np.random.RandomState(seed)
    n, length = random.randint(1, 40), random.randint(1, 9)
    step_types = random.choice([FIRST, MID, LAST], size=n, p=[0.2, 0.6, 0.2])
    expected = [_literal_window(step_types.tolist(), start, length) for start in range(n)]
    found = windows.window_frames(step_types, length)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("step_types", "repair", "first"),
    [
        ([FIRST, MID, LAST, FIRST, MID, MID], True, [[3, 3, 3, 3, 4, 5]]),
        # Longer than the shard.
        ([MID, MID, MID], True, [[0, 1, 2, 0, 1], [1, 2, 0, 1, 2]]),
        ([FIRST, LAST, FIRST, LAST], False, [[0, 1, 2], [1, 2, 3], [2, 3, 0], [3, 0, 1]]),
    ],
)
def test_examples(step_types, repair, first):
    found = windows.window_frames(np.array(step_types), len(first[0]), repair)
    np.testing.assert_array_equal(found[: len(first)], first)


@pytest.mark.parametrize("length", [0, 10_001, 10**9, 10**30])
def test_sequence_length_must_be_in_range(length):
    with pytest.raises(
        ValueError, match=f"sequence_length is {length}, expected at least 1 and at"
    ):
        windows.window_frames(np.zeros(3), length)


@pytest.mark.parametrize(
    ("step_types", "expected"),
    [
        ([FIRST, MID, LAST, FIRST], [1, 1, 1, 0]),
        ([LAST, FIRST, MID, LAST], [1, 0, 0, 0]),
        ([FIRST, LAST, FIRST, LAST], [1, 1, 0, 0]),
        ([MID, MID, MID, MID], [1, 1, 1, 1]),
    ],
)
def test_first_episode_mask(step_types, expected):
    np.testing.assert_array_equal(windows.first_episode_mask(np.array([step_types])), [expected])


def test_worked_example_of_two_shards():
    """Two shards of two episodes of four frames, three frames per window."""
    step_types = np.array([FIRST, MID, MID, LAST] * 2)
    frames = windows.window_frames(step_types, 3)
    order = windows.interleaved_order([8, 8])
    joined = np.concatenate([frames, frames + 8])[order]
    np.testing.assert_array_equal(
        joined[:14],
        [
            [0, 1, 2], [8, 9, 10], [1, 2, 3], [9, 10, 11], [4, 4, 4], [12, 12, 12], [4, 4, 5],
            [12, 12, 13], [4, 5, 6], [12, 13, 14], [5, 6, 7], [13, 14, 15], [0, 0, 0], [8, 8, 8],
        ],
    )  # fmt: skip


def test_shorter_shards_are_passed_over_when_through():
    np.testing.assert_array_equal(windows.interleaved_order([3, 1, 2]), [0, 3, 4, 1, 5, 2])
