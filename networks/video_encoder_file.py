"""A video encoder as a folder: what it is made of, its numbers, and what it was trained on."""

import dataclasses
import json
import pathlib
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from ibc.networks import video_encoder
from ibc.utils import atomic_file

FOLDER, BEST = "encoder", "encoder_best"
"""In a run's folder: the latest encoder, and the one with the least loss on held-out videos."""
_DESCRIPTION, _WEIGHTS = "encoder.json", "weights.npz"


def save(
    encoder: video_encoder.VideoEncoder, folder: pathlib.Path, told: Mapping[str, Any]
) -> None:
    """Writes an encoder to a folder, whole or not at all.

    Args:
      encoder: With its running moments.
      folder: Which is made, or replaced.
      told: What whoever uses it may want to know of its training, as JSON can hold it.
    """
    description = {"architecture": dataclasses.asdict(encoder.architecture), **told}
    with atomic_file.replacing_folder(folder) as temporary:
        temporary.mkdir()
        numbered = {str(n): v.numpy() for n, v in enumerate(encoder.variables)}
        np.savez(temporary / _WEIGHTS, **numbered)
        atomic_file.write_text(temporary / _DESCRIPTION, json.dumps(description, indent=1))


def load(folder: str | pathlib.Path) -> tuple[video_encoder.VideoEncoder, dict[str, Any]]:
    """Reads what `save` has written, from its folder or from its run's; returns what was told, too.

    Raises:
      FileNotFoundError: There is no encoder.
      ValueError: It is damaged.
    """
    folder = pathlib.Path(folder).expanduser()
    found = next((f for f in (folder, folder / FOLDER) if (f / _DESCRIPTION).is_file()), None)
    if found is None:
        raise FileNotFoundError(
            f"there is no video encoder in {folder}: train one with `python "
            "ibc/train_video_encoder.py --task=<task>`, and give its run's folder."
        )
    try:
        told = json.loads((found / _DESCRIPTION).read_text(encoding="utf-8"))
        parts = told.pop("architecture")
        parts["widths"] = tuple(parts["widths"])
        encoder = video_encoder.VideoEncoder(video_encoder.Architecture(**parts))
        with np.load(found / _WEIGHTS, allow_pickle=False) as arrays:
            if len(arrays.files) != len(encoder.variables):
                raise ValueError(f"it has {len(arrays.files)} arrays")
            for number, variable in enumerate(encoder.variables):
                variable.assign(arrays[str(number)])
    except (ValueError, KeyError, TypeError, OSError, zipfile.BadZipFile) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(
            f"the video encoder in {found} is damaged ({reason}): train it again, or give another "
            "folder."
        ) from error
    return encoder, told
