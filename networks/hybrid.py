"""Networks over cameras and low-dimensional readings: energy, regression and mixture density."""

from collections.abc import Callable
from typing import Any

import gin
import tensorflow as tf
from tf_agents.typing import types

from ibc.networks import energy_network, explicit_network, mixture, registry
from ibc.networks.encoders import flat, hybrid, image_window
from ibc.networks.layers import fan_in
from ibc.utils import parameters


@registry.register
@gin.configurable
class HybridEBM(energy_network.EncodedEnergyNetwork):
    """−E(o, a): a `HybridEncoder`, then hidden layers on [features, action] and a linear unit.

    The published size (arXiv 2303.04137, implicit policy) by default. What is looked at and how is
    bound to `HybridEncoder`.
    """

    def __init__(
        self,
        obs_spec: types.NestedTensorSpec,
        action_spec: tf.TensorSpec,
        width: int = 1024,
        depth: int = 4,
        rate: float = 0.1,
        name: str = "HybridEBM",
    ):
        """Creates the network; its variables come with `create_variables`.

        Args:
          obs_spec: Dict of specs of one observation window, see `HybridEncoder`.
          action_spec: Spec [A] of one flat normalized action, or of a chunk of them.
          width: Units per hidden layer.
          depth: Number of hidden layers.
          rate: Dropout rate after each of them.
          name: Name of the network.

        Raises:
          ValueError: A number is out of range, or as `HybridEncoder`.
        """
        super().__init__(
            **_before_the_head("HybridEBM", obs_spec, width, depth, rate),
            action_spec=action_spec,
            last=fan_in.FanInDense(1),
            name=name,
        )


@registry.register
@gin.configurable
class HybridMSE(explicit_network.RegressionNetwork):
    """π(o): a `HybridEncoder`, hidden layers, then a linear layer to the action."""

    def __init__(
        self,
        obs_spec: types.NestedTensorSpec,
        action_spec: tf.TensorSpec,
        width: int = 1024,
        depth: int = 4,
        rate: float = 0.1,
        act_denorm_layer: Callable[[tf.Tensor], tf.Tensor] | None = None,
        name: str = "HybridMSE",
    ):
        """Creates the network; its variables come with `create_variables`.

        The action, in and out, is that of `MLPMSE`; the other arguments are those of `HybridEBM`.

        Raises:
          ValueError: As `HybridEBM`.
        """
        super().__init__(
            **_before_the_head("HybridMSE", obs_spec, width, depth, rate),
            action_spec=action_spec,
            act_denorm_layer=act_denorm_layer,
            name=name,
        )


@registry.register
@gin.configurable
class HybridMDN(explicit_network.MixtureNetwork):
    """p(a | o): a `HybridEncoder`, hidden layers, then a mixture of normal distributions."""

    def __init__(
        self,
        obs_spec: types.NestedTensorSpec,
        action_spec: tf.TensorSpec,
        width: int = 1024,
        depth: int = 4,
        rate: float = 0.1,
        num_components: int = 1,
        training_temperature: float = 2.5,
        test_temperature: float = 2.5,
        test_variance_exponent: float = 1.0,
        act_denorm_layer: Callable[..., tf.Tensor] | None = None,
        name: str = "HybridMDN",
    ):
        """Creates the network; its variables come with `create_variables`.

        The mixture's arguments, of flat actions [A], are those of `mixture.MixtureDensityLayer`,
        the others those of `HybridEBM`.

        Raises:
          ValueError: A parameter of the mixture is out of range, or as `HybridEBM`.
        """
        super().__init__(
            **_before_the_head("HybridMDN", obs_spec, width, depth, rate),
            head=mixture.MixtureDensityLayer(
                "HybridMDN",
                flat.flat_size(action_spec),
                num_components,
                training_temperature,
                test_temperature,
                test_variance_exponent,
                act_denorm_layer,
            ),
            name=name,
        )


def _before_the_head(
    owner: str, obs_spec: types.NestedTensorSpec, width: int, depth: int, rate: float
) -> dict[str, Any]:
    """Returns what the three networks have in common, as arguments of their base classes."""
    parameters.check_whole(owner, width=width, depth=depth)
    return dict(
        obs_spec=image_window.normalized_spec(obs_spec),
        encoder=hybrid.HybridEncoder(obs_spec),
        stack=fan_in.FanInMLP([width] * depth, rate),
    )
