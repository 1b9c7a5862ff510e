"""What acting fast costs: one run's weights under several settings of its policy.

    python benchmarks/inference.py --run=runs/quickstart/particle \
      --variant="" \
      --variant="iterative_dfo.num_iterations = 2" \
      --variant="iterative_dfo.num_iterations = 2; IbcPolicy.warm_start_fraction = 0.5"

Every variant is a list of gin bindings, separated by semicolons, on top of the run's own. Prints,
as Markdown, the success in episodes with the seeds 0, 1, … and the median time of one action at
batch 1, on the observations of one of these episodes.
"""

import ast
import dataclasses
import functools
import pathlib
import time
from collections.abc import Callable, Sequence

from ibc.utils import startup

startup.import_tensorflow_quietly()

# isort: split
import gin
import numpy as np
import tensorflow as tf
from absl import app, flags
from tf_agents.environments import py_environment
from tf_agents.specs import array_spec
from tf_agents.train.utils import train_utils
from tf_agents.trajectories import time_step as ts
from tf_agents.utils import nest_utils

from ibc.environments import suite, tasks
from ibc.eval import environment_group, measured_environment, rollouts, seeded_policy
from ibc.train import config_files, run_config
from ibc.train.build import agent_specs, build_agent, training_data

_RUN = flags.DEFINE_string("run", None, "Folder of a training run.", required=True)
_VARIANT = flags.DEFINE_multi_string("variant", [""], "Bindings, separated by semicolons.")
_NUM_EPISODES = flags.DEFINE_integer("num_episodes", 100, "Evaluation episodes.")
_NUM_ENVS = flags.DEFINE_integer("num_envs", 20, "Environments side by side.")

_ROUNDS = 10
_TIMED_STEPS = 30

_DEFAULTS = {field.name: field.default for field in dataclasses.fields(run_config.RunConfig)}


@dataclasses.dataclass(frozen=True)
class Restored:
    """A run's policy and what it is evaluated in."""

    act: rollouts.ActFn
    """The policy with the run's newest weights."""
    load_environment: Callable[[], py_environment.PyEnvironment]
    """Makes an evaluation environment as the run's."""


def restore(run: pathlib.Path, variant: str) -> Restored:
    """Builds a run's policy under bindings on top of the run's, separated by semicolons."""
    gin.clear_config()
    bindings_file = run / "train" / "gin-bindings.txt"
    lines = bindings_file.read_text(encoding="utf-8").splitlines()
    (task_line,) = (line for line in lines if line.startswith("task = "))
    task = ast.literal_eval(task_line.partition(" = ")[2])[0]
    bindings = [binding for binding in variant.split(";") if binding.strip()]
    config_files.configure([task], [str(bindings_file)], bindings)
    of_run = {**_DEFAULTS, **gin.get_bindings("train_eval")}
    environment = suite.load(task)
    load_environment = functools.partial(
        measured_environment.load,
        task,
        of_run["sequence_length"],
        goal_tolerance=of_run["goal_tolerance"],
    )
    data = training_data.get_data(
        of_run["dataset_path"] or tasks.get_task(task).dataset_glob(),
        of_run["sequence_length"],
        {task: (environment.observation_spec(), environment.action_spec())},
    )
    agent = build_agent.build_agent(
        *agent_specs.of_environment(load_environment()),
        of_run["loss_type"],
        of_run["network"],
        data.normalizers,
        of_run["uniform_boundary_buffer"],
        tf.keras.optimizers.legacy.Adam(),
        train_utils.create_train_step(),
        seed=0,
    )
    newest = tf.train.latest_checkpoint(run / "train" / "checkpoints")
    tf.train.Checkpoint(agent=agent).restore(newest).expect_partial()
    return Restored(seeded_policy.greedy_act_fn(agent.policy), load_environment)


def success(restored: Restored) -> float:
    """Returns the rate of successful episodes."""
    environments = [restored.load_environment() for _ in range(_NUM_ENVS.value)]
    group = environment_group.LocalGroup(environments)
    outcomes = rollouts.run_episodes(group, restored.act, range(_NUM_EPISODES.value))
    rate = float(np.mean([outcome.metrics["AverageSuccessMetric"] for outcome in outcomes]))
    group.close()
    return rate


def median_milliseconds(
    policies: Sequence[Restored], time_steps: Sequence[ts.TimeStep]
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
        restored = restore(pathlib.Path(_RUN.value), variant)
        policies.append(restored)
        rates.append(success(restored))
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
