"""Tests of what is wrong with HDF5 files of D4RL, Minari and robomimic, each told in one line."""

import os
import pathlib

import numpy as np
import pytest

from ibc.data.formats import convert
from tests import own_data_testing

h5py = pytest.importorskip("h5py")
convert_testing = pytest.importorskip("tests.convert_testing")

_EPISODES = own_data_testing.episodes()
_ENDS = (True, False, True)
_VECTORS = ("joints", "gripper")


def _set(key, change):
    """Replaces an array by what a function makes of it; takes it away if that is None."""

    def apply(path):
        with h5py.File(path, "a") as file:
            stored = file[key]
            values = stored[()] if isinstance(stored, h5py.Dataset) else stored
            changed = change(values)
            del file[key]
            if isinstance(changed, dict):
                file.create_group(key)
                changed = {f"{key}/{name}": part for name, part in changed.items()}
            elif changed is not None:
                changed = {key: changed}
            for name, part in (changed or {}).items():
                file[name] = part

    return apply


def _in_file(change):
    def apply(path):
        with h5py.File(path, "a") as file:
            change(file)

    return apply


def _contents(change):
    def apply(path):
        path = pathlib.Path(path)
        path.write_bytes(change(path.read_bytes()))

    return apply


def _with(value, row=6):
    def put(values):
        values = np.array(values, np.float64)
        values[row] = value
        return values

    return put


def _gone(values):
    return None


def _text(values):
    return np.full(values.shape, b"a")


def _empty(file):
    for key in list(file):
        if isinstance(file[key], h5py.Dataset):
            shape = file[key].shape
            del file[key]
            file[key] = np.zeros((0, *shape[1:]))


_CUT = {
    "cut": (_contents(lambda data: data[: len(data) // 2]), "is no HDF5 file, or a damaged one"),
    "text": (_contents(lambda data: b"text"), "is no HDF5 file, or a damaged one"),
}

_D4RL = {
    **_CUT,
    "no rewards": (_set("rewards", _gone), "has no rewards; it holds actions"),
    "no actions": (_set("actions", _gone), "is none of these: "),
    "no ends": (_set("timeouts", _gone), "has no 'timeouts'"),
    "text values": (_set("observations", _text), "observations is |S1 values, expected"),
    "a group": (_set("observations", lambda v: {"arm": v}), "observations is a group"),
    "group of flags": (_set("terminals", lambda v: {"all": v}), "terminals is a group"),
    "one number": (_set("rewards", lambda v: v[0]), "rewards is one number"),
    "one flag": (_set("timeouts", lambda v: v[0]), "timeouts is one number"),
    "actions of no size": (
        _set("actions", lambda v: v[:, 0]),
        "actions is of shape [16], expected",
    ),
    "matrices": (_set("actions", lambda v: v[:, :, None]), "actions is of shape [16, 3, 1]"),
    "no columns": (_set("observations", lambda v: v[:, :0]), "observations is of shape [16, 0]"),
    "several rewards": (
        _set("rewards", lambda v: np.stack([v, v], 1)),
        "rewards is of shape [16, 2], expected an array [n]",
    ),
    "too short": (_set("actions", lambda v: v[:-1]), "equally long and not empty: observations 16"),
    "no steps": (_in_file(_empty), "equally long and not empty: observations 0, actions 0"),
    "NaN": (_set("observations", _with(np.nan)), "observation is not finite in episode 1"),
    "NaN action": (_set("actions", _with(np.nan)), "action is not finite in episode 1"),
    "endless reward": (_set("rewards", _with(np.inf)), "reward is not finite in episode 1"),
    "beyond float32": (_set("actions", _with(1e300)), "action is not finite in episode 1"),
}

_MINARI = {
    **_CUT,
    "no episodes": (_in_file(lambda file: file.clear()), "is none of these: "),
    "gap": (_set("episode_1", _gone), "has no episode_1, but the last one is episode_2"),
    "an array": (_set("episode_1", lambda v: np.zeros(3)), "/episode_1 is an array, expected"),
    "no actions": (_set("episode_1/actions", _gone), "/episode_1 has no actions; it holds"),
    "no rewards": (_set("episode_1/rewards", _gone), "/episode_1 has no rewards; it holds"),
    "part missing": (
        _set("episode_1/observations/joints", _gone),
        "/episode_1 is unlike /episode_0",
    ),
    "nothing seen": (
        _set("episode_1/observations", lambda v: {}),
        "/episode_1: observations is an empty group",
    ),
    "text values": (
        _set("episode_1/actions", _text),
        "/episode_1: actions is |S1 values, expected",
    ),
    "text seen": (
        _set("episode_1/observations/joints", _text),
        "/episode_1/observations/joints is |S1 values, expected",
    ),
    "a group": (_set("episode_1/actions", lambda v: {"arm": v}), "/episode_1: actions is a group"),
    "one number": (_set("episode_1/rewards", lambda v: v[0]), "/episode_1: rewards is one number"),
    "actions of no size": (
        _set("episode_1/actions", lambda v: v[:, 0]),
        "/episode_1: actions is of shape [4], expected an array [n, size]",
    ),
    "other size": (
        _set("episode_1/actions", lambda v: v[:, :2]),
        "/episode_1 is unlike /episode_0: its steps are {",
    ),
    "observation too short": (
        _set("episode_1/observations/joints", lambda v: v[:-1]),
        "/episode_1: 4 actions need 5 observations, but there are 4 of observations/joints",
    ),
    "rewards too short": (
        _set("episode_1/rewards", lambda v: v[:-1]),
        "/episode_1: arrays must be equally long and not empty: actions 4, rewards 3",
    ),
    "no steps": (
        _in_file(lambda file: _empty(file["episode_1"])),
        "/episode_1: arrays must be equally long and not empty: actions 0",
    ),
    "said to be longer": (
        _in_file(lambda file: file["episode_1"].attrs.modify("total_steps", 9)),
        "truncations 4, total_steps 9",
    ),
    "NaN": (
        _set("episode_1/observations/joints", _with(np.nan, 1)),
        "observation/joints is not finite in episode 1",
    ),
    "NaN action": (
        _set("episode_1/actions", _with(np.nan, 1)),
        "action is not finite in episode 1",
    ),
    "flags": (
        _set("episode_1/terminations", _with(7, -1)),
        "/episode_1: terminations holds 7.0, expected 0 or 1",
    ),
}

_DEMO = "data/demo_1"
_ROBOMIMIC = {
    **_CUT,
    "no demos": (_in_file(lambda file: file["data"].clear()), "is none of these: "),
    "an array": (_set(_DEMO, lambda v: np.zeros(3)), "/data/demo_1 is an array, expected a group"),
    "first an array": (
        _set("data/demo_0", lambda v: np.zeros(3)),
        "/data/demo_0 is an array, expected a group",
    ),
    "no actions": (_set(f"{_DEMO}/actions", _gone), "/data/demo_1 has no actions; it holds "),
    "nothing seen": (_set(f"{_DEMO}/obs", _gone), "/data/demo_1 has no obs; it holds "),
    "obs an array": (
        _set("data/demo_0/obs", lambda v: np.zeros((5, 2))),
        "/data/demo_0: obs is an array, expected a group",
    ),
    "next_obs an array": (
        _set(f"{_DEMO}/next_obs", lambda v: np.zeros((4, 2))),
        "/data/demo_1: next_obs is an array, expected a group",
    ),
    "obs empty": (
        _set("data/demo_0/obs", lambda v: {}),
        "/data/demo_0: obs is an empty group, expected",
    ),
    "key missing": (
        _set(f"{_DEMO}/obs/joints", _gone),
        "/data/demo_1/obs has no joints; it holds ",
    ),
    "key missing at the end": (
        _set(f"{_DEMO}/next_obs/joints", _gone),
        "/data/demo_1/next_obs has no joints; it holds",
    ),
    "key a group": (
        _set(f"{_DEMO}/obs/joints", lambda v: {"left": v}),
        "/data/demo_1/obs: joints is a group, expected an array [n, ...]",
    ),
    "float images": (
        _set(f"{_DEMO}/obs/front", lambda v: np.float32(v)),
        "/obs: front is float32 [4, 16, 24, 3], expected images, uint8 [n, height, width, 3]",
    ),
    "images without channels": (
        _set(f"{_DEMO}/obs/front", lambda v: v[..., 0]),
        "front is uint8 [4",
    ),
    "other images": (
        _set(f"{_DEMO}/obs/front", lambda v: v[:, :, :8]),
        "/data/demo_1: obs/front is of shape [16, 8, 3] in each step, expected",
    ),
    "other size": (
        _set(f"{_DEMO}/obs/joints", lambda v: np.zeros((4, 9))),
        "/data/demo_1: obs/joints is of shape [9] in each step",
    ),
    "observation too short": (
        _set(f"{_DEMO}/obs/joints", lambda v: v[:-1]),
        "/data/demo_1: arrays must be equally long and not empty: actions 4",
    ),
    "rewards too long": (
        _set(f"{_DEMO}/rewards", lambda v: np.zeros(5)),
        "equally long and not empty: actions 4, rewards 5",
    ),
    "no steps": (
        _set(f"{_DEMO}/actions", lambda v: v[:0]),
        "/data/demo_1: arrays must be equally long and not empty: actions 0",
    ),
    "actions of no size": (
        _set(f"{_DEMO}/actions", lambda v: v[:, 0]),
        "/data/demo_1: actions is of shape [4], expected an array [n, size]",
    ),
    "actions of text": (
        _set(f"{_DEMO}/actions", _text),
        "actions is |S1 values, expected an array",
    ),
    "NaN action": (_set(f"{_DEMO}/actions", _with(np.nan, 1)), "action is not finite in episode 1"),
    "NaN": (
        _set(f"{_DEMO}/obs/joints", _with(np.nan, 1)),
        "observation/joints is not finite in episode 1",
    ),
    "flags": (_set(f"{_DEMO}/dones", lambda v: v + 2), "/data/demo_1: dones holds 2, expected 0"),
    "said to be longer": (
        _in_file(lambda file: file[_DEMO].attrs.modify("num_samples", 9)),
        "/data/demo_1: arrays must be equally long and not empty: actions 4, ",
    ),
    "environment": (
        _in_file(lambda file: file["data"].attrs.modify("env_args", "Lift")),
        "attribute env_args of data is no JSON object in a string",
    ),
}


def _d4rl(folder):
    episodes = own_data_testing.in_hdf5(_EPISODES, ["joints"])
    for episode in episodes:
        episode["observations"] = episode["observations"]["joints"]
    return convert_testing.write_d4rl(folder / "a.hdf5", episodes, _ENDS)


def _minari(folder):
    episodes = own_data_testing.in_hdf5(_EPISODES, _VECTORS)
    path = convert_testing.write_minari(folder / "minari", episodes, _ENDS)
    return os.path.join(path, "data", "main_data.hdf5")


def _robomimic(folder):
    episodes = own_data_testing.in_hdf5(_EPISODES, (*_VECTORS, "front"))
    return convert_testing.write_robomimic(folder / "a.hdf5", episodes, _ENDS)


BAD = {
    f"{kind}: {name}": (write, *case)
    for kind, write, cases in (
        ("D4RL", _d4rl, _D4RL),
        ("Minari", _minari, _MINARI),
        ("robomimic", _robomimic, _ROBOMIMIC),
    )
    for name, case in cases.items()
}


@pytest.mark.parametrize(("write", "change", "message"), BAD.values(), ids=BAD)
def test_bad_files_are_told_in_one_line(tmp_path, write, change, message):
    path = write(tmp_path)
    change(path)
    text = own_data_testing.problem(path, tmp_path / "out")
    assert message in text and path in text


@pytest.mark.parametrize(
    "name", ["D4RL: no rewards", "Minari: no rewards", "robomimic: first an array"]
)
def test_refused_files_are_not_held_open_by_their_error(tmp_path, name):
    write, change, _ = BAD[name]
    path = write(tmp_path)
    change(path)
    with pytest.raises(ValueError) as error:
        convert.open_source(path)
    with h5py.File(path, "a"):
        assert error.value.__traceback__ is not None
