"""Brings environments to the state that a recorded episode started from."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np

_AGENT_KEYS = ("pos_agent", "vel_agent", "pos_first_goal", "pos_second_goal")
_BLOCK_Z_METRES = 0.0
_TARGET_Z_METRES = 0.02
_SETTLING_ROUNDS = 3


def restore(env: gymnasium.Env, observation: Any) -> Any:
    """Starts an episode from the state with a first observation.

    Observations are float32 and do not tell everything, so the state is restored as nearly as
    they allow; comparing what is returned with `observation` shows how nearly.

    Args:
      env: Unwrapped environment: block pushing, particle or D4RL.
      observation: Its first observation in some episode.

    Returns:
      The observation in the restored state.

    Raises:
      ValueError: The environment cannot be brought to a state.
    """
    if hasattr(env, "restore"):
        return env.restore(observation)
    if isinstance(observation, Mapping) and set(_AGENT_KEYS) <= set(observation):
        return _restore_particle(env, observation)
    if isinstance(observation, Mapping) and "block_orientation" in observation:
        return _restore_pushing(env, observation)
    raise ValueError(
        f"{type(env).__name__} cannot be brought to the state of an observation with "
        f"{', '.join(observation) if isinstance(observation, Mapping) else 'one vector'}: replay "
        "works for particle (with velocities), block pushing (not normalized) and D4RL tasks."
    )


def _restore_particle(env: gymnasium.Env, observation: Mapping[str, np.ndarray]) -> dict:
    env.reset()
    env.position, env.velocity, env.first_goal, env.second_goal = (
        np.array(observation[key], np.float32) for key in _AGENT_KEYS
    )
    return env.compute_state()


def _restore_pushing(env: gymnasium.Env, observation: Mapping[str, np.ndarray]) -> dict:
    """Lets everything settle where it was observed, which is not quite where it was placed."""
    placed = {key: np.array(value, np.float64) for key, value in observation.items()}
    for _ in range(_SETTLING_ROUNDS):
        settled = _start_pushing(env, placed)
        for key, value in observation.items():
            placed[key] = placed[key] + value - settled[key]
    return _start_pushing(env, placed)


def _start_pushing(env: gymnasium.Env, placed: Mapping[str, np.ndarray]) -> dict:
    """Starts an episode with everything where it is told, otherwise like any other."""
    draw = env._draw_start

    def told_start(rng: np.random.RandomState) -> Any:
        return dataclasses.replace(
            draw(rng),
            blocks=_poses(placed, "block", _BLOCK_Z_METRES),
            targets=_poses(placed, "target", _TARGET_Z_METRES),
        )

    env._draw_start = told_start
    try:
        return env.reset()[0]
    finally:
        del env._draw_start


def _poses(observation: Mapping[str, np.ndarray], name: str, z: float) -> tuple:
    """Returns the poses of all blocks or targets in an observation."""
    from ibc.environments.block_pushing import pose

    poses = []
    for key in (name, f"{name}2"):
        if f"{key}_translation" in observation:
            x, y = observation[f"{key}_translation"]
            poses.append(pose.from_yaw((x, y, z), float(observation[f"{key}_orientation"][0])))
    return tuple(poses)
