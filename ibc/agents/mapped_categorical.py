"""A categorical distribution over given values instead of over indices."""

import tensorflow as tf
import tensorflow_probability as tfp

from ibc.samplers import draws


class MappedCategorical(tfp.distributions.Distribution):
    """Takes value i with the probability softmax(logits)ᵢ.

    It is deliberately no composite tensor: exported policies must load without this package.
    """

    def __init__(
        self, logits: tf.Tensor, mapped_values: tf.Tensor, name: str = "MappedCategorical"
    ):
        """Creates a batch of distributions.

        Args:
          logits: float32 [B, N].
          mapped_values: [B, N, ...].
          name: Name of the distribution.
        """
        parameters = dict(locals())
        self._logits = logits
        self._mapped_values = mapped_values
        super().__init__(
            dtype=mapped_values.dtype,
            reparameterization_type=tfp.distributions.NOT_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=False,
            parameters=parameters,
            name=name,
        )

    @property
    def logits(self) -> tf.Tensor:
        """Logits, float32 [B, N]."""
        return self._logits

    @property
    def mapped_values(self) -> tf.Tensor:
        """Values, [B, N, ...]."""
        return self._mapped_values

    def seeded_sample(self, seed: tf.Tensor) -> tf.Tensor:
        """Draws one value per row; the seed is an integer tensor [2] or [B, 2]."""
        return self._values_at(draws.indices(self._logits, 1, seed))[:, 0]

    def _values_at(self, indices: tf.Tensor) -> tf.Tensor:
        return tf.gather(self._mapped_values, indices, batch_dims=1)

    def _sample_n(self, n, seed=None):
        drawn = draws.indices(self._logits, n, draws.as_seed(seed))
        values = self._values_at(drawn)
        rest = range(2, values.shape.rank)
        return tf.transpose(values, [1, 0, *rest])

    def _mode(self):
        best = tf.argmax(self._logits, axis=-1, output_type=tf.int32)
        return self._values_at(best[:, tf.newaxis])[:, 0]

    def _batch_shape(self):
        return self._mapped_values.shape[:1]

    def _batch_shape_tensor(self):
        return tf.shape(self._mapped_values)[:1]

    def _event_shape(self):
        return self._mapped_values.shape[2:]

    def _event_shape_tensor(self):
        return tf.shape(self._mapped_values)[2:]


def point(value: tf.Tensor) -> MappedCategorical:
    """Returns the distribution that is certain of `value` [B, ...], row by row."""
    return MappedCategorical(tf.zeros([tf.shape(value)[0], 1]), value[:, tf.newaxis])
