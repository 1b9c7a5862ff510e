"""The training loop: steps, and what is due between them."""

import pathlib
from collections.abc import Callable

import tensorflow as tf
from absl import logging
from tf_agents.agents import tf_agent

from ibc.data.windows import dataset
from ibc.eval import evaluation, rollouts
from ibc.train.loop import learner as learner_lib
from ibc.train.loop import schedule
from ibc.train.run import memory, run_folder
from ibc.utils import scalars, termination


def train(
    learner: learner_lib.BehavioralCloningLearner,
    folder: pathlib.Path | None,
    num_iterations: int,
    pauses: schedule.Pauses,
    evaluator: evaluation.Evaluation | None,
    validate: Callable[[], float] | None,
) -> dict[str, dict[str, float]]:
    """Trains to `num_iterations`, stopping wherever something is due.

    Args:
      learner: makes the training steps.
      folder: run folder; None where another machine writes.
      num_iterations: training steps in all.
      pauses: steps between what is done besides training.
      evaluator: evaluates, if there is evaluation.
      validate: computes the validation loss, if there is one.

    Returns:
      Task → metric → average at the last evaluation; empty without one.

    Raises:
      divergence.NotFiniteError: the loss became infinite or NaN.
      Terminated: SIGTERM has arrived.
    """
    step = int(learner.train_step_numpy)
    if step:
        logging.info("Going on from the checkpoint at step %d of %d.", step, num_iterations)
    learner.resume_schedule(pauses)
    if step and step < num_iterations and schedule.is_due(step, pauses.evaluation):
        # The run may have been stopped between the checkpoint and the end of the evaluation.
        if evaluator and not evaluator.is_done():
            _evaluated(evaluator)
    config_written = folder is None
    while step < num_iterations:
        stop = schedule.next_stop(step, num_iterations, pauses)
        with termination.deferred():
            step = learner.train_until(stop)
            if validate and schedule.is_due(step, pauses.validation):
                validate()
        if not config_written:
            # Only now has everything been called that takes parameters.
            run_folder.write_operative_config(folder)
            config_written = True
        learner.save_due()
        if evaluator and schedule.is_due(step, pauses.evaluation) and step < num_iterations:
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


def what_is_saved(learner: learner_lib.BehavioralCloningLearner, folder: pathlib.Path) -> str:
    """Saves a checkpoint if training has got any further; says how to go on."""
    step = learner.save_checkpoint()
    if not step:
        return "terminated before the first training step; the same command starts again."
    return (
        f"terminated at training step {step}, whose checkpoint is saved in {folder}; the same "
        "command goes on from it."
    )


def validation_loss(
    agent: tf_agent.TFAgent,
    windows: dataset.WindowDataset,
    batch_size: int,
    seed: int,
    writer: tf.summary.SummaryWriter,
    train_step: tf.Variable,
) -> Callable[[], float]:
    """Returns a function that computes the agent's loss on a batch of validation windows.

    It writes the losses under `Eval_Losses/` and returns the total.

    Args:
      agent: the agent in training.
      windows: normalized validation windows.
      batch_size: windows per batch; fewer where there are not so many.
      seed: decides which windows a step sees.
      writer: where the losses go.
      train_step: scalar int64.
    """
    batch_size = min(batch_size, windows.num_windows)

    @tf.function
    def compute(step: tf.Tensor) -> tf_agent.LossInfo:
        experience, _ = windows.batch_at(step, batch_size, seed)
        return agent.loss(experience, training=False)

    def validate() -> float:
        info = compute(train_step)
        losses = {name: float(value) for name, value in info.extra.items()}
        scalars.write(writer, int(train_step.numpy()), losses, prefix="Eval_Losses/")
        return float(info.loss)

    return validate
