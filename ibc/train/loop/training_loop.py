"""The training loop: steps, and what is due between them."""

import pathlib
from collections.abc import Callable, Sequence

from absl import logging

from ibc.eval import evaluation, rollouts
from ibc.train.loop import get_learner, intervals
from ibc.train.run import memory, run_folder
from ibc.utils import termination


def train(
    learner: get_learner.BehavioralCloningLearner,
    folder: pathlib.Path | None,
    num_iterations: int,
    pauses: Sequence[int],
    evaluator: evaluation.Evaluation | None,
    validate: Callable[[], float] | None,
) -> dict[str, dict[str, float]]:
    """Trains to `num_iterations`, stopping wherever something is due.

    Args:
      learner: makes the training steps.
      folder: run folder; None where another machine writes.
      num_iterations: training steps in all.
      pauses: steps between looks at what is due, evaluations and validations; 0 for none.
      evaluator: evaluates, if there is evaluation.
      validate: computes the validation loss, if there is one.

    Returns:
      Task → metric → average at the last evaluation; empty without one.

    Raises:
      divergence.NotFiniteError: the loss became infinite or NaN.
      Terminated: SIGTERM has arrived.
    """
    _, eval_interval, eval_loss_interval = pauses
    step = int(learner.train_step_numpy)
    if step:
        logging.info("Going on from the checkpoint at step %d of %d.", step, num_iterations)
    learner.go_on(pauses)
    if step and step < num_iterations and intervals.is_due(step, eval_interval):
        # The run may have been stopped between the checkpoint and the end of the evaluation.
        if evaluator and not evaluator.is_done():
            _evaluated(evaluator)
    config_written = folder is None
    while step < num_iterations:
        stop = intervals.next_stop(step, num_iterations, pauses)
        with termination.deferred():
            step = learner.train_until(stop)
            if validate and intervals.is_due(step, eval_loss_interval):
                validate()
        if not config_written:
            # Only now has everything been called that takes parameters.
            run_folder.write_operative_config(folder)
            config_written = True
        learner.save_due()
        if evaluator and intervals.is_due(step, eval_interval) and step < num_iterations:
            _evaluated(evaluator)
    learner.finish()
    results = _evaluated(evaluator) if evaluator else {}
    if folder:
        run_folder.write_operative_config(folder)
    learner.wait_for_all()
    logging.info("Peak memory of this process: %.0f MB.", memory.peak_mb())
    return results


def _evaluated(evaluator: evaluation.Evaluation) -> dict[str, dict[str, float]]:
    try:
        return evaluator.run()
    except Exception:
        # A signal to the group of processes ends workers and encoders too.
        _end_if_requested()
        raise


def ended_by_signals(act: rollouts.ActFn) -> rollouts.ActFn:
    """Looks for SIGTERM and Ctrl-C before every action, in case the exception was lost."""

    def checked(*arguments):
        _end_if_requested()
        return act(*arguments)

    return checked


def _end_if_requested() -> None:
    """Ends an evaluation; in a cluster without asking the machines that wait for it."""
    if termination.requested():
        termination.request()
    termination.check()


def what_is_saved(learner: get_learner.BehavioralCloningLearner, folder: pathlib.Path) -> str:
    """Saves a checkpoint if training has got any further; says how to go on."""
    step = learner.save_checkpoint()
    if not step:
        return "terminated before the first training step; the same command starts again."
    return (
        f"terminated at training step {step}, whose checkpoint is saved in {folder}; the same "
        "command goes on from it."
    )
