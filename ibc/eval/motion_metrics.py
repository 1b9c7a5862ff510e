"""How alike motions are and how smooth: what imitation from observation is measured by.

The measures of Diwan et al., Noise-conditioned Energy-based Annealed Rewards (NEAR), 2025. All are
of recorded motions, an agent's or a demonstration's, and know neither policy nor environment.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from ibc.utils import time_warping

PATH_SPACING = 9.0
"""Pixels between the points that paths of the maze are compared by: a person's step in a frame."""

# Of the spectral arc length: padding, frequencies in Hz, share of the largest amplitude.
_PADDING, _CUT_HERTZ, _THRESHOLD = 4, 10.0, 0.05


@dataclasses.dataclass(frozen=True)
class Motion:
    """A recorded motion of B bodies over T frames."""

    bodies: np.ndarray
    """Positions [T, B, D]."""
    seconds: float
    """Time from a frame to the next."""
    root: int = 0
    """Index of the body that others are told relative to."""

    def __post_init__(self):
        """Raises ValueError where the motion cannot be measured."""
        shape = np.shape(self.bodies)
        if len(shape) != 3 or not all(shape) or not np.isfinite(self.bodies).all():
            raise ValueError(
                f"a motion must be finite positions [T, B, D] of bodies, got {list(shape)}."
            )
        if not self.seconds > 0 or not 0 <= self.root < shape[1]:
            raise ValueError(
                f"a motion needs a positive time between frames and a root from 0 to "
                f"{shape[1] - 1}, got {self.seconds!r} and {self.root!r}."
            )

    @property
    def root_path(self) -> np.ndarray:
        """Positions of the root [T, D]."""
        return self.bodies[:, self.root]

    @property
    def poses(self) -> np.ndarray:
        """Positions of all bodies relative to the root, [T, B·D]."""
        relative = self.bodies - self.bodies[:, self.root, np.newaxis]
        return relative.reshape(len(relative), -1)


@dataclasses.dataclass(frozen=True)
class MotionMeasures:
    """Numbers of one motion, or means over several; fields are named as their TensorBoard tags."""

    mean_dtw_pose_error: float
    """See `dtw_pose_error`."""
    root_body_velocity: float
    """Mean speed of the root, units per second."""
    root_body_acceleration: float
    """Mean size of its acceleration, units per second²."""
    root_body_jerk: float
    """Mean size of its jerk, units per second³."""
    spectral_arc_length: float
    """Of the root's velocity, see `spectral_arc_length`: at most 0, nearer to it is smoother."""


def measure(motion: Motion, demonstrations: Sequence[Motion]) -> MotionMeasures:
    """Measures a motion, of an agent or one of the demonstrations, against demonstrations."""
    sizes = [
        float(np.linalg.norm(derivative(motion.root_path, motion.seconds, order), axis=1).mean())
        for order in (1, 2, 3)
    ]
    velocity = derivative(motion.root_path, motion.seconds, 1)
    smooth = [spectral_arc_length(axis, motion.seconds) for axis in velocity.T]
    return MotionMeasures(dtw_pose_error(motion, demonstrations), *sizes, float(np.mean(smooth)))


def mean_of(measures: Sequence[MotionMeasures]) -> MotionMeasures:
    """Returns each number's mean over several motions.

    Raises:
      ValueError: There are none.
    """
    if not measures:
        raise ValueError("no motion was measured, so there is no mean.")
    return MotionMeasures(*np.mean([dataclasses.astuple(one) for one in measures], 0).tolist())


def dtw_pose_error(motion: Motion, demonstrations: Sequence[Motion]) -> float:
    """Returns how far poses are from those of demonstrations, whatever the pace.

    Mean over the demonstrations of the dynamic time warping distance of root-relative poses,
    divided by the number of bodies.

    Raises:
      ValueError: There are no demonstrations, or they have other bodies.
    """
    if not demonstrations:
        raise ValueError("poses are compared with demonstrations, but there are none.")
    others = [other.poses for other in demonstrations]
    return float(time_warping.distances(motion.poses, others).mean() / motion.bodies.shape[1])


def path_dtw(path: np.ndarray, demonstrations: Sequence[np.ndarray]) -> float:
    """Returns the mean distance of a path [T, D] from others, all resampled at 9 pixels.

    Raises:
      ValueError: There are no demonstrations, or something is no path.
    """
    if not len(demonstrations):
        raise ValueError("paths are compared with demonstrations, but there are none.")
    points, *others = (
        time_warping.resample(each, PATH_SPACING) for each in (path, *demonstrations)
    )
    return float(time_warping.distances(points, others).mean())


def derivative(series: np.ndarray, seconds: float, order: int = 1) -> np.ndarray:
    """Returns the forward differences of a series [T, D], divided by `seconds`, `order` times.

    Returns:
      float64 [T − order, D], but zeros [1, D] of a series that is too short for one.
    """
    series = np.asarray(series, np.float64)
    if len(series) <= order:
        return np.zeros((1, *series.shape[1:]))
    return np.diff(series, n=order, axis=0) / seconds**order


def spectral_arc_length(velocity: np.ndarray, seconds: float) -> float:
    """Returns the spectral arc length of one axis of velocity: at most 0, higher is smoother.

    The length, negated, of the curve of normalised amplitudes over normalised frequencies: those
    from the first to the last, 10 Hz at most, whose amplitude reaches 5 % of the largest.

    Balasubramanian et al., On the analysis of movement smoothness, 2015.

    Args:
      velocity: Values [T].
      seconds: Time from one to the next.

    Returns:
      The length; 0 for what never moves.
    """
    size = 2 ** (int(np.ceil(np.log2(len(velocity)))) + _PADDING)
    frequencies = np.arange(size) / (size * seconds)
    kept = frequencies <= _CUT_HERTZ
    amplitudes = np.abs(np.fft.fft(velocity, size))
    if not amplitudes.any():
        return 0.0
    frequencies, amplitudes = frequencies[kept], (amplitudes / amplitudes.max())[kept]
    reached = np.flatnonzero(amplitudes >= _THRESHOLD)
    if reached.size < 2:
        return 0.0
    inside = slice(reached[0], reached[-1] + 1)
    frequencies, amplitudes = frequencies[inside], amplitudes[inside]
    along = np.diff(frequencies) / (frequencies[-1] - frequencies[0])
    return -float(np.sqrt(along**2 + np.diff(amplitudes) ** 2).sum())
