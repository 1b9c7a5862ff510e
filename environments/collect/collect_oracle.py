"""Records demonstrations of a task's oracle in shards that any number of workers can share.

Example: 10 shards of 100 successful episodes each, with the state of the scene at the start of
each episode for replay, made by two workers.

    for worker in 0 1; do
      python environments/collect/collect_oracle.py --task=PUSH --successes_only --save_states
          --num_shards=10 --num_episodes=100 --num_workers=2 --worker_id=$worker
          --dataset_path=datasets/push/oracle_push.tfrecord &
    done; wait

What is in a shard depends on neither the workers nor their number. Shards that are there
already are left as they are, and an unfinished one is continued after its last whole episode, so
an interrupted command is simply given again.
"""

import time

from absl import flags

from ibc.data.recording import journal
from ibc.data.recording import options as recording_options
from ibc.utils import bars, program, startup


def define_flags(values: flags.FlagValues = flags.FLAGS) -> list[str]:
    """Defines the command line's flags; returns their names."""
    program.define_debug(values)
    return [*recording_options.CollectionOptions.define_flags(values), "debug"]


def collect(options: recording_options.CollectionOptions) -> list[str]:
    """Checks the options, records what is missing and returns the lines of a report.

    Raises:
      ValueError, OSError: An option or a file is wrong.
    """
    options.check()
    start = time.monotonic()
    # Only here, so that --help and wrong flags do not wait for TensorFlow.
    startup.import_tensorflow_quietly()
    from ibc.data.recording import collection

    missing, complete = collection.prepare(options)
    with bars.bar(len(missing) * options.num_episodes, "episode", "recording") as advance:
        results = collection.run(options, missing, advance)
    seconds = time.monotonic() - start
    kept = sum(result.num_episodes for result in results)
    tried = sum(result.tried for result in results)
    frames = sum(result.num_frames for result in results)
    succeeded = sum(result.succeeded for result in results)
    lines = [f"{options.shard_path(shard)} was complete already" for shard in complete]
    lines += [f"Wrote {path}" for result in results for path in result.written]
    if tried:
        lines.append(f"The oracle succeeded in {succeeded} of {tried} episodes.")
    rate = f"{seconds:.1f} s, {tried / seconds:.1f} episodes/s"
    return [*lines, f"Recorded {kept} episodes ({frames} frames) in {rate}."]


def main(argv: list[str], values: flags.FlagValues = flags.FLAGS) -> None:
    """Runs the command line; any foreseeable failure is one line and a non-zero status."""
    program.reject_positional(argv)
    program.set_up_logging()
    with program.one_line_errors(
        values["debug"].value,
        interrupted=f"interrupted; {journal.GO_ON}",
        terminated=f"terminated; {journal.GO_ON}",
        memory_advice="use fewer workers at a time, or a shorter history.",
    ):
        lines = collect(recording_options.CollectionOptions.from_flags(values))
        program.say("\n".join(lines))


def run() -> None:
    """Entry point of the program."""
    program.run(main, define_flags())


if __name__ == "__main__":
    run()
