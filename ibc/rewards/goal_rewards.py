"""Task rewards of bodies that are to reach, strike, advance or rise, of horizontal quantities.

From NEAR's experiments (Diwan et al., arXiv 2501.14856). Positions are [..., 3] in metres, z up,
velocities in m/s; one reward for each row.
"""

import numpy as np

_CLOSE = 1.25
_STRIKING_DISTANCE = 1.2
_STRIDE = 0.5
_TALLEST = 2.5
_EPSILON = 1e-8


def reaching(
    root: np.ndarray, velocity: np.ndarray, target: np.ndarray, speed: float = 2.0
) -> np.ndarray:
    """Returns .6e^(−d²/2) + .3(1 − 2/(1 + e^5h)) + .1(1 − (‖v‖ − v*)²) + [d ≤ 1.25].

    d is the distance to the target, h the cosine between velocity and the way there, 0 at rest.

    Args:
      root: Positions of the root [..., 3].
      velocity: Of the root [..., 3].
      target: Positions [..., 3].
      speed: v*, 2 for walking and 3.5 for running.
    """
    way, velocity = (target - root)[..., :2], velocity[..., :2]
    distance = np.linalg.norm(way, axis=-1)
    return (
        0.6 * np.exp(-0.5 * distance**2)
        + 0.3 * _heading(velocity, way)
        + 0.1 * (1 - (np.linalg.norm(velocity, axis=-1) - speed) ** 2)
        + (distance <= _CLOSE)
    )


def striking(
    root: np.ndarray,
    velocity: np.ndarray,
    hand: np.ndarray,
    hand_velocity: np.ndarray,
    target: np.ndarray,
    hit: np.ndarray,
) -> np.ndarray:
    """Returns 1 once the target is hit; near it the hand's reward, far from it .3 of `reaching`.

    Near: .3 + .3(.1e^(−2p²) + .4(1 − 2/(1 + e^5h)) + .3(1 − (‖v‖ − 4)²) + .2(1 − (z − 1.4)²)), p
    the hand's distance, v its velocity, h the cosine between that and the root's way.

    Args:
      root: Positions of the root [..., 3].
      velocity: Of the root [..., 3].
      hand: Positions of the hand [..., 3].
      hand_velocity: Of the hand [..., 3].
      target: Positions [..., 3].
      hit: Booleans [...].
    """
    way, moved = (target - root)[..., :2], hand_velocity[..., :2]
    apart = np.linalg.norm((target - hand)[..., :2], axis=-1)
    near = (
        0.1 * np.exp(-2 * apart**2)
        + 0.4 * _heading(moved, way)
        + 0.3 * (1 - (np.linalg.norm(moved, axis=-1) - 4) ** 2)
        + 0.2 * (1 - (hand[..., 2] - 1.4) ** 2)
    )
    is_near = np.linalg.norm(way, axis=-1) < _STRIKING_DISTANCE
    unhit = np.where(is_near, 0.3 + 0.3 * near, 0.3 * reaching(root, velocity, target))
    return np.where(hit, 1.0, unhit)


def advancing(root: np.ndarray, previous_root: np.ndarray) -> np.ndarray:
    """Returns how far the root went along x, of half a metre, within 0 … 1."""
    return np.clip((root - previous_root)[..., 0] / _STRIDE, 0, 1)


def rising(root: np.ndarray) -> np.ndarray:
    """Returns the root's height, of 2.5 metres."""
    return root[..., 2] / _TALLEST


def _heading(velocity: np.ndarray, way: np.ndarray) -> np.ndarray:
    """Returns 1 − 2/(1 + e^5h), within ±1."""
    sizes = np.linalg.norm(velocity, axis=-1) * np.linalg.norm(way, axis=-1)
    cosine = np.sum(velocity * way, -1) / np.maximum(sizes, _EPSILON)
    return 1 - 2 / (1 + np.exp(5 * cosine))
