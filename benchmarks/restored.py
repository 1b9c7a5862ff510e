"""A run's policy, built anew under other bindings, with its weights."""

import ast
import dataclasses
import functools
import pathlib
from collections.abc import Callable

import gin
import tensorflow as tf
from tf_agents.environments import py_environment
from tf_agents.train.utils import train_utils

from ibc.environments import suite, tasks
from ibc.eval import environment_group, measured_environment, rollouts, seeded_policy
from ibc.train import config_files, run_config
from ibc.train.build import agent_specs, build_agent, training_data

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


def successes(restored: Restored, num_episodes: int, num_envs: int) -> list[float]:
    """Returns whether each of the episodes with the seeds 0, 1, … is a success, 1 or 0."""
    group = environment_group.LocalGroup([restored.load_environment() for _ in range(num_envs)])
    outcomes = rollouts.run_episodes(group, restored.act, range(num_episodes))
    group.close()
    return [float(outcome.metrics["AverageSuccessMetric"]) for outcome in outcomes]
