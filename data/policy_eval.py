"""Runs a policy in a task's environment, measures it and, on request, records it.

Example: 2,000 oracle episodes of the particle task in ten processes.

    python data/policy_eval.py --task=PARTICLE --policy=oracle --num_episodes=200 --replicas=10
        --dataset_path=/tmp/particle/2d_oracle_particle.tfrecord
        --gin_bindings="ParticleEnv.n_dim=2"

A recording that was interrupted is continued by the same command.
"""

import pathlib
import time
from collections.abc import Iterable

from absl import flags

from ibc.data.recording import journal, replicas
from ibc.data.recording import options as recording_options
from ibc.runtime import folders
from ibc.utils import bars, program, startup


def define_flags(values: flags.FlagValues = flags.FLAGS) -> list[str]:
    """Defines the command line's flags; returns their names."""
    program.define_debug(values)
    return [*recording_options.EvaluationOptions.define_flags(values), "debug"]


def evaluate(options: recording_options.EvaluationOptions) -> list[journal.Result]:
    """Checks the options, runs the policy and returns one result per replica.

    Raises:
      ValueError, OSError: An option or a file is wrong.
      ReplicaError: A replica failed.
    """
    options.check()
    what = "recording" if options.dataset_path else "evaluating"
    with bars.bar((options.replicas or 1) * options.num_episodes, "episode", what) as advance:
        if options.replicas is not None:
            return replicas.run(options, advance)
        # Only here, so that --help and replicas' parent do not wait for TensorFlow.
        startup.import_tensorflow_quietly()
        from ibc.data.recording import recorder

        return [recorder.run(options, on_episode=advance)]


def draw_energy(options: recording_options.EvaluationOptions) -> Iterable[pathlib.Path]:
    """Draws the energy of an exported policy along an episode; yields the files.

    Raises:
      ValueError: The policy has none.
    """
    startup.import_tensorflow_quietly()
    from ibc.landscape import source
    from ibc.pictures import files

    folder = folders.find(options.saved_model_path)
    with source.open_source(folder, options.task, None, options.first_seed) as found:
        path = pathlib.Path(options.output_path, f"energy_{found.stem}.mp4")
        yield from files.write_energy(list(found.moments()), found.title, path, found.fps)


def main(argv: list[str], values: flags.FlagValues = flags.FLAGS) -> None:
    """Runs the command line; any foreseeable failure is one line and a non-zero status."""
    program.reject_positional(argv)
    program.set_up_logging()
    start = time.monotonic()
    with program.one_line_errors(
        values["debug"].value,
        interrupted=f"interrupted; {journal.GO_ON}",
        terminated=f"terminated; {journal.GO_ON}",
        memory_advice="use fewer replicas, or a shorter history.",
    ):
        options = recording_options.EvaluationOptions.from_flags(values)
        results = evaluate(options)
        program.say(journal.report(results, time.monotonic() - start))
        if options.viz_energy:
            for path in draw_energy(options):
                program.say(f"Wrote {path}")


def run() -> None:
    """Entry point of the program."""
    program.run(main, define_flags())


if __name__ == "__main__":
    run()
