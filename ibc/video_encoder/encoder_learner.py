"""An update of a video encoder, and its losses on held-out videos."""

import tensorflow as tf

from ibc.networks import video_encoder
from ibc.utils import adamw, keys
from ibc.video_encoder import objective as objective_lib


class EncoderLearner(tf.Module):
    """Trains a video encoder by Adam."""

    def __init__(
        self,
        encoder: video_encoder.VideoEncoder,
        objective: objective_lib.Objective,
        learning_rate: float = 1e-4,
        name: str = "encoder_learner",
    ):
        """Creates the optimizer.

        Args:
          encoder: What learns.
          objective: What is minimised.
          learning_rate: Of Adam.
          name: Name of the variables.
        """
        super().__init__(name=name)
        self.encoder, self._objective = encoder, objective
        self._trained = objective.trained(encoder)
        self.optimizer = adamw.AdamW(learning_rate)
        self.optimizer.build(self._trained)
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
        side = encoder.architecture.image_size
        # Frames are dropped, so that the number of them changes from update to update.
        pictures = tf.TensorSpec([None, None, side, side, 3], tf.float32)
        seed = tf.TensorSpec([2], tf.int64)
        options = {"input_signature": [pictures, seed], "autograph": False}
        self._compiled_train = tf.function(self._train, **options)
        self._compiled_evaluate = tf.function(self._evaluate, **options)

    def train(self, pictures: tf.Tensor, seed: int) -> dict[str, tf.Tensor]:
        """Makes an update; returns loss and terms before it.

        Args:
          pictures: See `Objective.terms`.
          seed: With the number of updates it decides what is drawn.
        """
        return self._compiled_train(pictures, tf.stack([tf.constant(seed, tf.int64), self.step]))

    def evaluate(self, pictures: tf.Tensor, seed: int, number: int) -> dict[str, tf.Tensor]:
        """Returns loss and terms of the encoder as it is used.

        Args:
          pictures: See `Objective.terms`.
          seed: What is drawn follows from it, and from the next.
          number: Of the batch.
        """
        return self._compiled_evaluate(pictures, tf.constant([seed, number], tf.int64))

    def make_step(self, pictures: tf.Tensor, draws: objective_lib.Draws) -> dict[str, tf.Tensor]:
        """Makes an update with what was drawn; see `train`."""
        with tf.GradientTape() as tape:
            found = self._objective.terms(self.encoder, pictures, draws, training=True)
        self.optimizer.descend(tape, found["loss"], self._trained)
        self.step.assign_add(1)
        return found

    def _train(self, pictures: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        draws = objective_lib.draw(tf.shape(pictures)[0], keys.Key(seed))
        return self.make_step(pictures, draws)

    def _evaluate(self, pictures: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        draws = objective_lib.draw(tf.shape(pictures)[0], keys.Key(seed))
        return self._objective.terms(self.encoder, pictures, draws, training=False)
