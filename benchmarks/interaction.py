"""What a step of interaction costs besides its update, on one core.

    python benchmarks/interaction.py

SAC with the published sizes (batches of 256, two hidden layers of 256) on HalfCheetah: whole steps
of the loop, with environment, replay and choice of action, against the compiled call alone.
"""

import os

os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = "1"

from ibc.utils import startup

startup.import_tensorflow_quietly()

# isort: split
import time

import numpy as np
from absl import app, flags
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts

from ibc.agents import sac_agent
from ibc.networks import tanh_gaussian, twin_critic
from ibc.online import interaction_env, learner, loop, replay
from ibc.rewards import learned_reward, true_reward

_ROWS, _ROUNDS, _UPDATES = 256, 6, 100
_TASK = flags.DEFINE_string("task", "halfcheetah", "The task.")
_QUICK = flags.DEFINE_bool("quick", False, "Measure for a moment only, to see that all runs.")


class _Timer(loop.Watcher):
    """Takes the time of several updates, again and again, with the compiled call alone between."""

    def __init__(self, call, updates: int):
        self.best = {"whole steps": 0.0, "compiled call alone": 0.0}
        self._call, self._updates = call, updates
        self._start: float | None = None

    def updated(self, step, scalars):
        """Notes what the updates since before took."""
        del step, scalars
        if self._start is not None:
            self._note("whole steps")
            for number in range(self._updates):
                self._call(number)
            self._note("compiled call alone")
        self._start = time.process_time()

    def _note(self, name: str) -> None:
        now = time.process_time()
        self.best[name] = max(self.best[name], self._updates / (now - self._start))
        self._start = now


def main(argv: list[str]) -> None:
    """Prints both per second of processor time, and their ratio."""
    del argv
    env = interaction_env.load(_TASK.value)
    sizes = env.observation_size + 1, env.action_size
    spec = ts.time_step_spec(tensor_spec.TensorSpec(sizes[:1], "float32"))
    actions = tensor_spec.BoundedTensorSpec(sizes[1:], "float32", -1, 1)
    critics = [twin_critic.TwinCritic(*sizes, seed=seed) for seed in (0, 1)]
    actor = tanh_gaussian.TanhGaussian(*sizes, seed=0)
    agent = sac_agent.AbsorbingSacAgent(spec, actions, actor, *critics)
    layout = replay.Layout(*sizes)
    trained = learner.Learner(agent, true_reward.TrueReward(), layout)
    updates, rounds = (2, 2) if _QUICK.value else (_UPDATES, _ROUNDS)
    steps = _ROWS + updates * (rounds + 1)
    memory = replay.Replay(layout, steps)
    schedule = loop.Schedule(steps, _ROWS, 1, _ROWS, logging_interval=updates)

    def call(number: int) -> None:
        rows = memory.rows[:_ROWS]
        seen = np.zeros(sizes[0], np.float32)
        trained.step(rows, rows, learned_reward.Progress(1, 1), seen, (1, number))

    timer = _Timer(call, updates)
    loop.Loop(env, trained, memory, schedule).run(timer)
    for name, rate in timer.best.items():
        print(f"{name:20} {rate:7.0f} per processor second")
    print(f"ratio {timer.best['whole steps'] / timer.best['compiled call alone']:.2f}")


if __name__ == "__main__":
    app.run(main)
