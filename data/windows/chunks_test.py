import itertools

import numpy as np
import pytest
from tf_agents.trajectories import time_step as ts

from ibc.data.windows import chunks, episode_split

WINDOWS = "sequences/windows.npz"
F, M, L = ts.StepType.FIRST, ts.StepType.MID, ts.StepType.LAST


@pytest.mark.parametrize("case", range(6))
def test_indices_are_the_published_ones(golden, case):
    recorded = np.load(golden(WINDOWS))
    horizon, before, after = recorded[f"case{case}_args"].tolist()
    found = chunks.create_indices(
        recorded[f"case{case}_episode_ends"], horizon, recorded[f"case{case}_mask"], before, after
    )
    np.testing.assert_array_equal(found, recorded[f"case{case}_indices"])


def test_windows_repeat_the_edges_as_published(golden):
    recorded = np.load(golden(WINDOWS))
    horizon, before, after = recorded["sampler_args"].tolist()
    ends = recorded["sampler_episode_ends"]
    indices = chunks.create_indices(ends, horizon, None, before, after)
    rows = chunks.window_rows(indices, horizon)
    for name in "ao":
        found = recorded[f"sampler_{name}"][rows]
        np.testing.assert_array_equal(found, recorded[f"sampler_windows_{name}"])


@pytest.mark.parametrize("case", [0])
def test_push_t_is_divided_as_published(golden, case):
    recorded = np.load(golden(WINDOWS))
    with np.load(golden("../data/pusht_demos.npz")) as demonstrations:
        ends = demonstrations["episode_ends"]
    seed, most = recorded[f"pusht{case}_args"].tolist()
    validation = episode_split.validation_episodes(len(ends), 0.02, seed)
    training = episode_split.at_most(~validation, most, seed)
    expected = recorded[f"pusht{case}_train_episodes"]
    np.testing.assert_array_equal(np.flatnonzero(training), np.sort(expected))
    for horizon, before, after in ((2, 1, 0), (10, 1, 7), (16, 1, 7)):
        found = chunks.create_indices(ends, horizon, training, before, after)
        others = chunks.create_indices(ends, horizon, ~training, before, after)
        prefix = f"pusht{case}_T{horizon}_"
        np.testing.assert_array_equal([len(found), len(others)], recorded[prefix + "count"])
        np.testing.assert_array_equal(found[:40], recorded[prefix + "head"])
        np.testing.assert_array_equal(found[-40:], recorded[prefix + "tail"])
        np.testing.assert_array_equal(found.sum(axis=0), recorded[prefix + "sum"])


def test_no_window_mixes_episodes_or_sees_what_joins_them():
    step_types = np.array([F, M, M, M, L, F, M, L, M, M, L, F, M, M])
    frames, ends = chunks.episodes_of(step_types, step_types != L, [8, 6])
    np.testing.assert_array_equal(frames, [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 13])
    np.testing.assert_array_equal(ends, [4, 6, 8, 11])
    episode = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
    for to, ta, latency, more in itertools.product((1, 2, 3), (1, 2, 4), (0, 1), (0, 2)):
        if latency >= ta > 0 and latency:
            continue
        shape = chunks.ChunkShape(to, ta, latency, to - 1 + ta + latency + more)
        indices = chunks.create_indices(ends, shape.rows, None, shape.pad_before, shape.pad_after)
        rows = chunks.window_rows(indices, shape.rows)
        assert np.all(episode[rows] == episode[rows[:, :1]])
        assert np.all(step_types[frames[rows]] != L)


def test_episodes_that_nothing_joins_keep_their_last_steps():
    step_types = np.array([F, M, L, L, F, M, L, F, L, F, M])
    are_steps = np.array([1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1], bool)
    frames, ends = chunks.episodes_of(step_types, are_steps, [7, 4])
    np.testing.assert_array_equal(frames, np.flatnonzero(are_steps))
    np.testing.assert_array_equal(ends, [3, 4, 6, 8, 10])


@pytest.mark.parametrize("to", [1, 2, 3])
def test_the_shortest_horizon_makes_every_step_a_current_one(to):
    ends = np.array([5, 6, 13])
    shape = chunks.ChunkShape(to, 4)
    indices = chunks.create_indices(ends, shape.rows, None, shape.pad_before, shape.pad_after)
    current = chunks.window_rows(indices, shape.rows)[:, to - 1]
    np.testing.assert_array_equal(current, np.arange(13))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"horizon": 8, "action_horizon": 8}, "horizon is 8, but .* need 9 rows"),
        ({"observation_steps": 0}, "sequence_length is 0, expected at least 1"),
        ({"action_horizon": 0}, "action_horizon is 0, expected at least 1"),
        ({"latency_steps": 2, "action_horizon": 2}, "latency_steps is 2, but a chunk has .* 2"),
    ],
)
def test_rows_that_do_not_suffice_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        chunks.ChunkShape(**options)
