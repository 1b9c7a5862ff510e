"""Records demonstrations of a task's oracle in shards that any number of workers can share.

Example: 10 shards of 100 successful episodes each, with the state of the scene at the start of
each episode for replay, made by two workers.

    for worker in 0 1; do
      python environments/collect/collect_oracle.py --task=PUSH --successes_only --save_states
          --num_shards=10 --num_episodes=100 --num_workers=2 --worker_id=$worker
          --dataset_path=datasets/push/oracle_push.tfrecord &
    done; wait

What is in a shard depends on neither the workers nor their number. Shards that are there
already are left as they are, so an interrupted command is simply given again.
"""

import dataclasses
import signal
import sys
import time

import tqdm
from absl import app, flags

from ibc.data.recording import collect_options
from ibc.environments import tasks
from ibc.utils import program, startup, termination


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the command line's flags, one per field of `Options`."""
    defaults = {f.name: f.default for f in dataclasses.fields(collect_options.Options)}

    def define(kind, name: str, text: str) -> None:
        default = defaults[name]
        if default in ((), dataclasses.MISSING):
            default = None
        kind(name, default, text, flag_values=values)

    string, integer, boolean = flags.DEFINE_string, flags.DEFINE_integer, flags.DEFINE_boolean
    define(string, "task", f"Task: {', '.join(tasks.TASKS)}.")
    define(string, "policy", "Oracle: oracle (the task's own), or one by name.")
    define(integer, "num_episodes", "Number of episodes in each shard.")
    define(integer, "num_shards", "Number of shards; shard i is <dataset>_<i>.<ext>.")
    define(integer, "worker_id", "This worker makes the shards i with i % num_workers = worker_id.")
    define(integer, "num_workers", "Number of workers that share the shards.")
    define(integer, "seed", "Seed from which every episode's seed is derived.")
    define(boolean, "successes_only", "Whether to record successful episodes only.")
    define(
        boolean,
        "step_limit",
        "Whether episodes end at the task's step limit (otherwise after 1000 steps at the latest).",
    )
    define(
        boolean,
        "save_states",
        "Whether to write <dataset>.collection/shard_<i>/episode_<j>.json.zip for replay.",
    )
    define(boolean, "video", "Whether to write <dataset>.collection/shard_<i>/episode_<j>.mp4.")
    define(boolean, "use_image_obs", "Whether observations contain an image.")
    define(integer, "history_length", "Number of latest observations in each frame, stacked.")
    define(boolean, "flatten_env", "Whether observations are concatenated to one vector.")
    define(boolean, "shared_memory", "Whether to use a PyBullet shared-memory server.")
    define(string, "dataset_path", "Record file; by default where training looks for the task's.")
    define(flags.DEFINE_multi_string, "gin_file", "Gin file (repeatable).")
    define(flags.DEFINE_multi_string, "gin_bindings", "Gin binding (repeatable).")
    program.define_debug(values)
    program.list_in_help([*defaults, "debug"], values)


def options_from_flags(values: flags.FlagValues = flags.FLAGS) -> collect_options.Options:
    """Returns what the flags ask for."""
    given = {}
    for field in dataclasses.fields(collect_options.Options):
        value = values[field.name].value
        is_list = field.name in ("gin_file", "gin_bindings")
        given[field.name] = tuple(value or ()) if is_list else value
    return collect_options.Options(**given)


def collect(options: collect_options.Options) -> list[str]:
    """Checks the options, records what is missing and returns the lines of a report.

    Raises:
      ValueError, OSError: An option or a file is wrong.
    """
    collect_options.check(options)
    start = time.monotonic()
    # Only here, so that --help and wrong flags do not wait for TensorFlow.
    startup.import_tensorflow_quietly()
    from ibc.data.recording import collect_run

    missing, complete = collect_run.prepare(options)
    with tqdm.tqdm(total=len(missing) * options.num_episodes, unit="episode") as bar:
        results = collect_run.run(options, missing, bar.update)
    seconds = time.monotonic() - start
    kept = sum(result.kept for result in results)
    tried = sum(result.tried for result in results)
    frames = sum(result.frames for result in results)
    succeeded = sum(result.succeeded for result in results)
    lines = [f"{options.shard_path(shard)} was complete already" for shard in complete]
    lines += [f"Wrote {result.path}" for result in results]
    if tried:
        lines.append(f"The oracle succeeded in {succeeded} of {tried} episodes.")
    rate = f"{seconds:.1f} s, {tried / seconds:.1f} episodes/s"
    return [*lines, f"Recorded {kept} episodes ({frames} frames) in {rate}."]


def main(argv: list[str], values: flags.FlagValues = flags.FLAGS) -> None:
    """Runs the command line; any foreseeable failure is one line and a non-zero status."""
    program.reject_positional(argv)
    program.set_up_logging()
    try:
        with termination.watched(), program.plain_errors():
            lines = collect(options_from_flags(values))
        program.say("\n".join(lines))
    except (ValueError, OSError, ImportError) as error:
        program.fail(error, debug=values["debug"].value)
    except KeyboardInterrupt:
        message = "interrupted; unfinished files were removed."
        program.fail(message, status=128 + signal.SIGINT)
    except termination.Terminated:
        termination.end("terminated; finished files are kept, unfinished ones were removed.")


def run() -> None:
    """Entry point of the script."""
    define_flags()
    argv = program.without_lone_dashes(sys.argv)
    app.run(main, argv=argv, flags_parser=program.parse_flags)


if __name__ == "__main__":
    run()
