"""Explicit networks over images: regression and mixture density."""

from collections.abc import Callable

import gin
import tensorflow as tf
from tf_agents.typing import types

from ibc.networks import explicit_network, mixture, registry
from ibc.networks.encoders import flat, image_window
from ibc.networks.layers import stacks


@registry.register
@gin.configurable
class ConvMLPMSE(explicit_network.RegressionNetwork):
    """π(o): an image encoder, hidden layers, then a linear layer to the action."""

    def __init__(
        self,
        obs_spec: types.NestedTensorSpec,
        action_spec: tf.TensorSpec,
        width: int = 512,
        depth: int = 2,
        rate: float = 0.1,
        coord_conv: bool = True,
        target_height: int = 90,
        target_width: int = 120,
        layers: str = "MLPDropout",
        encoder_network: str = "ConvMaxpoolEncoder",
        act_denorm_layer: Callable[[tf.Tensor], tf.Tensor] | None = None,
        name: str = "ConvMLPMSE",
    ):
        """Creates the network; its variables come with `create_variables`.

        Of the observation windows only the image [T, H, W, C] is looked at, of which there must be
        one. The arguments besides those of `MLPMSE` are those of `image_window.WindowEncoder`;
        the 'SpatialAttentionEncoder' sees every pixel's position without `coord_conv`, too.

        Raises:
          ValueError: A name is unknown, a size is not positive, the depth does not suit the
            layers, or there is not one image.
        """
        super().__init__(
            image_window.normalized_spec(obs_spec),
            action_spec,
            encoder=image_window.WindowEncoder(
                "ConvMLPMSE", obs_spec, encoder_network, target_height, target_width, coord_conv
            ),
            stack=stacks.make_stack("ConvMLPMSE", layers, width, depth, rate),
            act_denorm_layer=act_denorm_layer,
            name=name,
        )


@registry.register
@gin.configurable
class ConvMLPMDN(explicit_network.MixtureNetwork):
    """p(a | o): an image encoder, hidden layers, then a mixture of normal distributions."""

    def __init__(
        self,
        obs_spec: types.NestedTensorSpec,
        action_spec: tf.TensorSpec,
        width: int = 512,
        depth: int = 2,
        rate: float = 0.1,
        coord_conv: bool = True,
        target_height: int = 90,
        target_width: int = 120,
        layers: str = "MLPDropout",
        num_components: int = 1,
        training_temperature: float = 2.5,
        test_temperature: float = 2.5,
        test_variance_exponent: float = 1.0,
        act_denorm_layer: Callable[..., tf.Tensor] | None = None,
        name: str = "ConvMLPMDN",
    ):
        """Creates the network; its variables come with `create_variables`.

        Only the observation's image is looked at, by a `ConvMaxpoolEncoder`. The mixture's
        arguments, of flat actions [A], are those of `mixture.MixtureDensityLayer`, the others those
        of `ConvMLPMSE`.

        Raises:
          ValueError: A name is unknown, a size is not positive, the depth does not suit the
            layers, a parameter of the mixture is out of range, or there is not one image.
        """
        super().__init__(
            image_window.normalized_spec(obs_spec),
            encoder=image_window.WindowEncoder(
                "ConvMLPMDN",
                obs_spec,
                "ConvMaxpoolEncoder",
                target_height,
                target_width,
                coord_conv,
            ),
            stack=stacks.make_stack("ConvMLPMDN", layers, width, depth, rate),
            head=mixture.MixtureDensityLayer(
                "ConvMLPMDN",
                flat.flat_size(action_spec),
                num_components,
                training_temperature,
                test_temperature,
                test_variance_exponent,
                act_denorm_layer,
            ),
            name=name,
        )
