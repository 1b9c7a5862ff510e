"""Networks by the name that `train_eval.network` gives them."""

import difflib

from tf_agents.networks import network
from tf_agents.typing import types

from ibc.networks import (
    autoregressive_ebm,
    conv_mlp_mdn,
    conv_mlp_mse,
    energy_network,
    mlp_ebm,
    mlp_mdn,
    mlp_mse,
    pixel_ebm,
)

# Name -> (network class, the loss it is trained with).
NETWORKS = {
    "MLPEBM": (mlp_ebm.MLPEBM, "ebm"),
    "MLPMSE": (mlp_mse.MLPMSE, "mse"),
    "MLPMDN": (mlp_mdn.MLPMDN, "mdn"),
    "PixelEBM": (pixel_ebm.PixelEBM, "ebm"),
    "ConvMLPMSE": (conv_mlp_mse.ConvMLPMSE, "mse"),
    "ConvMLPMDN": (conv_mlp_mdn.ConvMLPMDN, "mdn"),
    "AutoregressiveEBM": (autoregressive_ebm.AutoregressiveEBM, "autoregressive"),
}


def get_cloning_network(
    name: str,
    loss_type: str,
    observation_spec: types.NestedTensorSpec,
    action_spec: types.NestedTensorSpec,
    act_denorm_layer,
) -> network.Network:
    """Builds the network that gin names.

    Args:
      name: a key of `NETWORKS`.
      loss_type: one of `get_agent.LOSS_TYPES`; the network must fit it.
      observation_spec: nest of [T, ...] specs.
      action_spec: spec of the flat action.
      act_denorm_layer: maps normalized actions to the environment's, for all but energy networks.

    Raises:
      ValueError: there is no such network, or it is trained with another loss.
    """
    if name not in NETWORKS:
        near = difflib.get_close_matches(str(name), NETWORKS, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"train_eval.network is {name!r}; choose one of {', '.join(NETWORKS)}.{hint}"
        )
    network_class, trained_with = NETWORKS[name]
    if trained_with != loss_type:
        raise ValueError(
            f"train_eval.network is {name!r}, which is trained with loss_type "
            f"{trained_with!r}, but train_eval.loss_type is {loss_type!r}."
        )
    if issubclass(network_class, energy_network.EnergyNetwork):
        return network_class(observation_spec, action_spec)
    return network_class(observation_spec, action_spec, act_denorm_layer=act_denorm_layer)
