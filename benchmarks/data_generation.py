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
import physics_time

from ibc.data.recording import options as recording_options
from ibc.data.recording import recorder

_TASK = flags.DEFINE_string("task", "PUSH", "A block task.")
_NUM_EPISODES = flags.DEFINE_integer("num_episodes", 200, "Number of episodes.")


def main(_) -> None:
    with tempfile.TemporaryDirectory() as folder, physics_time.TimedClient() as pybullet:
        # The seconds of the environment's construction are not part of a rate.
        first = _NUM_EPISODES.value
        marks = []
        options = recording_options.EvaluationOptions(
            task=_TASK.value,
            policy="oracle",
            num_episodes=first + 1,
            dataset_path=os.path.join(folder, "oracle.tfrecord"),
        )
        result = recorder.run(
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
