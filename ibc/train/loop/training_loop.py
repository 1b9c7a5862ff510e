"""The training loop: steps, and what is due between them."""

import functools
import pathlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from absl import logging
from tf_agents.agents import tf_agent

from ibc.data.windows import dataset
from ibc.eval import evaluation, rollouts
from ibc.train.loop import action_error as action_error_lib
from ibc.train.loop import learner as learner_lib
from ibc.train.loop import progress, schedule
from ibc.train.run import memory, run_folder, top_k
from ibc.utils import scalars, tags, termination

VALIDATION_LOSS = "val_loss"
MEASURED_IN_TRAINING = (VALIDATION_LOSS, action_error_lib.NAME)
"""What the best checkpoints may be chosen by besides the metrics of evaluations."""


class Measurements(NamedTuple):
    """What is measured between training steps, besides evaluations."""

    validate: Callable[[], float] | None = None
    """Computes the validation loss."""
    action_error: Callable[[], float] | None = None
    """Computes the error of inferred actions."""
    best: top_k.TopKFolder | None = None
    """Keeps the best checkpoints, by one of these or by a metric of evaluations."""

    def take(self, step: int, pauses: schedule.Pauses) -> dict[str, float]:
        """Measures what is due at a step, and returns it by its names."""
        found = {}
        if self.validate and schedule.is_due(step, pauses.validation):
            found[VALIDATION_LOSS] = self.validate()
        if self.action_error and schedule.is_due(step, pauses.action_error):
            found[action_error_lib.NAME] = self.action_error()
        if self.best and self.best.metric in found:
            self.best.offer(step, found)
        return found


def train(
    learner: learner_lib.BehavioralCloningLearner,
    folder: pathlib.Path | None,
    num_iterations: int,
    pauses: schedule.Pauses,
    evaluator: evaluation.Evaluation | None,
    measured: Measurements,
    report: progress.Report = progress.ignore,
) -> dict[str, dict[str, float]]:
    """Trains to `num_iterations`, stopping wherever something is due.

    Args:
      learner: makes the training steps.
      folder: run folder; None where another machine writes.
      num_iterations: training steps in all.
      pauses: steps between what is done besides training.
      evaluator: evaluates, if there is evaluation.
      measured: what is measured besides.
      report: told what has been done.

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
    say = functools.partial(progress.Progress, num_iterations=num_iterations)
    report(say(step))

    def evaluate() -> dict[str, dict[str, float]]:
        report(say(step, is_evaluating=True))

        def on_episode(done: int) -> None:
            report(say(step, episodes_done=done, episodes=evaluator.episodes))

        averages = _evaluated(evaluator, measured.best, step, on_episode)
        report(say(step, averages=averages))
        return averages

    if step and step < num_iterations and schedule.is_due(step, pauses.evaluation):
        # The run may have been stopped between the checkpoint and the end of the evaluation.
        if evaluator and not (evaluator.is_done() and _is_offered(measured.best, step)):
            evaluate()
    config_written = folder is None
    while step < num_iterations:
        stop = schedule.next_stop(step, num_iterations, pauses)
        with termination.deferred():
            step = learner.train_until(stop, lambda done, loss: report(say(done, loss=loss)))
            if found := measured.take(step, pauses):
                report(say(step, measured=found))
        if not config_written:
            # Only now has everything been called that takes parameters.
            run_folder.write_operative_config(folder)
            config_written = True
        learner.save_due()
        if evaluator and schedule.is_due(step, pauses.evaluation) and step < num_iterations:
            evaluate()
    learner.finish()
    results = evaluate() if evaluator else {}
    if folder:
        run_folder.write_operative_config(folder)
    learner.wait_for_all()
    logging.info("Peak memory of this process: %.0f MB.", memory.peak_mb())
    return results


def _evaluated(
    evaluator: evaluation.Evaluation,
    best: top_k.TopKFolder | None,
    step: int,
    on_episode: Callable[[int], object],
) -> dict[str, dict[str, float]]:
    """Evaluates, and keeps the weights if they are among the best by a metric of evaluations."""
    try:
        results = evaluator.run(on_episode)
    except Exception:
        # A signal to the group of processes ends workers and encoders too.
        _end_if_requested()
        raise
    if _is_of_evaluations(best):
        of_tasks = list(results.values())
        shared = set.intersection(*map(set, of_tasks))
        averages = {name: sum(each[name] for each in of_tasks) / len(of_tasks) for name in shared}
        with termination.deferred():
            best.offer(step, averages)
    return results


def _is_of_evaluations(best: top_k.TopKFolder | None) -> bool:
    return best is not None and best.metric not in MEASURED_IN_TRAINING


def _is_offered(best: top_k.TopKFolder | None, step: int) -> bool:
    """Whether the evaluation at a step has come to the list of the best, if it belongs there."""
    return not _is_of_evaluations(best) or best.last_step >= step


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
    on_all: bool = False,
) -> Callable[[], float]:
    """Returns a function that computes the agent's loss on validation windows.

    It writes the losses under their tags (`tags.of_validation`) and returns the total.

    Args:
      agent: the agent in training.
      windows: normalized validation windows.
      batch_size: windows per batch; fewer where there are not so many.
      seed: decides which windows a step sees.
      writer: where the losses go.
      train_step: scalar int64.
      on_all: takes all windows, batch by batch, instead of one batch of them.
    """
    batch_size = min(batch_size, windows.num_windows)

    @tf.function(autograph=False)
    def of_one_batch(step: tf.Tensor) -> tf_agent.LossInfo:
        with tf.device("/cpu:0"):  # Where the frames are: a batch is less to move.
            experience, _ = windows.batch_at(step, batch_size, seed)
        return agent.loss(experience, training=False)

    of_batch = tf.function(
        lambda experience: agent.loss(experience, training=False), autograph=False
    )

    def of_all() -> tf_agent.LossInfo:
        sizes, infos = [], []
        for first in range(0, windows.num_windows, batch_size):
            last = min(first + batch_size, windows.num_windows)
            experience, _ = windows.take(range(first, last))
            infos.append(of_batch(tf.nest.map_structure(tf.constant, experience)))
            sizes.append(last - first)
        return tf.nest.map_structure(lambda *means: np.average(means, weights=sizes), *infos)

    def validate() -> float:
        info = of_all() if on_all else of_one_batch(train_step)
        losses = {tags.of_validation(name): float(value) for name, value in info.extra.items()}
        scalars.write(writer, int(train_step.numpy()), losses)
        return float(info.loss)

    return validate
