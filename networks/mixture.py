"""Mixture density networks (Bishop, 1994): the distribution of an observation's action."""

from collections.abc import Callable

import tensorflow as tf
import tensorflow_probability as tfp
from tf_agents.networks import network
from tf_agents.typing import types

from ibc.networks.encoders import flat
from ibc.networks.layers import dense, dense_stack, dropout
from ibc.utils import parameters

# Bounds of log σ. Below a thousandth of a normalized unit a component repeats single actions, its
# likelihood grows without limit and its gradients with it.
_LOG_SCALE_BOUNDS = (-7.0, 7.0)
# Bounds of log σ after the variance exponent: σ² and 1 / σ² are then finite in float32.
_SHARPENED_BOUNDS = (-40.0, 40.0)


class MixtureNetwork(network.Network):
    """p(a | o): an encoder, hidden layers, then a mixture of normal distributions."""

    head = "mixture"

    def __init__(
        self,
        obs_spec: types.NestedTensorSpec,
        encoder: Callable[..., tf.Tensor],
        stack: dense_stack.DenseStack,
        layer: "MixtureDensityLayer",
        name: str,
    ):
        """Creates the network; its variables come with `create_variables`.

        Args:
          obs_spec: Nest of specs of one normalized observation window, [T, ...] each.
          encoder: See `encoders.flat`.
          stack: Hidden layers.
          layer: Maps their outputs to mixtures.
          name: Name of the network.
        """
        super().__init__(input_tensor_spec=obs_spec, state_spec=(), name=name)
        self._encoder = encoder
        self._stack = stack
        self._head = layer

    def build(self, input_shape) -> None:
        """Creates the variables, whose shapes follow from the specs."""
        self.mixture(flat.zeros(self.input_tensor_spec))
        super().build(input_shape)

    def mixture(
        self, observation: types.NestedTensor, training: dropout.Training = False
    ) -> tfp.distributions.MixtureSameFamily:
        """Predicts the distribution of normalized actions, in training and in validation.

        Args:
          observation: Nest of tensors [B, T, ...], normalized.
          training: See `dropout.Training`.

        Returns:
          Mixture with batch shape [B] and event shape [A], at the training temperature.
        """
        return self._head(self._features(observation, training))

    def call(
        self,
        observation: types.NestedTensor,
        step_type: tf.Tensor | None = None,
        network_state: tuple = (),
        training: dropout.Training = False,
    ) -> tuple[tfp.distributions.MixtureSameFamily, tuple]:
        """Predicts distributions of actions.

        Args:
          observation: Nest of tensors [B, T, ...], normalized.
          step_type: Not used.
          network_state: Passed through.
          training: See `dropout.Training`.

        Returns:
          Mixture with batch shape [B] and event shape [A] and the network state. In training it is
          that of normalized actions; otherwise of actions in the environment's units, at the test
          temperature and with the test variance exponent.
        """
        del step_type
        if training:
            return self.mixture(observation, training), network_state
        return self._head.denormalized(self._features(observation)), network_state

    def _features(
        self, observation: types.NestedTensor, training: dropout.Training = False
    ) -> tf.Tensor:
        features = self._encoder(observation, training=training)
        return self._stack(features, training=training)


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
        self._mean = _linear(num_components * action_size)
        self._log_scale = _linear(num_components * action_size)
        self._logits = _linear(num_components)

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
        """Returns the distribution of actions to act by, in the environment's units.

        Args:
          features: float32 [B, width].

        Returns:
          Mixture with batch shape [B] and event shape [A].
        """
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


def _linear(units: int) -> dense.Dense:
    return dense.Dense(units, kernel_initializer="normal", bias_initializer="normal")
