"""AMP's discriminator over training, as an animation beside the energy, which stands still."""

import pathlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from absl import logging

from ibc.environments import video
from ibc.ncsn import seeing as of_energies
from ibc.online.on_policy import energies, raters, seeing
from ibc.online.on_policy import parts as parts_lib
from ibc.pictures import animation, pair_places
from ibc.utils import atomic_file

FOLDER, ANIMATION, PICTURE = "snapshots", "discriminator.mp4", "discriminator.png"
_GRID = 64
_FRAMES_PER_SECOND = 8.0
_STAGES = 3


class Snapshots:
    """Looks at the discriminator's reward all over a plane in every so many rollouts.

    What is seen is kept in files, so that a run that goes on has what it saw before.
    """

    def __init__(self, made: parts_lib.Parts):
        """Loads what is looked at, and the energy.

        Args:
          made: Of AMP.

        Raises:
          ValueError, FileNotFoundError: There is no energy or ffmpeg, or observations are no places
            in a plane.
        """
        self._made, self._interval = made, made.options.run.snapshot_interval
        if made.config.algorithm != "AMP" or made.copies.observation_size != 2:
            raise ValueError(
                "run.snapshot_interval is for AMP where observations are places in a plane, but "
                f"this is {made.config.algorithm} with {made.copies.observation_size} numbers: "
                "leave it out."
            )
        video.find_ffmpeg()
        given = made.options.reward
        self._pairs = raters.demonstrations(made.config, made.options, 2)
        self._level = max(given.sigma_level, 0)
        self._energy = energies.load(made.config, given, 2)
        of_energies.check_level("reward.sigma_level", self._level, self._energy.num_levels)
        self._folder: pathlib.Path = made.config.folder()

    def look(self, done: int, always: bool = False) -> None:
        """Keeps what the reward is after a number of rollouts, if it is one that counts."""
        if done % self._interval and not always:
            return
        seen = seeing.places(self._made.rater.reward.learned, self._pairs, _GRID)
        path = self._folder / FOLDER / f"{done:07d}.npz"
        with atomic_file.replacing(path) as temporary:
            np.savez(temporary, **seen._asdict())

    def animate(self) -> list[pathlib.Path]:
        """Writes an mp4 of all that was seen, and a picture of a few moments; returns both."""
        self.look(self._made.loop.done, always=True)
        files = sorted((self._folder / FOLDER).glob("[0-9]*.npz"))
        moments = [_read(path) for path in files]
        names = [self._title(int(path.stem)) for path in files]
        # What an untrained one says does not decide what colours mean.
        limits = _limits(moments[1:] or moments)
        energy = self._of_energy()
        frames = (
            animation.pixels(pair_places.beside([(name, seen, limits), energy]))
            for name, seen in zip(names, moments, strict=True)
        )
        video.write(frames, self._folder / ANIMATION, _FRAMES_PER_SECOND)
        few = np.unique(np.linspace(0, len(files) - 1, _STAGES).round().astype(int))
        stages = [(names[each], moments[each], limits) for each in few]
        picture = pair_places.beside([*stages, energy])
        animation.write_png(picture, self._folder / PICTURE)
        logging.info("The discriminator over training: %s", self._folder / ANIMATION)
        return [self._folder / ANIMATION, self._folder / PICTURE]

    def _title(self, rollouts: int) -> str:
        return f"discriminator, {rollouts * self._made.loop.frames_per_rollout:,} steps"

    def _of_energy(self) -> tuple[str, pair_places.Places, tuple[float, float]]:
        seen = seeing.places(
            lambda steps: self._energy(tf.cast(steps, tf.float32), self._level), self._pairs, _GRID
        )
        return f"energy, level {self._level}", seen, _limits([seen])


def make(made: parts_lib.Parts) -> Snapshots | None:
    """Returns what makes the animation that a run is to have; None for none.

    Raises:
      ValueError, FileNotFoundError: See `Snapshots`.
    """
    return Snapshots(made) if made.options.run.snapshot_interval else None


def _read(path: pathlib.Path) -> pair_places.Places:
    with np.load(path, allow_pickle=False) as arrays:
        return pair_places.Places(**arrays)


def _limits(moments: Sequence[pair_places.Places]) -> tuple[float, float]:
    """Returns the least and the largest of all best rewards, so that colours stay what they are."""
    best = np.stack([seen.best for seen in moments])
    return float(best.min()), float(best.max())
