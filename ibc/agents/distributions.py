"""Distributions over actions of the environment, with draws by explicit key and a mode.

They are deliberately no composite tensors: exported policies must load without this package and
without TensorFlow Probability.
"""

import tensorflow as tf
import tensorflow_probability as tfp

from ibc.samplers import draws
from ibc.utils import keys


class _ActionDistribution(tfp.distributions.Distribution):
    """One distribution per row; subclasses draw [B, count, *event shape]."""

    def __init__(self, dtype: tf.DType, parameters: dict, name: str):
        super().__init__(
            dtype=dtype,
            reparameterization_type=tfp.distributions.NOT_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=False,
            parameters=parameters,
            name=name,
        )

    def keyed_sample(self, key: keys.Key) -> tf.Tensor:
        """Draws one action per row."""
        return self._draw(1, key)[:, 0]

    def keyed_samples(self, count: int, key: keys.Key) -> tf.Tensor:
        """Draws `count` actions per row, [B, count, ...]."""
        return self._draw(count, key)

    def _sample_n(self, n, seed=None):
        drawn = self._draw(n, keys.of(seed))
        rest = range(2, drawn.shape.rank)
        return tf.transpose(drawn, [1, 0, *rest])


class MappedCategorical(_ActionDistribution):
    """Takes value i with the probability softmax(logits)ᵢ."""

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
        super().__init__(mapped_values.dtype, parameters, name)

    @property
    def logits(self) -> tf.Tensor:
        """Logits, float32 [B, N]."""
        return self._logits

    @property
    def mapped_values(self) -> tf.Tensor:
        """Values, [B, N, ...]."""
        return self._mapped_values

    def _draw(self, count: int, key: keys.Key) -> tf.Tensor:
        return self._values_at(draws.indices(self._logits, count, key))

    def _values_at(self, indices: tf.Tensor) -> tf.Tensor:
        return tf.gather(self._mapped_values, indices, batch_dims=1)

    def _mode(self):
        best = tf.argmax(self._logits, axis=-1, output_type=tf.int32)
        return self._values_at(best[:, tf.newaxis])[:, 0]

    def _batch_shape(self):
        return self._mapped_values.shape[:1]

    def _batch_shape_tensor(self):
        return tf.shape(self._mapped_values)[:1]

    def _event_shape(self):
        return self._mapped_values.shape[2:]


def point(value: tf.Tensor) -> MappedCategorical:
    """Returns the distribution that is certain of `value` [B, ...], row by row."""
    return MappedCategorical(tf.zeros([tf.shape(value)[0], 1]), value[:, tf.newaxis])


class ActionMixture(_ActionDistribution):
    """A network's mixture over flat actions, seen as a distribution of shaped actions."""

    def __init__(
        self,
        mixture: tfp.distributions.MixtureSameFamily,
        action_spec: tf.TensorSpec,
        name: str = "ActionMixture",
    ):
        """Creates a batch of distributions.

        Args:
          mixture: Over flat actions [A], batch shape [B], components `MultivariateNormalDiag`.
          action_spec: Spec of the action, A numbers of any shape and floating type.
          name: Name of the distribution.
        """
        parameters = dict(locals())
        self._mixture = mixture
        self._spec = action_spec
        super().__init__(action_spec.dtype, parameters, name)

    def _draw(self, count: int, key: keys.Key) -> tf.Tensor:
        for_component, for_noise = key.split(2)
        chosen = draws.indices(self._logits, count, for_component)
        components = self._mixture.components_distribution
        mean = tf.gather(components.loc, chosen, batch_dims=1)
        scale = tf.gather(components.stddev(), chosen, batch_dims=1)
        return self._shaped(mean + scale * draws.normal_like(mean, for_noise), [count])

    @property
    def _logits(self) -> tf.Tensor:
        return self._mixture.mixture_distribution.logits

    def _shaped(self, flat: tf.Tensor, between: list[int]) -> tf.Tensor:
        return tf.cast(tf.reshape(flat, [-1, *between, *self._spec.shape]), self._spec.dtype)

    def _log_prob(self, value):
        outer = tf.shape(value)[: tf.rank(value) - self._spec.shape.rank]
        flat = tf.reshape(value, tf.concat([outer, [self._spec.shape.num_elements()]], axis=0))
        return tf.cast(self._mixture.log_prob(tf.cast(flat, tf.float32)), self._spec.dtype)

    def _mode(self):
        """Returns the mean of the component of largest weight, which the temperature leaves as is.

        The density is often highest at a narrow component that hardly ever acts.
        """
        best = tf.argmax(self._logits, axis=-1, output_type=tf.int32)
        means = self._mixture.components_distribution.loc
        return self._shaped(tf.gather(means, best, batch_dims=1), [])

    def _batch_shape(self):
        return self._mixture.batch_shape

    def _batch_shape_tensor(self):
        return self._mixture.batch_shape_tensor()

    def _event_shape(self):
        return self._spec.shape
