"""Tests of HDF5 files that hold other things than what is expected."""

import numpy as np
import pytest

from ibc.data.formats import convert

h5py = pytest.importorskip("h5py")

_STEPS = {
    "observations": np.zeros((3, 2)),
    "actions": np.zeros((3, 2)),
    "rewards": np.zeros(3),
    "terminals": np.zeros(3, bool),
    "timeouts": np.zeros(3, bool),
}


def _minari(name="episode_0", **changes):
    keys = ("rewards", "terminations", "truncations")
    arrays = {"observations": np.zeros((3, 2)), "actions": np.zeros((2, 2))}
    return {name: arrays | {key: np.zeros(2) for key in keys} | changes}


def _write(path, **arrays):
    with h5py.File(path, "w") as file:
        for key, values in arrays.items():
            for name, array in values.items() if isinstance(values, dict) else [("", values)]:
                file[f"{key}/{name}".rstrip("/")] = array
    return path


def _assert_refused(path, message, task=None):
    with pytest.raises(ValueError, match=message) as error:
        convert.open_source(path, task)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"actions": np.zeros(3)}, r"actions is of shape \[3\], expected an array \[n, size\]"),
        ({"actions": np.zeros((3, 2, 2))}, r"actions is of shape \[3, 2, 2\]"),
        ({"actions": np.float64(1)}, "actions is one number"),
        ({"observations": np.zeros(3)}, r"observations is of shape \[3\]"),
        ({"observations": {"arm": np.zeros((3, 2))}}, "observations is a group"),
        ({"observations": np.array([[b"a"]] * 3)}, r"observations is \|S1 values"),
        ({"observations": np.zeros((3, 0))}, r"observations is of shape \[3, 0\]"),
        ({"rewards": np.float64(1)}, "rewards is one number"),
        ({"rewards": np.zeros((3, 2))}, r"rewards is of shape \[3, 2\], expected an array \[n\]"),
        ({"terminals": {"all": np.zeros(3)}}, "terminals is a group"),
        ({"timeouts": np.bool_(True)}, "timeouts is one number"),
        (
            {"actions": np.zeros((2, 2))},
            "arrays must be equally long and not empty: observations 3, actions 2",
        ),
    ],
)
@pytest.mark.parametrize("task", [None, "hopper-medium-v0"])
def test_d4rl_files_of_other_shapes_are_refused(tmp_path, changes, message, task):
    path = _write(tmp_path / "a.hdf5", **{**_STEPS, **changes})
    _assert_refused(path, f"a.hdf5: {message}", task)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"data": np.zeros(3)}, "is none of these: an HDF5 file of D4RL .*; it holds data"),
        (
            {key: _STEPS[key] for key in ("observations", "actions")},
            "has no rewards, terminals; it holds actions, observations",
        ),
        ({"episode_0/observations": np.zeros((3, 2))}, "/episode_0 has no actions, rewards"),
        ({"episode_0": np.zeros(3)}, "/episode_0 is an array, expected a group"),
        (
            _minari(observations=np.zeros((2, 2))),
            "/episode_0: 2 actions need 3 observations, but there are 2",
        ),
        (_minari(actions=np.zeros(2)), r"/episode_0: actions is of shape \[2\]"),
        (_minari(rewards=np.float64(1)), "/episode_0: rewards is one number"),
        (_minari(truncations=np.array([b"a"] * 2)), r"/episode_0: truncations is \|S1 values"),
        (_minari(observations=np.float64(1)), "/episode_0/observations is one number"),
        (
            _minari() | _minari("episode_1", observations=np.zeros((3, 3))),
            r"/episode_1 is unlike /episode_0: its steps are {'observations': \[3\], 'actions'",
        ),
    ],
)
def test_other_files_are_refused_by_name(tmp_path, arrays, message):
    _assert_refused(_write(tmp_path / "a.hdf5", **arrays), message)


@pytest.mark.parametrize("key", ["terminals", "timeouts"])
@pytest.mark.parametrize("value", [np.nan, 0.5, -1, 255])
def test_marks_of_steps_are_zero_or_one(tmp_path, key, value):
    path = _write(tmp_path / "a.hdf5", **{**_STEPS, key: np.array([0, value, 1.0])})
    _assert_refused(path, rf"a.hdf5: {key} holds .*, expected 0 or 1")


def _external_link(file, path):
    file["actions"] = h5py.ExternalLink(path, "actions")


def _virtual_array(file, path):
    layout = h5py.VirtualLayout((3, 2), "f8")
    layout[:] = h5py.VirtualSource(path, "actions", (3, 2))
    file.create_virtual_dataset("actions", layout)


def _external_storage(file, path):
    file.create_dataset("actions", (3, 2), "f8", external=[(path, 0, 48)])


@pytest.mark.parametrize("refer", [_external_link, _virtual_array, _external_storage])
def test_files_that_take_arrays_from_other_files_are_refused(tmp_path, refer):
    other = _write(tmp_path / "other.hdf5", actions=_STEPS["actions"])
    arrays = {name: array for name, array in _STEPS.items() if name != "actions"}
    path = _write(tmp_path / "a.hdf5", **arrays)
    with h5py.File(path, "a") as file:
        refer(file, str(other))
    _assert_refused(path, r"a\.hdf5: actions is kept in another file, .*other.hdf5")


def test_links_within_a_file_are_followed(tmp_path):
    path = _write(tmp_path / "a.hdf5", **_STEPS)
    with h5py.File(path, "a") as file:
        file.move("actions", "recorded")
        file["actions"] = h5py.SoftLink("/recorded")
    assert len(convert.open_source(path).returns) == 1
