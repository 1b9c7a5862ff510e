"""What a step and a picture of the control suite's and Meta-World's tasks take.

    python benchmarks/mujoco_pictures.py [--side=84] [--pictures=200]

Prints for each task the processor time of two control steps, and of a picture, drawing process and
all: without shadows and reflections, and with them, as the suite draws by itself. Processor time is
lengthened less than the clock's by other work on the machine.
"""

import time
from collections.abc import Callable

import gymnasium
import numpy as np
import psutil
from absl import app, flags

from ibc.environments import tasks

_SIDE = flags.DEFINE_integer("side", 64, "Pixels of a picture's side.", lower_bound=1)
_PICTURES = flags.DEFINE_integer("pictures", 200, "Pictures that are drawn.", lower_bound=1)

_TASKS = ("REACHER_EASY", "REACHER_HARD", "WALKER_RUN", "CARTPOLE_SWINGUP", "BUTTON_PRESS")


def main(argv: list[str]) -> None:
    del argv
    for name in _TASKS:
        times = [_times(name, effects) for effects in (False, True)]
        (step, plain), (_, with_effects) = times
        print(
            f"{name:16} steps {step:5.2f} ms, picture {plain:5.2f} ms, "
            f"with shadows and reflections {with_effects:5.2f} ms",
            flush=True,
        )


def _times(name: str, effects: bool) -> tuple[float, float]:
    """Returns milliseconds of two control steps, and of a picture."""
    task = tasks.get_task(name)
    task.register()
    env = gymnasium.make(
        task.env_id, effects=effects, action_repeat=2, disable_env_checker=True
    ).unwrapped
    env.reset(seed=0)
    env.picture(_SIDE.value, _SIDE.value)
    of_steps = _milliseconds(env, lambda: None)
    of_both = _milliseconds(env, lambda: env.picture(_SIDE.value, _SIDE.value))
    env.close()
    return of_steps, of_both - of_steps


def _milliseconds(env: gymnasium.Env, after_a_step: Callable[[], object]) -> float:
    """Returns what a step takes with what comes after it."""
    random, start = np.random.default_rng(0), _processor_seconds()
    env.reset(seed=0)
    for _ in range(_PICTURES.value):
        is_over = env.step(random.uniform(-1, 1, env.action_space.shape))[3]
        after_a_step()
        if is_over:
            env.reset()
    return 1000 * (_processor_seconds() - start) / _PICTURES.value


def _processor_seconds() -> float:
    """Of this process and of those it has started."""
    others = (child.cpu_times() for child in psutil.Process().children())
    return time.process_time() + sum(each.user + each.system for each in others)


if __name__ == "__main__":
    app.run(main)
