"""TF-Agents' Learner with this project's triggers: checkpoints, exported policies, log lines."""

import pathlib
import re
from collections.abc import Callable

import tensorflow as tf
from absl import logging
from tf_agents.agents import tf_agent
from tf_agents.train import interval_trigger, learner, step_per_second_tracker

from ibc.eval import scalars
from ibc.train import policy_export


class ProgressTrigger(interval_trigger.IntervalTrigger):
    """Logs the step, the speed and the loss, and writes the step's scalars for TensorBoard."""

    def __init__(self, writer: tf.summary.SummaryWriter, train_step: tf.Variable, interval: int):
        self._writer = writer
        self._train_step = train_step
        self._timer = step_per_second_tracker.StepPerSecondTracker(train_step)
        self.scalars: dict[str, float] = {}
        super().__init__(interval, self._log)

    def _log(self) -> None:
        step = int(self._train_step)
        speed = float(self._timer.steps_per_second())
        self._timer.restart()
        loss = self.scalars["reduced_loss"]
        logging.info("Step: %d, %.3f steps/sec, loss %.6g", step, speed, loss)
        values = {**self.scalars, "RunTime/train_steps_per_sec": speed}
        scalars.write(self._writer, step, values)


class BehavioralCloningLearner(learner.Learner):
    """Runs fused training steps and fires the triggers after them.

    The losses that a compiled step returns are written here, in one place.
    """

    def __init__(
        self,
        root_dir: str | pathlib.Path,
        train_step: tf.Variable,
        agent: tf_agent.TFAgent,
        dataset_fn: Callable[[], tf.data.Dataset],
        strategy: tf.distribute.Strategy,
        checkpoint_interval: int,
        policy_save_interval: int,
        log_interval: int = 100,
    ):
        """Creates the learner and restores the newest checkpoint, if there is one.

        Args:
          root_dir: run folder; train/ and policies/ are made in it.
          train_step: scalar int64.
          agent: the agent to train.
          dataset_fn: makes the endless data set of experience.
          strategy: distribution strategy.
          checkpoint_interval: steps between checkpoints.
          policy_save_interval: steps between exported policy weights.
          log_interval: steps between log lines and TensorBoard scalars.
        """
        try:
            super().__init__(
                str(root_dir),
                train_step,
                agent,
                experience_dataset_fn=dataset_fn,
                checkpoint_interval=checkpoint_interval,
                strategy=strategy,
            )
        except (tf.errors.OpError, IndexError) as error:
            newest = newest_checkpoint(root_dir)
            if newest is None:
                raise
            raise ValueError(
                f"The checkpoint {newest} cannot be read; it is damaged. Delete its files, and its "
                "line in the file 'checkpoint' beside them, to go on from the one before."
            ) from error
        self._progress = ProgressTrigger(self.train_summary_writer, train_step, log_interval)
        self._progress.set_start(self.train_step_numpy)
        self._exporter = policy_export.PolicyExporter(
            pathlib.Path(root_dir) / learner.POLICY_SAVED_MODEL_DIR,
            agent,
            train_step,
            policy_save_interval,
        )
        self._exporter.set_start(self.train_step_numpy)
        # Weights before the checkpoint: a run killed in between writes them again.
        self.triggers = [self._exporter, *self.triggers, self._progress]

    def run(self, iterations: int = 1, iterator=None, parallel_iterations: int = 10):
        """Runs training steps; see TF-Agents' Learner.

        Raises:
          FloatingPointError: the loss became infinite or NaN; weights are those before that step.
        """
        fired = self.triggers
        self.triggers = []  # They need this run's losses, so they are fired below.
        try:
            loss_info = super().run(iterations, iterator, parallel_iterations)
        except tf.errors.InvalidArgumentError as error:
            raise FloatingPointError(_divergence(error)) from error
        finally:
            self.triggers = fired
        self._progress.scalars = {
            "reduced_loss": float(loss_info.loss),
            **{f"Losses/{name}": float(value) for name, value in loss_info.extra.items()},
        }
        for trigger in self.triggers:
            trigger(self.train_step_numpy)
        return loss_info

    def finish(self) -> None:
        """Saves what the intervals have not yet saved: checkpoint, weights, SavedModels."""
        for trigger in self.triggers:
            trigger(self.train_step_numpy, force_trigger=True)
        self._exporter.save_models()


def newest_checkpoint(root_dir: str | pathlib.Path) -> str | None:
    """Returns the prefix of the newest checkpoint's files under `root_dir`, if there is one."""
    folder = pathlib.Path(root_dir) / learner.TRAIN_DIR / learner.POLICY_CHECKPOINT_DIR
    return tf.train.latest_checkpoint(str(folder))


def restored_step(root_dir: str | pathlib.Path) -> int:
    """Returns the step of the newest checkpoint under `root_dir`, 0 if there is none."""
    newest = newest_checkpoint(root_dir)
    return int(newest.rpartition("-")[2]) if newest else 0


def _divergence(error: tf.errors.InvalidArgumentError) -> str:
    """Returns the agent's message about a step that is not finite; re-raises any other error."""
    found = re.search(
        r"not finite at training step.*?\[(\d+)\].*?\[loss:\] \[([^\]]*)\]", error.message
    )
    if not found:
        raise error
    return (
        f"The loss or its gradient is not finite at training step {found[1]} (loss {found[2]}). "
        "The weights are as they were before that step; the last checkpoint is good. Lower "
        "train_eval.learning_rate, or look for outliers in the data."
    )
