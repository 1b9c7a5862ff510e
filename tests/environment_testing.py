"""What tests of environments share."""

import contextlib
import functools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import gymnasium
import numpy as np
from tf_agents.trajectories import trajectory

# Smallest and largest values in demonstrations, which normalized tasks show as −1 and 1.
RANGES = {
    "action": ((-0.02547718, -0.02090043), (0.02869084, 0.04272365)),
    "effector_target_translation": (
        (0.1774151772260666, -0.6287994794547558),
        (0.5654461532831192, 0.5441607423126698),
    ),
    "effector_target_to_block_translation": (
        (-0.07369826920330524, -0.11395704373717308),
        (0.10131562314927578, 0.19391131028532982),
    ),
    "block_orientation_cos_sin": (
        (-2.0649861991405487, -0.6154364347457886),
        (1.6590178310871124, 1.8811014890670776),
    ),
    "effector_target_to_target_translation": (
        (-0.17813862301409245, -0.3309651017189026),
        (0.23726161383092403, 0.8404090404510498),
    ),
    "target_orientation_cos_sin": (
        (-1.0761439241468906, -0.8846937336493284),
        (-0.8344330154359341, 0.8786859593819827),
    ),
}
NORMALIZED_KEYS = [key for key in RANGES if key != "action"]


def normalized(block, yaw, target, target_yaw, effector) -> dict[str, np.ndarray]:
    """Returns a normalized observation, computed in float64, of positions [2] and angles."""
    quantities = {
        "effector_target_translation": effector,
        "effector_target_to_block_translation": np.subtract(block, effector),
        "block_orientation_cos_sin": (np.cos(yaw), np.sin(yaw)),
        "effector_target_to_target_translation": np.subtract(target, effector),
        "target_orientation_cos_sin": (np.cos(target_yaw), np.sin(target_yaw)),
    }
    return {key: scaled(key, value) for key, value in quantities.items()}


def scaled(key: str, value) -> np.ndarray:
    """Returns a quantity [2] as its share of the interval in `RANGES`, from −1 to 1."""
    low, high = np.array(RANGES[key])
    return 2 * (np.asarray(value) - low) / (high - low) - 1


@contextlib.contextmanager
def made_once(make: Callable[..., gymnasium.Env]) -> Iterator[Callable[..., gymnasium.Env]]:
    """Yields `make`, which makes each environment once; they are closed at the end."""
    with contextlib.ExitStack() as opened:
        yield functools.cache(lambda *key: opened.enter_context(contextlib.closing(make(*key))))


def frame(next_step_type: int | list[int]) -> trajectory.Trajectory:
    """Returns a frame as a driver emits it, a batched one for a list of step types."""
    next_step_type = np.asarray(next_step_type)
    zeros = np.zeros(next_step_type.shape, np.float32)
    middle = np.ones_like(next_step_type)
    return trajectory.Trajectory(middle, zeros, zeros, (), next_step_type, zeros, zeros)


def output_of(code: str, **environment: str) -> tuple[str, str]:
    """Runs Python code in a process of its own; returns its standard output and error."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    return done.stdout, done.stderr
