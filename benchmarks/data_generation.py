"""How fast oracle demonstrations are recorded, and how much of it is physics.

    python benchmarks/data_generation.py [--task=PUSH] [--num_episodes=200]

Records episodes in one process as `data/policy_eval.py` does, and measures the time spent inside
PyBullet. The physics bound is the rate at which the same calls to PyBullet alone would be made.
"""

import os
import tempfile
import time

from absl import app, flags

from ibc.utils import startup

startup.import_tensorflow_quietly()

# isort: split
from ibc.data import policy_eval_options, policy_eval_run
from ibc.environments.block_pushing import bullet

_TASK = flags.DEFINE_string("task", "PUSH", "A block task.")
_NUM_EPISODES = flags.DEFINE_integer("num_episodes", 200, "Number of episodes.")


class TimedClient:
    """Makes every connection to PyBullet count the time spent in it."""

    def __init__(self):
        self.seconds = 0.0
        self._lookup = bullet.Client.__getattr__

    def __enter__(self) -> "TimedClient":
        lookup = self._lookup

        def timed_lookup(client, name):
            function = lookup(client, name)
            if not callable(function):
                return function

            def timed(*args, **kwargs):
                start = time.perf_counter()
                try:
                    return function(*args, **kwargs)
                finally:
                    self.seconds += time.perf_counter() - start

            client.__dict__[name] = timed
            return timed

        bullet.Client.__getattr__ = timed_lookup
        return self

    def __exit__(self, *_) -> None:
        bullet.Client.__getattr__ = self._lookup


def main(_) -> None:
    with tempfile.TemporaryDirectory() as folder, TimedClient() as pybullet:
        # The seconds of the environment's construction are not part of a rate.
        first = _NUM_EPISODES.value
        marks = []
        options = policy_eval_options.Options(
            task=_TASK.value,
            policy="oracle",
            num_episodes=first + 1,
            dataset_path=os.path.join(folder, "oracle.tfrecord"),
        )
        result = policy_eval_run.run(
            options, on_episode=lambda: marks.append((time.perf_counter(), pybullet.seconds))
        )
    seconds = marks[-1][0] - marks[0][0]
    physics = marks[-1][1] - marks[0][1]
    episodes = len(marks) - 1
    steps = result.metrics["AverageEpisodeLength"]
    print(f"{_TASK.value}: {episodes} oracle episodes of {steps:.1f} steps")
    print(f"  {episodes / seconds:6.2f} episodes/s in one process")
    print(f"  {episodes / physics:6.2f} episodes/s if there were nothing but physics")
    print(f"  {physics / seconds:6.1%} of the time is spent in PyBullet")


if __name__ == "__main__":
    app.run(main)
