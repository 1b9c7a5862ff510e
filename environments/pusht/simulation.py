"""The simulation, gym-pusht, and the states that its episodes start from."""

import os

import gymnasium
import numpy as np

CENTRE_OF_MASS = (0.0, 45.0)
"""That of the block, in its own frame, pixels."""


def make(observes_pictures: bool) -> gymnasium.Env:
    """Makes gym-pusht's environment, which observes pictures [96, 96, 3] or its state [5].

    Raises:
      ImportError: It is not installed; the message says how to install it.
    """
    # pygame, which draws the table, greets on standard output.
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    try:
        from gym_pusht.envs import pusht
    except ImportError as error:
        raise ImportError(
            f"Push-T needs gym-pusht (0.1.8) and what it is made with, but {error}: run pip "
            "install 'ibc-tf[pusht]', or in the repository pip install --no-deps -r "
            "requirements.txt."
        ) from error
    return pusht.PushTEnv("pixels" if observes_pictures else "state", render_mode="rgb_array")


def draw_start(rng: np.random.RandomState) -> np.ndarray:
    """Draws a published start: what to request, see `request_of`, as float64 [5]."""
    agent = [rng.randint(50, 450), rng.randint(50, 450)]
    block = [rng.randint(100, 400), rng.randint(100, 400)]
    return np.array([*agent, *block, rng.randn() * 2 * np.pi - np.pi])


def request_of(agent_pos: np.ndarray, block_pose: np.ndarray) -> np.ndarray:
    """Returns what to request of the simulation so that it starts in a state.

    It sets position and angle of the block one after the other. Setting the angle turns the block
    about its centre of mass c, so that c − R(angle)·c is added to the position requested.

    Args:
      agent_pos: Where the disc shall be, pixels [2].
      block_pose: Position, pixels, and angle, radians, of the block [3].

    Returns:
      float64 [5], for `reset(options={"reset_to_state": ...})`.
    """
    x, y, angle = np.asarray(block_pose, np.float64)
    cosine, sine = np.cos(angle), np.sin(angle)
    turned = np.array([[cosine, -sine], [sine, cosine]]) @ CENTRE_OF_MASS
    return np.array([*agent_pos, *((x, y) - (CENTRE_OF_MASS - turned)), angle], np.float64)
