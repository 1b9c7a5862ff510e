"""Recordings of states without actions."""

import numpy as np
import pytest

from ibc.data.formats import convert, states


def _written(folder, **arrays):
    path = str(folder / "states.npz")
    np.savez(path, **arrays)
    return path


def test_states_become_frames_one_by_one(tmp_path):
    path = _written(tmp_path, state=np.arange(10.0).reshape(5, 2), episode_ends=[2, 5])
    source = convert.open_source(path, "MAZE")
    assert isinstance(source, states.StateRecordings)
    assert source.lengths.tolist() == [2, 3]
    frames = source.frames(1)
    np.testing.assert_array_equal(frames.observation["state"], [[4, 5], [6, 7], [8, 9]])
    assert not frames.action.any() and frames.action.shape == (3, 1)
    done = convert.convert(source, tmp_path / "states.tfrecord")
    assert (done.episodes, done.frames) == (2, 5)


def test_with_actions_it_is_another_format(tmp_path):
    arrays = {"state": np.zeros((5, 2)), "action": np.zeros((5, 2)), "episode_ends": [5]}
    path = _written(tmp_path, **arrays)
    assert not states.StateRecordings.recognizes(path)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"state": np.zeros(5), "episode_ends": [5]}, r"state is float64 \[5\], expected numbers"),
        ({"state": np.zeros((5, 2)), "episode_ends": [4]}, "must rise from above 0 to 5"),
        ({"state": np.zeros((5, 2)), "episode_ends": [1, 5]}, "episode 0 has one state"),
    ],
)
def test_other_shapes_are_refused(tmp_path, arrays, message):
    with pytest.raises(ValueError, match=message):
        convert.open_source(_written(tmp_path, **arrays))
