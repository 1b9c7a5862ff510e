"""Runs a policy in a task's environment, measures it and, on request, records it.

Example: 2,000 oracle episodes of the particle task in ten processes.

    python data/policy_eval.py --task=PARTICLE --policy=oracle --num_episodes=200 --replicas=10
        --dataset_path=/tmp/particle/2d_oracle_particle.tfrecord
        --gin_bindings="ParticleEnv.n_dim=2"
"""

import dataclasses
import signal
import sys
import time

import tqdm
from absl import app, flags

from ibc.data.recording import policy_eval_options, policy_eval_replicas, policy_eval_report
from ibc.environments import tasks
from ibc.utils import program, startup, termination


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the command line's flags, one per field of `Options`."""
    defaults = {f.name: f.default for f in dataclasses.fields(policy_eval_options.Options)}

    def define(kind, name: str, text: str) -> None:
        default = defaults[name]
        if default in ((), dataclasses.MISSING):
            default = None
        kind(name, default, text, flag_values=values)

    string, integer, boolean = flags.DEFINE_string, flags.DEFINE_integer, flags.DEFINE_boolean
    define(string, "task", f"Task: {', '.join(tasks.TASKS)}.")
    define(string, "policy", f"Policy: random, oracle (the task's own), {_oracles()}.")
    define(string, "saved_model_path", "Folder of an exported policy to run instead.")
    define(string, "checkpoint_path", "Folder of weights to load into the exported policy.")
    define(integer, "num_episodes", "Number of episodes (of each replica).")
    define(integer, "seed", "Seed from which every episode's seed is derived.")
    define(integer, "history_length", "Number of latest observations the policy sees, stacked.")
    define(boolean, "use_image_obs", "Whether observations contain an image.")
    define(boolean, "flatten_env", "Whether observations are concatenated to one vector.")
    define(boolean, "shared_memory", "Whether to use a PyBullet shared-memory server.")
    define(string, "dataset_path", "Record file to write the episodes to.")
    define(integer, "replicas", "Number of processes; replica i writes <dataset>_<i>.<ext>.")
    define(string, "output_path", "Folder of videos and pictures.")
    define(boolean, "video", "Whether to write a video.")
    define(boolean, "viz_img", "Whether to write a picture of every episode.")
    define(flags.DEFINE_multi_string, "gin_file", "Gin file (repeatable).")
    define(flags.DEFINE_multi_string, "gin_bindings", "Gin binding (repeatable).")
    program.define_debug(values)
    program.list_in_help([*defaults, "debug"], values)


def options_from_flags(values: flags.FlagValues = flags.FLAGS) -> policy_eval_options.Options:
    """Returns what the flags ask for."""
    given = {}
    for field in dataclasses.fields(policy_eval_options.Options):
        value = values[field.name].value
        is_list = field.name in ("gin_file", "gin_bindings")
        given[field.name] = tuple(value or ()) if is_list else value
    return policy_eval_options.Options(**given)


def evaluate(options: policy_eval_options.Options) -> list[policy_eval_report.Result]:
    """Checks the options, runs the policy and returns one result per replica.

    Raises:
      ValueError, OSError: An option or a file is wrong.
      ReplicaError: A replica failed.
    """
    policy_eval_options.check(options)
    replicas = options.replicas or 1
    with tqdm.tqdm(total=replicas * options.num_episodes, unit="episode") as bar:
        if options.replicas is not None:
            return policy_eval_replicas.run(options, bar.update)
        # Only here, so that --help and replicas' parent do not wait for TensorFlow.
        startup.import_tensorflow_quietly()
        from ibc.data.recording import policy_eval_run

        return [policy_eval_run.run(options, on_episode=bar.update)]


def main(argv: list[str], values: flags.FlagValues = flags.FLAGS) -> None:
    """Runs the command line; any foreseeable failure is one line and a non-zero status."""
    program.reject_positional(argv)
    program.set_up_logging()
    start = time.monotonic()
    try:
        with termination.watched(), program.plain_errors():
            results = evaluate(options_from_flags(values))
        program.say(policy_eval_report.report(results, time.monotonic() - start))
    except (ValueError, OSError, ImportError, policy_eval_replicas.ReplicaError) as error:
        program.fail(error, debug=values["debug"].value)
    except KeyboardInterrupt:
        message = "interrupted; unfinished files were removed."
        program.fail(message, status=128 + signal.SIGINT)
    except termination.Terminated:
        termination.end("terminated; finished files are kept, unfinished ones were removed.")


def run() -> None:
    """Entry point of the console script."""
    define_flags()
    argv = program.without_lone_dashes(sys.argv)
    app.run(main, argv=argv, flags_parser=program.parse_flags)


def _oracles() -> str:
    names = (name for task in tasks.TASKS.values() for name in task.oracles)
    return ", ".join(dict.fromkeys(names))


if __name__ == "__main__":
    run()
