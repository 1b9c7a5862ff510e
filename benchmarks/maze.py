"""How many steps of the maze are made in a second of one core.

    python benchmarks/maze.py

Prints, for 64 and 256 mazes stepped at once, the rate along the corridor as the demonstrator goes,
with all discs leaning on one wall, and with all in a corner of two. It counts processor time, which
other work on the machine lengthens less than the clock's.
"""

import time

import numpy as np
from absl import app, flags

from ibc.environments.maze import demonstrator, maze_vector

_STEPS = flags.DEFINE_integer("steps", 400, "Steps that each rate is measured over.", lower_bound=1)

_NUMBERS = (64, 256)
_NOISE = 0.02
# Where discs are drawn to, and steps until all of them are there.
_PRESSED = {"leaning on a wall": ((-1.0, -0.5), 150), "in a corner": ((-1.0, 1.0), 220)}


def main(argv: list[str]) -> None:
    del argv
    for number in _NUMBERS:
        _show(number, "along the corridor", _corridor_rate(number))
        for name, (action, approach) in _PRESSED.items():
            _show(number, name, _pressed_rate(number, np.array(action), approach))


def _show(number: int, name: str, rate: float) -> None:
    print(f"{number:4} mazes {name:20} {rate:8.0f} steps per processor second", flush=True)


def _corridor_rate(number: int) -> float:
    """Returns steps per second of episodes from start to goal."""
    env = maze_vector.MazeVectorEnv(number)
    env.reset(seed=0)
    guide = demonstrator.Demonstrator(number, np.random.default_rng(0))
    start = time.process_time()
    for _ in range(_STEPS.value):
        env.step(guide.actions(env.positions))
    return number * _STEPS.value / (time.process_time() - start)


def _pressed_rate(number: int, action: np.ndarray, approach: int) -> float:
    """Returns steps per second of discs that are drawn into walls."""
    env, rng = maze_vector.MazeVectorEnv(number), np.random.default_rng(0)
    env.reset(seed=0)
    steps = min(_STEPS.value, 50)
    for step in range(approach + steps):
        if step == approach:
            start = time.process_time()
        env.step(action + rng.normal(0, _NOISE, (number, 2)))
    return number * steps / (time.process_time() - start)


if __name__ == "__main__":
    app.run(main)
