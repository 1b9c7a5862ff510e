"""A mixture of normal distributions over actions of the environment."""

import tensorflow as tf
import tensorflow_probability as tfp

from ibc.samplers import draws


class ActionMixture(tfp.distributions.Distribution):
    """A network's mixture over flat actions, seen as a distribution of shaped actions.

    It adds draws by explicit seed and a mode. It is deliberately no composite tensor: exported
    policies must load without TensorFlow Probability.
    """

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
        super().__init__(
            dtype=action_spec.dtype,
            reparameterization_type=tfp.distributions.NOT_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=False,
            parameters=parameters,
            name=name,
        )

    def seeded_sample(self, seed: tf.Tensor) -> tf.Tensor:
        """Draws one action per row; the seed is an integer tensor [2] or [B, 2]."""
        return self._draw(1, seed)[:, 0]

    def _draw(self, count: int, seed: tf.Tensor) -> tf.Tensor:
        """Returns actions [B, count, *shape]."""
        for_component, for_noise = tf.unstack(draws.split(seed, 2))
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

    def _sample_n(self, n, seed=None):
        drawn = self._draw(n, draws.as_seed(seed))
        rest = range(2, drawn.shape.rank)
        return tf.transpose(drawn, [1, 0, *rest])

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

    def _event_shape_tensor(self):
        return tf.constant(self._spec.shape.as_list(), tf.int32)
