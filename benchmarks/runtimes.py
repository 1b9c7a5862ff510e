"""The same particle episodes by a SavedModel and by graphs, each in a process of its own.

    python benchmarks/runtimes.py runs/my_run runs/my_run/policies/onnx runs/my_run/policies/tflite

Prints which of 20 episodes are solved, milliseconds per action, and whether TensorFlow is there.
"""

import subprocess
import sys
import time

import gymnasium
import numpy as np

import ibc

_EPISODES = 20
_STEPS = 50


def play(path: str) -> str:
    """Plays the episodes; returns a line about them."""
    policy = ibc.load_policy(path, seed=0)
    env = gymnasium.make("ibc.tasks:Particle-v0")
    solved, times = [], []
    for seed in range(_EPISODES):
        observation, _ = env.reset(seed=seed)
        policy.reset()
        for _ in range(_STEPS):
            start = time.perf_counter()
            action = policy(observation)
            times.append(1e3 * (time.perf_counter() - start))
            observation, _, terminated, _, _ = env.step(action)
            if terminated:
                break
        solved += [seed] * env.unwrapped.succeeded
    median, slow = np.percentile(times[1:], [50, 95])
    with_it = "with" if "tensorflow" in sys.modules else "without"
    failed = sorted({*range(_EPISODES)} - {*solved})
    return (
        f"{path}: {len(solved)} of {_EPISODES} solved (not: {failed}), median {median:.2f} ms, "
        f"95th percentile {slow:.2f} ms per action, {with_it} TensorFlow"
    )


def main(paths: list[str]) -> None:
    if len(paths) == 1:
        print(play(paths[0]), flush=True)
    for path in paths if len(paths) > 1 else ():
        subprocess.run([sys.executable, __file__, path], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
