"""Writes recorded episodes as one npz file, which NumPy alone reads."""

import os
import pathlib
import tempfile
import zipfile
from collections.abc import Callable

import numpy as np

from ibc.data import action_parts
from ibc.data.formats import convert, npz, step_writer
from ibc.utils import atomic_file


def write(
    source: convert.EpisodeSource,
    path: str | os.PathLike,
    top_fraction: float = 1.0,
    on_frames: Callable[[int], None] = lambda count: None,
) -> convert.Conversion:
    """Writes the steps of all episodes, one after another, with `episode_ends`.

    Arrays are `observation.<key>`, `action` and `reward`, and `action_names` where they are
    known. What was seen after an episode's last step has no place in it. One episode at a time
    is in memory; the file appears when it is whole.

    Args:
      source: Where episodes are read from.
      path: File to make.
      top_fraction: Share of episodes to keep, by return, in (0, 1]; the number is rounded up.
      on_frames: Called with a number of frames when so many have been read.

    Raises:
      ValueError: A value is not finite, or there is nothing to write; no file is left.
      OSError: No file can be made there.
    """
    parts: dict[str, tuple[np.dtype, tuple[int, ...]]] = {}
    ends: list[int] = []
    with atomic_file.replacing(path) as temporary:
        with tempfile.TemporaryDirectory(dir=temporary.parent, prefix=".npz-") as folder:

            def append(arrays: dict[str, np.ndarray]) -> None:
                for number, (name, values) in enumerate(arrays.items()):
                    parts[name] = values.dtype, values.shape[1:]
                    with open(os.path.join(folder, str(number)), "ab") as file:
                        file.write(np.ascontiguousarray(values))
                ends.append(len(arrays[step_writer.ACTION]) + (ends[-1] if ends else 0))

            done = step_writer.write(source, path, top_fraction, on_frames, append)
            with zipfile.ZipFile(temporary, "w") as archive:
                for number, (name, (dtype, shape)) in enumerate(parts.items()):
                    raw = pathlib.Path(folder, str(number))
                    _add(archive, name, dtype, (ends[-1], *shape), raw)
                about = {npz.ENDS: np.array(ends, np.int64)}
                if names := action_parts.to_names(convert.action_parts(source)):
                    about[npz.NAMES] = np.array(names)
                for name, values in about.items():
                    with archive.open(f"{name}.npy", "w") as member:
                        np.lib.format.write_array(member, values)
    return done


def _add(
    archive: zipfile.ZipFile, name: str, dtype: np.dtype, shape: tuple[int, ...], raw: pathlib.Path
) -> None:
    """Adds an array whose numbers are in a file."""
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    with archive.open(f"{name}.npy", "w", force_zip64=True) as member, open(raw, "rb") as file:
        np.lib.format.write_array_header_1_0(member, header)
        while block := file.read(1 << 20):
            member.write(block)
