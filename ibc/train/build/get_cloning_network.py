"""Networks by the name that `train_eval.network` gives them."""

from tf_agents.networks import network
from tf_agents.typing import types

from ibc.networks import energy_network, registry

_LOSS_TYPES = {
    "energy": "ebm",
    "regression": "mse",
    "mixture": "mdn",
    "autoregressive": "autoregressive",
}
"""The head of a network → what it is trained with."""


def loss_type_of(name: str) -> str:
    """Returns the loss type that the network which gin names is trained with."""
    return _LOSS_TYPES[registry.get("train_eval.network", name).head]


def get_cloning_network(
    name: str,
    loss_type: str,
    observation_spec: types.NestedTensorSpec,
    action_spec: types.NestedTensorSpec,
    act_denorm_layer,
) -> network.Network:
    """Builds the network that gin names.

    Args:
      name: one of `registry.networks`.
      loss_type: one of `get_agent.LOSS_TYPES`; the network must fit it.
      observation_spec: nest of [T, ...] specs.
      action_spec: spec of the flat action.
      act_denorm_layer: maps normalized actions to the environment's, for all but energy networks.

    Raises:
      ValueError: there is no such network, or it is trained with another loss.
    """
    network_class = registry.get("train_eval.network", name)
    trained_with = loss_type_of(name)
    if trained_with != loss_type:
        raise ValueError(
            f"train_eval.network is {name!r}, which is trained with loss_type "
            f"{trained_with!r}, but train_eval.loss_type is {loss_type!r}."
        )
    if issubclass(network_class, energy_network.EnergyNetwork):
        return network_class(observation_spec, action_spec)
    return network_class(observation_spec, action_spec, act_denorm_layer=act_denorm_layer)
