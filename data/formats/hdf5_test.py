"""Tests of marks of steps and of links in HDF5 files; what else is wrong is in `bad_hdf5_test`."""

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


def _write(path, **arrays):
    with h5py.File(path, "w") as file:
        for key, array in arrays.items():
            file[key] = array
    return path


def _assert_refused(path, message):
    with pytest.raises(ValueError, match=message) as error:
        convert.open_source(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


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
