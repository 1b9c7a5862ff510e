"""Motion of a point under a PD controller, as pure functions of arrays."""

import numpy as np


def acceleration(
    position: np.ndarray, velocity: np.ndarray, setpoint: np.ndarray, k_p: float, k_v: float
) -> np.ndarray:
    """Returns the PD controller's acceleration k_p·(setpoint − x) − k_v·v, [n_dim], 1/s²."""
    return k_p * (setpoint - position) - k_v * velocity


def euler_step(
    position: np.ndarray, velocity: np.ndarray, accel: np.ndarray, dt: float
) -> tuple[np.ndarray, np.ndarray]:
    """Moves a point on by `dt` seconds: explicit Euler, so x is advanced with the *old* v."""
    return position + velocity * dt, velocity + accel * dt


def advance(
    position: np.ndarray,
    velocity: np.ndarray,
    setpoint: np.ndarray,
    k_p: float,
    k_v: float,
    dt: float,
    steps: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns position and velocity [n_dim] after `steps` steps towards the same setpoint."""
    for _ in range(steps):
        accel = acceleration(position, velocity, setpoint, k_p, k_v)
        position, velocity = euler_step(position, velocity, accel, dt)
    return position, velocity


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Returns the Euclidean distance of two points [n_dim]."""
    return float(np.linalg.norm(a - b))
