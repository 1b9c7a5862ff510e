"""TF-Agents' Learner with this project's triggers: checkpoints, exported policies, log lines."""

import pathlib
import time
from collections.abc import Callable, Sequence

import tensorflow as tf
from absl import logging
from tf_agents.agents import tf_agent
from tf_agents.train import learner, step_per_second_tracker
from tf_agents.typing import types

from ibc.train.devices import cluster
from ibc.train.loop import schedule, weight_average
from ibc.train.run import checkpoints, divergence, policy_export
from ibc.utils import bars, scalars, tags, termination


class ProgressTrigger(schedule.MultiplesTrigger):
    """Logs the step, the speed and the loss, and writes the step's scalars for TensorBoard."""

    def __init__(
        self,
        writer: tf.summary.SummaryWriter,
        agent: tf_agent.TFAgent,
        train_step: tf.Variable,
        interval: int,
    ):
        self._writer = writer
        self._agent = agent
        self._train_step = train_step
        self._timer = step_per_second_tracker.StepPerSecondTracker(train_step)
        self.scalars: dict[str, float] = {}
        super().__init__(interval, self._log)

    def _log(self) -> None:
        if not self.scalars:
            return  # A finished run was started again.
        step = int(self._train_step.numpy())
        speed = float(self._timer.steps_per_second())
        self._timer.restart()
        loss = self.scalars[tags.REDUCED_LOSS]
        # Where a bar shows it, the line is for those who want to know everything.
        level = logging.DEBUG if bars.on_terminal() else logging.INFO
        logging.log(level, "Step: %d, %.3f steps/sec, loss %.6g", step, speed, loss)
        rate = {tags.of_training(tags.LEARNING_RATE): self._agent.learning_rate}
        values = {**self.scalars, tags.SPEED: speed, **rate}
        # It is the agent's total loss, which has a name of its own.
        scalars.write(self._writer, step, values, repeated=[tags.REDUCED_LOSS])


class BehavioralCloningLearner(learner.Learner):
    """Runs fused training steps; what they lead to is written here, in one place.

    In a cluster of machines every one of them runs the same steps, and the chief alone writes.
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
        average: weight_average.WeightAverage | None = None,
        batch_at: Callable[[tf.Tensor], types.NestedTensor] | None = None,
    ):
        """Creates the learner and restores the newest checkpoint, if there is one.

        Args:
          root_dir: run folder; train/ and policies/ are made in it.
          train_step: scalar int64.
          agent: the agent to train.
          dataset_fn: makes the endless data set of this machine's experience, a batch per device.
          strategy: distribution strategy.
          checkpoint_interval: steps between checkpoints.
          policy_save_interval: steps between exported policy weights.
          log_interval: steps between log lines and TensorBoard scalars.
          average: takes the weights of every step into account, is part of checkpoints, and its
            agent's policies are exported instead of `agent`'s.
          batch_at: maps the step's number to its batch, an element of `dataset_fn`'s, which is then
            not read; to be called where training computes. None reads.
        """
        self._average, self._batch_at = average, batch_at
        if average is not None:
            agent.weight_average = average  # Checkpoints hold what an agent's attributes hold.
        self._writes = cluster.is_chief(strategy)
        with strategy.scope():
            # Replicas reduce gradients together, which they could not within a function.
            if not tf.distribute.has_strategy():
                agent.train = _traced_once(agent.train)
        try:
            super().__init__(
                str(root_dir),
                train_step,
                agent,
                checkpoint_interval=checkpoint_interval if self._writes else 0,
                summary_interval=1000 if self._writes else 0,
                strategy=strategy,
                experience_dataset_fn=dataset_fn,
            )
        except (tf.errors.OpError, IndexError) as error:
            newest = checkpoints.newest(root_dir)
            if newest is None:
                raise
            raise ValueError(
                f"The checkpoint {newest} cannot be read; it is damaged. To go on from the one "
                "before, write its name after model_checkpoint_path in the file 'checkpoint' "
                "beside it."
            ) from error
        self._saved_step = int(self.train_step_numpy)
        self._pace, self._is_first = schedule.Pace(), True
        self._machines = cluster.Machines(strategy)
        self._progress = ProgressTrigger(self.train_summary_writer, agent, train_step, log_interval)
        self._exporter = policy_export.PolicyExporter(
            pathlib.Path(root_dir) / learner.POLICY_SAVED_MODEL_DIR,
            agent if average is None else average.agent,
            train_step,
            policy_save_interval if self._writes else 0,
        )
        # Weights before the checkpoint: a run killed in between writes them again.
        self.triggers = [self._exporter, *self.triggers]

    def resume_schedule(self, stops: Sequence[int]) -> None:
        """Makes what happens at intervals happen as if training had never been stopped.

        Args:
          stops: training pauses at the multiples of these numbers of steps.
        """
        step = int(self.train_step_numpy)
        latest = schedule.last_stop(step, stops)
        for trigger in (*self.triggers, self._progress):
            trigger.set_start(latest)
        if step and latest == step and not self._exporter.is_written(step):
            # The run was stopped after the pause's checkpoint and before its end.
            self._exporter.set_start(schedule.last_stop(step - 1, stops))
            self._exporter(step)

    def train_until(
        self, stop: int, on_steps: Callable[[int, float], object] = lambda step, loss: None
    ) -> int:
        """Trains to a step in calls of about `schedule.CALL_SECONDS`; logs if it is due.

        Args:
          stop: step to train to.
          on_steps: told the step and its loss after each call.

        Returns:
          The step reached: an earlier one if SIGTERM has arrived, here or at another machine.

        Raises:
          NotFiniteError: the loss became infinite or NaN; weights are those before that step.
        """
        step = int(self.train_step_numpy)
        while step < stop:
            steps = self._pace.steps(stop - step)
            start = time.monotonic()
            with self._machines.losing_one_is_an_error():
                self.run(steps)
                length = time.monotonic() - start
                # What every machine takes for the call's length, and how many have got SIGTERM.
                own = [length, float(termination.requested())]
                seconds, terminated = self._machines.mean(own)
            if self._is_first:
                # What takes long before it is traced and compiled, and no pace of training.
                logging.log(
                    logging.DEBUG if bars.on_terminal() else logging.INFO,
                    "First training step: %.1f s, with tracing and compiling it.",
                    length,
                )
                self._is_first = False
            self._pace.measured(steps, seconds)
            step += steps
            on_steps(step, self._progress.scalars[tags.REDUCED_LOSS])
            if terminated:
                termination.request()
                self.save_checkpoint()
                # A machine that left while the chief is still writing would end it too.
                self.wait_for_all()
                if step < stop:
                    return step
        self._progress(step)
        return step

    def run(self, iterations: int = 1, iterator=None, parallel_iterations: int = 10):
        """Runs training steps in one call; see TF-Agents' Learner. Fires no trigger.

        Raises:
          NotFiniteError: the loss became infinite or NaN; weights are those before that step.
        """
        postponed = self.triggers
        self.triggers = []
        try:
            loss_info = super().run(iterations, iterator, parallel_iterations)
        except tf.errors.InvalidArgumentError as error:
            raise divergence.as_not_finite(error) from error
        finally:
            self.triggers = postponed
        self._progress.scalars = {
            tags.REDUCED_LOSS: float(loss_info.loss),
            **{tags.of_training(name): float(value) for name, value in loss_info.extra.items()},
        }
        return loss_info

    @tf.autograph.experimental.do_not_convert
    def single_train_step(self, iterator):
        """Makes one training step; see TF-Agents' Learner."""
        if self._batch_at is not None:
            iterator = iter([self._batch_at(self.train_step)])
        loss_info = super().single_train_step(iterator)
        if self._average is not None:
            self._average.update(self.train_step)
        return loss_info

    def save_best(self, folder: pathlib.Path) -> None:
        """Exports the present weights to a folder."""
        self._exporter.save_weights(folder)

    def save_due(self) -> None:
        """Saves what is due at this step: weights, SavedModels at first, a checkpoint."""
        for trigger in self.triggers:
            trigger(self.train_step_numpy)

    def save_checkpoint(self) -> int:
        """Saves a checkpoint of this step unless it is saved; returns the newest one's step."""
        step = int(self.train_step_numpy)
        if step > self._saved_step:
            if self._writes:
                self._checkpointer.save(self.train_step)
            self._saved_step = step
        return self._saved_step

    def finish(self) -> None:
        """Saves what the intervals have not yet saved: checkpoint, weights, SavedModels."""
        for trigger in (*self.triggers, self._progress):
            trigger(self.train_step_numpy, force_trigger=True)
        if self._writes:
            self._exporter.save_models()

    def wait_for_all(self) -> None:
        """Returns when every machine of the cluster has come here; at once where there is one."""
        self._machines.wait()

    def _get_checkpoint_trigger(self, checkpoint_interval: int) -> schedule.MultiplesTrigger:
        def save() -> None:
            with termination.deferred():
                self.save_checkpoint()

        return schedule.MultiplesTrigger(checkpoint_interval, save)


def _traced_once(train: Callable[..., tf_agent.LossInfo]) -> Callable[..., tf_agent.LossInfo]:
    """Returns what is traced once, for all the places where TF-Agents' Learner calls it."""
    traced = tf.function(train, autograph=False)
    # A plain function, so that the agent's checkpoints have nothing of it.
    return lambda *args: traced(*args)
