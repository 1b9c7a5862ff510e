"""How fast oracle demonstrations are recorded, and how much of it is physics.

    python benchmarks/data_generation.py [--task=PUSH] [--num_episodes=200] [--use_image_obs]

Records episodes in one process as `data/policy_eval.py` does, and measures the time spent inside
PyBullet: steps of physics, inverse kinematics, drawing. The bound is the rate at which the same
calls to PyBullet alone would be made.
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
_USE_IMAGE_OBS = flags.DEFINE_bool("use_image_obs", False, "Record a picture of each step.")
_FUNCTIONS_SHOWN = 3


def main(_) -> None:
    with tempfile.TemporaryDirectory() as folder, physics_time.TimedClient() as pybullet:
        # The seconds of the environment's construction are not part of a rate.
        first = _NUM_EPISODES.value
        marks = []
        options = recording_options.EvaluationOptions(
            task=_TASK.value,
            policy="oracle",
            num_episodes=first + 1,
            use_image_obs=_USE_IMAGE_OBS.value,
            dataset_path=os.path.join(folder, "oracle.tfrecord"),
        )
        result = recorder.run(
            options, on_episode=lambda: marks.append((time.perf_counter(), pybullet.of.copy()))
        )
    seconds = marks[-1][0] - marks[0][0]
    inside = marks[-1][1] - marks[0][1]
    physics = inside.total()
    episodes = len(marks) - 1
    steps = result.metrics["AverageEpisodeLength"]
    print(f"{_TASK.value}: {episodes} oracle episodes of {steps:.1f} steps")
    print(f"  {episodes / seconds:6.2f} episodes/s in one process")
    print(f"  {episodes / physics:6.2f} episodes/s if there were nothing but PyBullet")
    print(f"  {physics / seconds:6.1%} of the time is spent in PyBullet")
    for name, spent in inside.most_common(_FUNCTIONS_SHOWN):
        print(f"  {spent / seconds:6.1%} in {name}, {1e3 * spent / episodes / steps:.2f} ms a step")


if __name__ == "__main__":
    app.run(main)
