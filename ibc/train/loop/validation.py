"""The loss on demonstrations that are kept out of training."""

import tensorflow as tf
from tf_agents.agents import tf_agent

from ibc.data.windows import dataset
from ibc.utils import scalars


class ValidationLoss:
    """Computes the agent's loss on a batch of validation windows and writes it."""

    def __init__(
        self,
        agent: tf_agent.TFAgent,
        windows: dataset.WindowDataset,
        batch_size: int,
        seed: int,
        writer: tf.summary.SummaryWriter,
        train_step: tf.Variable,
    ):
        """Compiles the loss.

        Args:
          agent: the agent in training.
          windows: normalized validation windows.
          batch_size: windows per batch; fewer where there are not so many.
          seed: decides which windows a step sees.
          writer: where `Eval_Losses/…` go.
          train_step: scalar int64.
        """
        batch_size = min(batch_size, windows.num_windows)
        self._writer = writer
        self._train_step = train_step

        @tf.function
        def compute(step: tf.Tensor) -> tf_agent.LossInfo:
            experience, _ = windows.batch_at(step, batch_size, seed)
            return agent.loss(experience, training=False)

        self._compute = compute

    def __call__(self) -> float:
        """Writes the losses under `Eval_Losses/` and returns the total."""
        info = self._compute(self._train_step)
        losses = {name: float(value) for name, value in info.extra.items()}
        scalars.write(self._writer, int(self._train_step.numpy()), losses, prefix="Eval_Losses/")
        return float(info.loss)
