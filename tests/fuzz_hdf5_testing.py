"""HDF5 files of recorded episodes, damaged on the disk and in what they mean."""

import os
import pathlib
import random
from collections.abc import Callable

import h5py
import numpy as np

from tests import convert_testing

_EPISODES = [convert_testing.episode(length, 3, 2, seed=length) for length in (4, 3)]
_ENDS = (True, False)
# More than there is memory for; never written, so that the files stay small.
_HUGE = 1 << 40


def write_d4rl(folder: pathlib.Path) -> str:
    """Writes a file as D4RL's: HDF5's old format, in which checksums guard nothing."""
    return convert_testing.write_d4rl(folder / "d4rl.hdf5", _EPISODES, _ENDS)


def write_minari(folder: pathlib.Path) -> str:
    """Writes a file as Minari's."""
    data = convert_testing.write_minari(folder / "minari", _EPISODES, _ENDS)
    return os.path.join(data, "data", "main_data.hdf5")


def write_robomimic(folder: pathlib.Path) -> str:
    """Writes a file as robomimic's."""
    return convert_testing.write_robomimic(folder / "robomimic.hdf5", _EPISODES, _ENDS)


def write_checked(folder: pathlib.Path) -> str:
    """Writes a file as D4RL's in HDF5's new format, all of whose parts have checksums."""
    path = str(folder / "checked.hdf5")
    with h5py.File(write_d4rl(folder)) as old, h5py.File(path, "w", libver="latest") as new:
        for key in ("observations", "actions", "rewards", "terminals", "timeouts"):
            # The compression has a checksum of its own.
            new.create_dataset(key, data=old[key][:], compression="gzip")
    return path


FILES: dict[str, tuple[Callable[[pathlib.Path], str], bool]] = {
    "as D4RL's": (write_d4rl, False),
    "as Minari's": (write_minari, False),
    "as robomimic's": (write_robomimic, False),
    "with checksums": (write_checked, True),
}
"""What kind of file → what writes one to a folder, and whether every bit of it is guarded."""


def change_meaning(path: str, rng: random.Random) -> str:
    """Makes a whole file of other arrays than are expected; returns what was done."""
    with h5py.File(path, "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        name = rng.choice(names)
        kind = rng.choice(list(_CHANGES))
        _CHANGES[kind](file, name, rng)
    return f"{kind}: {name}"


def _replaced(make: Callable[[np.ndarray, random.Random], object]) -> Callable:
    """Replaces an array by what is made of it; of a group, the first array in it."""

    def change(file: h5py.File, name: str, rng: random.Random) -> None:
        while not isinstance(file[name], h5py.Dataset):
            name = f"{name}/{next(iter(file[name]))}"
        values = file[name][()]
        del file[name]
        file[name] = make(values, rng)

    return change


def _with(value: float) -> Callable:
    def put(values: np.ndarray, rng: random.Random) -> np.ndarray:
        values = np.array(values, np.float64)
        values.flat[rng.randrange(values.size)] = value
        return values

    return put


def _relinked(link: Callable[[h5py.File, str], object]) -> Callable:
    def change(file: h5py.File, name: str, rng: random.Random) -> None:
        target = link(file, name)
        del file[name]
        file[name] = target

    return change


def _add_huge(file: h5py.File, name: str, rng: random.Random) -> None:
    shape = rng.choice([(_HUGE,), (_HUGE, 2), (2, _HUGE), (1 << 62,)])
    del file[name]
    file.create_dataset(name, shape, rng.choice(["f4", "f8", "u1"]), chunks=True)


def _rename(file: h5py.File, name: str, rng: random.Random) -> None:
    file.move(name, rng.choice([f"{name}_", f"new/{name}", f"{name}é", f"{name}0"]))


def _delete(file: h5py.File, name: str, rng: random.Random) -> None:
    del file[name]


def _add_number(file: h5py.File, name: str, rng: random.Random) -> None:
    number = rng.choice(["7", "007", "99999999999999999999999", "-1", "1 "])
    file.copy(name, f"episode_{number}")


_PAIR = np.dtype([("x", "f4"), ("y", "f4")])
_CHANGES: dict[str, Callable[[h5py.File, str, random.Random], None]] = {
    "deleted": _delete,
    "renamed": _rename,
    "another episode": _add_number,
    "NaN": _replaced(_with(np.nan)),
    "infinite": _replaced(_with(np.inf)),
    "beyond float32": _replaced(_with(1e300)),
    "strings": _replaced(lambda v, rng: np.full(v.shape, b"a")),
    "complex": _replaced(lambda v, rng: np.array(v, np.complex64)),
    "pairs": _replaced(lambda v, rng: np.zeros(v.shape, _PAIR)),
    "other byte order": _replaced(lambda v, rng: np.array(v, ">f8")),
    "whole numbers": _replaced(lambda v, rng: np.array(v, ">i8")),
    "half precision": _replaced(lambda v, rng: np.array(v, np.float16)),
    "one less": _replaced(lambda v, rng: v[:-1]),
    "none": _replaced(lambda v, rng: v[:0]),
    "no columns": _replaced(lambda v, rng: np.zeros((len(v), 0))),
    "one more axis": _replaced(lambda v, rng: v[..., np.newaxis]),
    "one number": _replaced(lambda v, rng: v.flat[0]),
    "text": _replaced(lambda v, rng: "text"),
    "nothing": _replaced(lambda v, rng: h5py.Empty("f4")),
    "huge": _add_huge,
    "a group in itself": _relinked(lambda file, name: file[name].parent),
    "link to nowhere": _relinked(lambda file, name: h5py.SoftLink("/nowhere")),
    "link to itself": _relinked(lambda file, name: h5py.SoftLink(f"/{name}")),
    "link to another file": _relinked(lambda file, name: h5py.ExternalLink("/etc/passwd", "/a")),
    "link to the root": _relinked(lambda file, name: h5py.SoftLink("/")),
    "an empty group": _relinked(lambda file, name: file.create_group("new")),
}

OTHER = (
    *("whole numbers", "half precision", "one less", "one more axis"),
    *("deleted", "renamed", "another episode"),
)
"""Changes after which a file may be converted to other numbers or episodes."""
