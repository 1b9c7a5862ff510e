"""Tests of HDF5 files with other things where arrays are expected."""

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
        for key, values in arrays.items():
            file[key] = values
    return path


@pytest.mark.parametrize(
    ("key", "values", "found"),
    [
        ("actions", np.zeros(3), r"of shape \[3\], expected an array \[n, size\]"),
        ("actions", np.zeros((3, 2, 2)), r"of shape \[3, 2, 2\]"),
        ("actions", np.float64(1), "one number"),
        ("observations", np.zeros(3), r"of shape \[3\]"),
        ("observations", {"arm": np.zeros((3, 2))}, "a group"),
        ("observations", np.array([[b"a"]] * 3), r"\|S1 values"),
        ("rewards", np.float64(1), "one number"),
        ("rewards", np.zeros((3, 2)), r"of shape \[3, 2\], expected an array \[n\]"),
        ("terminals", {"all": np.zeros(3)}, "a group"),
        ("timeouts", np.bool_(True), "one number"),
    ],
)
def test_d4rl_files_of_other_shapes_are_refused(tmp_path, key, values, found):
    arrays = {name: array for name, array in _STEPS.items() if name != key}
    parts = (
        {f"{key}/{name}": array for name, array in values.items()}
        if isinstance(values, dict)
        else {key: values}
    )
    path = _write(tmp_path / "a.hdf5", **arrays, **parts)
    for task in (None, "hopper-medium-v0"):
        with pytest.raises(ValueError, match=f"a.hdf5: {key} is {found}") as error:
            convert.open_source(path, task)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("key", "values", "found"),
    [
        ("actions", np.zeros(2), r"/episode_0: actions is of shape \[2\]"),
        ("rewards", np.float64(1), "/episode_0: rewards is one number"),
        ("truncations", np.array([b"a", b"b"]), r"/episode_0: truncations is \|S1 values"),
        ("observations", np.float64(1), "/episode_0/observations is one number"),
    ],
)
def test_minari_files_of_other_shapes_are_refused(tmp_path, key, values, found):
    arrays = {
        "observations": np.zeros((3, 2)),
        "actions": np.zeros((2, 2)),
        **{name: np.zeros(2) for name in ("rewards", "terminations", "truncations")},
        key: values,
    }
    path = _write(tmp_path / "a.hdf5", **{f"episode_0/{k}": v for k, v in arrays.items()})
    with pytest.raises(ValueError, match=found):
        convert.open_source(path)
    path = _write(tmp_path / "b.hdf5", episode_0=np.zeros(3))
    with pytest.raises(ValueError, match="/episode_0 is an array, expected a group"):
        convert.open_source(path)


@pytest.mark.parametrize("key", ["terminals", "timeouts"])
@pytest.mark.parametrize("value", [np.nan, 0.5, -1, 255])
def test_marks_of_steps_are_zero_or_one(tmp_path, key, value):
    path = _write(tmp_path / "a.hdf5", **{**_STEPS, key: np.array([0, value, 1.0])})
    with pytest.raises(ValueError, match=rf"a.hdf5: {key} holds .*, expected 0 or 1"):
        convert.open_source(path)


def test_observations_without_numbers_are_refused(tmp_path):
    path = _write(tmp_path / "a.hdf5", **{**_STEPS, "observations": np.zeros((3, 0))})
    with pytest.raises(ValueError, match=r"observations is of shape \[3, 0\]"):
        convert.open_source(path)


def test_episodes_of_different_sizes_are_refused(tmp_path):
    arrays = {}
    for number, size in ((0, 2), (1, 3)):
        steps = {"observations": np.zeros((3, size)), "actions": np.zeros((2, 2))}
        for key in ("rewards", "terminations", "truncations"):
            steps[key] = np.zeros(2)
        arrays |= {f"episode_{number}/{key}": values for key, values in steps.items()}
    path = _write(tmp_path / "a.hdf5", **arrays)
    expected = r"/episode_1 is unlike /episode_0: its steps are {'observations': \[3\], 'actions'"
    with pytest.raises(ValueError, match=expected):
        convert.open_source(path)


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
    with pytest.raises(ValueError, match=r"a\.hdf5: actions is kept in another file, .*other.hdf5"):
        convert.open_source(path)


def test_links_within_a_file_are_followed(tmp_path):
    path = _write(tmp_path / "a.hdf5", **_STEPS)
    with h5py.File(path, "a") as file:
        file.move("actions", "recorded")
        file["actions"] = h5py.SoftLink("/recorded")
    assert len(convert.open_source(path).returns) == 1
