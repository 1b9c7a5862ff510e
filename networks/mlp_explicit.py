"""Explicit networks over state observations: regression and mixture density."""

from collections.abc import Callable

import gin
import tensorflow as tf
from tf_agents.typing import types

from ibc.networks import explicit_network, mixture, registry
from ibc.networks.encoders import flat
from ibc.networks.layers import stacks


@registry.register
@gin.configurable
class MLPMSE(explicit_network.RegressionNetwork):
    """π(o): hidden layers on the observation window, then a linear layer to the action."""

    def __init__(
        self,
        obs_spec: types.NestedTensorSpec,
        action_spec: tf.TensorSpec,
        width: int = 512,
        depth: int = 2,
        rate: float = 0.1,
        layers: str = "MLPDropout",
        act_denorm_layer: Callable[[tf.Tensor], tf.Tensor] | None = None,
        name: str = "MLPMSE",
    ):
        """Creates the network; its variables come with `create_variables`.

        Args:
          obs_spec: Nest of specs [T, size] of one normalized observation window.
          action_spec: Spec of one action; it is predicted flat, as [A].
          width: Units per hidden layer.
          depth: Number of hidden layers.
          rate: Dropout rate.
          layers: 'MLPDropout', 'ResNetOrig' or 'ResNetPreActivation'.
          act_denorm_layer: Maps normalized actions [B, A] to the environment's.
          name: Name of the network.

        Raises:
          ValueError: A name is unknown, the depth does not suit the layers, or the observation
            holds images.
        """
        super().__init__(
            obs_spec,
            action_spec,
            encoder=flat.FlatEncoder(obs_spec),
            stack=stacks.make_stack("MLPMSE", layers, width, depth, rate),
            act_denorm_layer=act_denorm_layer,
            name=name,
        )


@registry.register
@gin.configurable
class MLPMDN(explicit_network.MixtureNetwork):
    """p(a | o): hidden layers on the observation window, then a mixture of normal distributions."""

    def __init__(
        self,
        obs_spec: types.NestedTensorSpec,
        action_spec: tf.TensorSpec,
        width: int = 512,
        depth: int = 2,
        rate: float = 0.1,
        layers: str = "MLPDropout",
        num_components: int = 1,
        training_temperature: float = 2.5,
        test_temperature: float = 2.5,
        test_variance_exponent: float = 1.0,
        act_denorm_layer: Callable[..., tf.Tensor] | None = None,
        name: str = "MLPMDN",
    ):
        """Creates the network; its variables come with `create_variables`.

        The mixture's arguments, of flat actions [A], are those of `mixture.MixtureDensityLayer`,
        the others those of `MLPMSE`.

        Raises:
          ValueError: A name is unknown, the depth does not suit the layers, a parameter of the
            mixture is out of range, or the observation holds images.
        """
        super().__init__(
            obs_spec,
            encoder=flat.FlatEncoder(obs_spec),
            stack=stacks.make_stack("MLPMDN", layers, width, depth, rate),
            head=mixture.MixtureDensityLayer(
                "MLPMDN",
                flat.flat_size(action_spec),
                num_components,
                training_temperature,
                test_temperature,
                test_variance_exponent,
                act_denorm_layer,
            ),
            name=name,
        )
