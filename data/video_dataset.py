"""Batches of videos for the video encoder: drawn, resized, in Lab, with frames dropped."""

import os
from collections.abc import Sequence

import numpy as np
from absl import logging

from ibc.data import lab, video_files
from ibc.utils import parameters

FEWEST_FRAMES = 8
"""Frames that a loss of the future needs, and that dropping leaves."""
_BUDGET_BYTES = 2 << 30


class VideoDataset:
    """The videos of one split.

    Videos are read and converted when they are first drawn, and kept as far as memory allows. What
    is drawn follows from seed and step alone.
    """

    def __init__(
        self,
        video_dir: str | os.PathLike,
        split: str,
        episode_len: int,
        image_size: int,
        seed: int = 0,
        camera: int = 0,
        budget_bytes: int = _BUDGET_BYTES,
        expert_alone: bool = False,
    ):
        """Finds the files.

        Args:
          video_dir: See `video_files`.
          split: 'train' or 'valid'.
          episode_len: T, steps; a video has T + 1 frames.
          image_size: Side of the pictures, which are resized where they are of another size.
          seed: Of what is drawn.
          camera: Which of the cameras.
          budget_bytes: How much memory converted videos may take.
          expert_alone: Whether others' videos are of no use; batches cannot be drawn then.

        Raises:
          FileNotFoundError: There are no videos of the expert, or none of others.
          ValueError: Episodes are too short.
        """
        if episode_len + 1 < FEWEST_FRAMES:
            raise ValueError(
                f"episode_len is {episode_len}, expected at least {FEWEST_FRAMES - 1}: what "
                f"comes next is predicted in videos of at least {FEWEST_FRAMES} frames."
            )
        self.classes = video_files.find(video_dir, split, expert_alone)
        self.frames = episode_len + 1
        self._size, self._camera, self._budget = image_size, camera, budget_bytes
        self._seed = (seed, video_files.SPLITS.index(split))
        self._kept: dict[os.PathLike, np.ndarray] = {}
        for label, files in self.classes.items():
            if video_files.are_clips(files):
                logging.info(
                    "Class %d of %s/%s has clips: %d frames of each, evenly from first to last.",
                    label, video_dir, split, self.frames,
                )  # fmt: skip

    def batch(self, step: int, count: int, drop: float = 0.0) -> np.ndarray:
        """Draws videos of the expert and as many of others, each on its own.

        Args:
          step: Which batch.
          count: n, of each kind.
          drop: Share of the time indices that is left out, the same ones of all videos.

        Returns:
          Scaled Lab, float32 [T', 2n, image_size, image_size, 3], the expert's videos first.
        """
        draw = np.random.default_rng([*self._seed, step])
        own = self.classes[video_files.EXPERT]
        others = [label for label in self.classes if label != video_files.EXPERT]
        chosen = [own[draw.integers(len(own))] for _ in range(count)]
        for _ in range(count):
            files = self.classes[others[draw.integers(len(others))]]
            chosen.append(files[draw.integers(len(files))])
        kept = kept_frames(self.frames, drop, draw)
        return np.stack([self.video(path)[kept] for path in chosen], 1)

    def videos(self, label: int, most: int | None = None) -> np.ndarray:
        """Returns a class's first videos, time-major as `batch` does: [T + 1, V, …]."""
        return np.stack([self.video(path) for path in self.classes[label][:most]], 1)

    def video(self, path: os.PathLike) -> np.ndarray:
        """Returns a video, scaled Lab, float32 [T + 1, image_size, image_size, 3]."""
        if path in self._kept:
            return self._kept[path]
        pictures = video_files.read(path, self.frames, self._camera)
        converted = lab.normalized(video_files.resized(pictures, self._size, self._size))
        if (len(self._kept) + 1) * converted.nbytes <= self._budget:
            self._kept[path] = converted
        return converted


def kept_frames(frames: int, drop: float, draw: np.random.Generator) -> Sequence[int]:
    """Draws which time indices stay: each is dropped with a probability, but at most all but 8."""
    parameters.check_share("train_video_encoder", drop_frames=drop)
    numbers = draw.uniform(size=frames)
    stays = numbers >= drop
    if stays.sum() < FEWEST_FRAMES:
        stays[np.argsort(-numbers)[:FEWEST_FRAMES]] = True
    return np.flatnonzero(stays)
