"""What acting fast costs: one run's weights under several settings of its policy.

    python benchmarks/inference.py --run=runs/quickstart/particle \
      --variant="" \
      --variant="iterative_dfo.num_iterations = 2" \
      --variant="iterative_dfo.num_iterations = 2; IbcPolicy.warm_start_fraction = 0.5"

Every variant is a list of gin bindings, separated by semicolons, on top of the run's own. Prints,
as Markdown, the success in episodes with the seeds 0, 1, … and the median time of one action at
batch 1, on the observations of one of these episodes.
"""

import pathlib
import time
from collections.abc import Sequence

from ibc.utils import startup

startup.import_tensorflow_quietly()

# isort: split
import numpy as np
import restored as restored_lib
from absl import app, flags
from tf_agents.environments import py_environment
from tf_agents.specs import array_spec
from tf_agents.trajectories import time_step as ts
from tf_agents.utils import nest_utils

_RUN = flags.DEFINE_string("run", None, "Folder of a training run.", required=True)
_VARIANT = flags.DEFINE_multi_string("variant", [""], "Bindings, separated by semicolons.")
_NUM_EPISODES = flags.DEFINE_integer("num_episodes", 100, "Evaluation episodes.")
_NUM_ENVS = flags.DEFINE_integer("num_envs", 20, "Environments side by side.")

_ROUNDS = 10
_TIMED_STEPS = 30


def median_milliseconds(
    policies: Sequence[restored_lib.Restored], time_steps: Sequence[ts.TimeStep]
) -> list[float]:
    """Returns the median times of actions.

    The policies take turns, so that whatever else the machine does slows all of them.
    """
    times = [[] for _ in policies]
    for _ in range(_ROUNDS):
        for restored, own in zip(policies, times, strict=True):
            for time_step in time_steps:
                start = time.perf_counter()
                restored.act(time_step, np.zeros([1, 2], np.int32))
                own.append(time.perf_counter() - start)
    return [1e3 * float(np.median(own)) for own in times]


def first_time_steps(environment: py_environment.PyEnvironment) -> list[ts.TimeStep]:
    """Returns the first time steps of an episode of random actions, each with a leading [1]."""
    environment.seed(0)
    rng = np.random.RandomState(0)
    spec = environment.action_spec()
    time_steps = [environment.reset()]
    while len(time_steps) < _TIMED_STEPS:
        time_steps.append(environment.step(array_spec.sample_spec_nest(spec, rng)))
    return [nest_utils.batch_nested_array(time_step) for time_step in time_steps]


def main(_) -> None:
    policies, rates = [], []
    for variant in _VARIANT.value:
        restored = restored_lib.restore(pathlib.Path(_RUN.value), variant)
        policies.append(restored)
        found = restored_lib.successes(restored, _NUM_EPISODES.value, _NUM_ENVS.value)
        rates.append(np.mean(found))
        time_steps = first_time_steps(restored.load_environment())
        # What gin binds is read when the function is traced, here.
        restored.act(time_steps[0], np.zeros([1, 2], np.int32))
    print(
        f"| bindings | success in {_NUM_EPISODES.value} episodes | ms per action |\n|---|---|---|"
    )
    milliseconds = median_milliseconds(policies, time_steps)
    for variant, rate, time_taken in zip(_VARIANT.value, rates, milliseconds, strict=True):
        print(f"| {variant or 'as trained'} | {rate:.2f} | {time_taken:.2f} |")


if __name__ == "__main__":
    app.run(main)
