"""Runs a policy in a task's environment, measures it and, on request, records it.

Example: 2,000 oracle episodes of the particle task in ten processes.

    python data/policy_eval.py --task=PARTICLE --policy=oracle --num_episodes=200 --replicas=10
        --dataset_path=/tmp/particle/2d_oracle_particle.tfrecord
        --gin_bindings="ParticleEnv.n_dim=2"

A recording that was interrupted is continued by the same command.
"""

import time

import tqdm
from absl import flags

from ibc.data.recording import journal, replicas
from ibc.data.recording import options as recording_options
from ibc.utils import program, startup


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
    with tqdm.tqdm(total=(options.replicas or 1) * options.num_episodes, unit="episode") as bar:
        if options.replicas is not None:
            return replicas.run(options, bar.update)
        # Only here, so that --help and replicas' parent do not wait for TensorFlow.
        startup.import_tensorflow_quietly()
        from ibc.data.recording import recorder

        return [recorder.run(options, on_episode=bar.update)]


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
        results = evaluate(recording_options.EvaluationOptions.from_flags(values))
        program.say(journal.report(results, time.monotonic() - start))


def run() -> None:
    """Entry point of the program."""
    program.run(main, define_flags())


if __name__ == "__main__":
    run()
