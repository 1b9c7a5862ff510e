"""How long steps and episodes of Push-T take, and of what they consist.

    python benchmarks/pusht.py

Prints a line per measurement, for one process. Nothing else should run on the machine meanwhile.
"""

import itertools
import time

from ibc.utils import startup

startup.import_tensorflow_quietly()

# isort: split
import machine
import numpy as np

from ibc.environments import suite
from ibc.environments.pusht import pusht
from ibc.environments.pusht import task as pusht_task

_SECONDS = 1.0


def main() -> None:
    for name, seconds in _parts().items():
        print(f"{name:42} {1e3 * seconds:8.3f} ms", flush=True)
    for images in (False, True):
        seconds = _episode(images)
        print(f"{'300 steps, two frames, ' + 'images' * images:42} {seconds:8.3f} s", flush=True)


def _parts() -> dict[str, float]:
    """Returns what a step's parts take, in seconds."""
    env, pictures = pusht.PushTEnv(render_mode="rgb_array"), pusht.PushTEnv(observation="image")
    for made in (env, pictures):
        made.reset(seed=0)
    simulator, targets = env.simulator, itertools.cycle(_targets(env, 600))
    parts = {
        "physics of 0.01 s": lambda: simulator.space.step(simulator.dt),
        "coverage": simulator._get_coverage,
        "step with key-points": lambda: env.step(next(targets)),
        "step with images": lambda: pictures.step(next(targets)),
        "picture of a video": env.render,
        "reset": lambda: env.reset(seed=0),
    }
    return {name: machine.best_seconds(part, _SECONDS) for name, part in parts.items()}


def _episode(images: bool) -> float:
    """Returns seconds for an episode as evaluation plays it, without a policy."""
    env = suite.load("PUSHT", history_length=2, use_image_obs=images)
    env.seed(0)
    env.reset()
    targets = _targets(suite.gym_env(env), pusht_task.MAX_EPISODE_STEPS)
    start = time.perf_counter()
    for target in targets:
        env.step(target)
    return time.perf_counter() - start


def _targets(env: pusht.PushTEnv, number: int) -> np.ndarray:
    """Returns positions on a circle that leads through the block, float32 [number, 2]."""
    phase = np.linspace(0, 12 * np.pi, number)
    around = 60 * np.stack([np.cos(phase), np.sin(phase)], axis=-1)
    return np.float32(env.block_pose[:2] + around)


if __name__ == "__main__":
    main()
