"""Videos to learn from, as files: `<folder>/{train,valid}/{0,1,…}/*.npy`, or clips in their place.

Class 0 is the expert's, the others are not. A .npy file is uint8 [cameras, T + 1, height, width,
3], its first frame that of the reset. Clips (.mp4, .gif, …) have one camera and any length.
"""

import os
import pathlib
import re
from collections.abc import Sequence

import numpy as np
from PIL import Image

from ibc.utils import atomic_file

SPLITS = ("train", "valid")
EXPERT = 0
"""Class of the expert's videos."""

ARRAY = ".npy"
CLIPS = (".mp4", ".gif", ".mov", ".avi", ".mkv", ".webm")
_LAYOUT = "<video_dir>/{train,valid}/{0,1}/*.npy, or clips such as *.mp4 in their place"


def find(
    video_dir: str | os.PathLike, split: str, expert_alone: bool = False
) -> dict[int, list[pathlib.Path]]:
    """Returns class → its files, sorted by name, of one split.

    Args:
      video_dir: The folder.
      split: 'train' or 'valid'.
      expert_alone: Whether others' videos, if there are any, are of no use.

    Raises:
      FileNotFoundError: There are none of the expert, or none of others that are of use.
    """
    folder = pathlib.Path(video_dir).expanduser() / split
    inside = sorted(folder.iterdir()) if folder.is_dir() else []
    classes = {
        int(each.name): _videos_in(each)
        for each in inside
        if each.is_dir() and re.fullmatch(r"\d+", each.name)
        if not expert_alone or int(each.name) == EXPERT
    }
    classes = {label: files for label, files in classes.items() if files}
    has_others = expert_alone or bool(set(classes) - {EXPERT})
    for what, there in (("0", EXPERT in classes), ("1", has_others)):
        if not there:
            raise FileNotFoundError(
                f"there are no videos in {folder / what}: expected {_LAYOUT}; "
                "python data/generate_videos.py makes them."
            )
    return classes


def read(path: pathlib.Path, frames: int, camera: int = 0) -> np.ndarray:
    """Reads a video's first frames, or a clip's, evenly from first to last.

    Args:
      path: A .npy file or a clip.
      frames: How many.
      camera: Which of a .npy file's cameras.

    Returns:
      uint8 [frames, height, width, 3].

    Raises:
      ValueError: The file is damaged, too short, or of another shape; the message names it.
    """
    if path.suffix != ARRAY:
        return _resampled(_clip(path), frames, path)
    return np.array(checked(path, frames, camera)[camera, :frames])


def checked(path: pathlib.Path, frames: int, camera: int = 0) -> np.ndarray:
    """Opens a .npy file, uint8 [cameras, T + 1, height, width, 3], without reading its pictures.

    Raises:
      ValueError: As for `read`.
    """
    video = _array(path)
    if camera >= len(video):
        raise ValueError(f"{path} has {len(video)} cameras, but camera {camera} is asked for.")
    if video.shape[1] < frames:
        raise ValueError(
            f"{path} has {video.shape[1]} frames, expected at least {frames}, one more than an "
            "episode has steps: give a smaller episode_len, or remove the file."
        )
    return video


def write(path: pathlib.Path, video: np.ndarray) -> None:
    """Writes a video, uint8 [cameras, T + 1, height, width, 3], whole or not at all."""
    with atomic_file.replacing(path) as temporary, open(temporary, "wb") as file:
        np.save(file, video)


def resized(pictures: np.ndarray, height: int, width: int) -> np.ndarray:
    """Returns pictures, uint8 [N, h, w, 3], at another size, bicubic: [N, height, width, 3]."""
    if pictures.shape[1:3] == (height, width):
        return pictures
    size = (width, height)
    return np.stack(
        [
            np.asarray(Image.fromarray(one).resize(size, Image.Resampling.BICUBIC))
            for one in pictures
        ]
    )


def _videos_in(folder: pathlib.Path) -> list[pathlib.Path]:
    files = (each for each in folder.iterdir() if not each.name.startswith("."))
    return sorted(each for each in files if each.suffix.lower() in (ARRAY, *CLIPS))


def _array(path: pathlib.Path) -> np.ndarray:
    """Returns what a .npy file holds, read as it is needed."""
    try:
        video = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(
            f"{path} is no video, or a damaged one ({reason}): remove it, and make it again."
        ) from error
    if video.dtype != np.uint8 or video.ndim != 5 or video.shape[-1] != 3 or 0 in video.shape:
        raise ValueError(
            f"{path} holds {video.dtype} {list(video.shape)}, expected uint8 [cameras, frames, "
            "height, width, 3]."
        )
    return video


def _clip(path: pathlib.Path) -> np.ndarray:
    """Decodes all frames of a clip, uint8 [N, height, width, 3]."""
    import imageio_ffmpeg  # which only clips need, and the next one imports TensorFlow

    from ibc.environments import video

    video.find_ffmpeg()
    try:
        reader = imageio_ffmpeg.read_frames(str(path))
        width, height = next(reader)["size"]
        frames = [np.frombuffer(data, np.uint8) for data in reader]
    except (RuntimeError, ValueError, OSError, StopIteration) as error:
        raise ValueError(
            f"{path} cannot be read as a video: it is damaged, or of no format that ffmpeg knows."
        ) from error
    return np.reshape(frames, [-1, height, width, 3])


def _resampled(frames: np.ndarray, count: int, path: pathlib.Path) -> np.ndarray:
    if len(frames) < 2:
        raise ValueError(f"{path} has {len(frames)} frames, expected a clip of what moves.")
    return frames[np.rint(np.linspace(0, len(frames) - 1, count)).astype(int)]


def are_clips(files: Sequence[pathlib.Path]) -> bool:
    """Whether some files are clips, whose length is made to fit."""
    return any(file.suffix != ARRAY for file in files)
