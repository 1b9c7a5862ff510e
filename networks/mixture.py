"""The head of mixture density networks (Bishop, 1994): a mixture of normal distributions."""

from collections.abc import Callable

import tensorflow as tf
import tensorflow_probability as tfp

from ibc.networks.layers import dense
from ibc.utils import parameters

# Bounds of log σ. Below a thousandth of a normalized unit a component repeats single actions, its
# likelihood grows without limit and its gradients with it.
_LOG_SCALE_BOUNDS = (-7.0, 7.0)
# Bounds of log σ after the variance exponent: σ² and 1 / σ² are then finite in float32.
_SHARPENED_BOUNDS = (-40.0, 40.0)


class MixtureDensityLayer(tf.keras.layers.Layer):
    """Maps features to a mixture of K diagonal normal distributions of actions.

    Three linear layers, in this order: the means μ, log σ (the published code calls it the log
    variance), and the logits of the mixture's weights, which are divided by a temperature.
    """

    def __init__(
        self,
        owner: str,
        action_size: int,
        num_components: int = 1,
        training_temperature: float = 2.5,
        test_temperature: float = 2.5,
        test_variance_exponent: float = 1.0,
        act_denorm_layer: Callable[..., tf.Tensor] | None = None,
        **kwargs,
    ):
        """Creates the three linear layers.

        Args:
          owner: The configurable whose parameters the others are, 'MLPMDN' say.
          action_size: A.
          num_components: K.
          training_temperature: Divides the logits in training.
          test_temperature: Divides the logits in inference.
          test_variance_exponent: σ is raised to this power in inference, before it is
            denormalized; above 1 it sharpens components narrower than a normalized unit.
          act_denorm_layer: Maps normalized actions [..., A] to the environment's, and with
            `mean_offset=False` spreads.
          **kwargs: Passed to Keras.

        Raises:
          ValueError: A temperature is not positive, the exponent is negative, or the number of
            components is not a whole number of at least 1.
        """
        super().__init__(**kwargs)
        parameters.check_whole(owner, num_components=num_components)
        parameters.check_positive(
            owner, training_temperature=training_temperature, test_temperature=test_temperature
        )
        parameters.check_not_negative(owner, test_variance_exponent=test_variance_exponent)
        self._shape = [num_components, action_size]
        self._training_temperature = training_temperature
        self._test_temperature = test_temperature
        self._test_variance_exponent = test_variance_exponent
        self._act_denorm_layer = act_denorm_layer
        self._mean = dense.linear(num_components * action_size)
        self._log_scale = dense.linear(num_components * action_size)
        self._logits = dense.linear(num_components)

    def call(self, features: tf.Tensor) -> tfp.distributions.MixtureSameFamily:
        """Returns the distribution of normalized actions that is trained.

        Args:
          features: float32 [B, width].

        Returns:
          Mixture with batch shape [B] and event shape [A].
        """
        mean, log_scale, logits = self._parameters(features)
        return _mixture(logits / self._training_temperature, mean, tf.exp(log_scale))

    def denormalized(self, features: tf.Tensor) -> tfp.distributions.MixtureSameFamily:
        """As `call`, but of actions to act by, in the environment's units."""
        mean, log_scale, logits = self._parameters(features)
        sharpened = self._test_variance_exponent * log_scale
        scale = tf.exp(tf.clip_by_value(sharpened, *_SHARPENED_BOUNDS))
        if self._act_denorm_layer is not None:
            mean = self._act_denorm_layer(mean)
            scale = self._act_denorm_layer(scale, mean_offset=False)
        return _mixture(logits / self._test_temperature, mean, scale)

    def _parameters(self, features: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns means and log σ [B, K, A], and logits [B, K]."""
        mean, log_scale = (
            tf.reshape(layer(features), [-1, *self._shape])
            for layer in (self._mean, self._log_scale)
        )
        return mean, bounded(log_scale, *_LOG_SCALE_BOUNDS), self._logits(features)


def bounded(values: tf.Tensor, lower: float, upper: float) -> tf.Tensor:
    """Clips values; the gradient vanishes only where descent would lead further out.

    Args:
      values: float32 tensor.
      lower: Lower bound.
      upper: Upper bound.

    Returns:
      The clipped values. Those beyond a bound can come back: their gradient is that of the
      clipped value, if descent along it leads inward.
    """

    @tf.custom_gradient
    def clip(inputs):
        def gradient(upstream):
            outward = ((inputs < lower) & (upstream > 0)) | ((inputs > upper) & (upstream < 0))
            return tf.where(outward, tf.zeros_like(upstream), upstream)

        return tf.clip_by_value(inputs, lower, upper), gradient

    return clip(values)


def _mixture(
    logits: tf.Tensor, mean: tf.Tensor, scale: tf.Tensor
) -> tfp.distributions.MixtureSameFamily:
    return tfp.distributions.MixtureSameFamily(
        tfp.distributions.Categorical(logits=logits),
        tfp.distributions.MultivariateNormalDiag(loc=mean, scale_diag=scale),
    )
