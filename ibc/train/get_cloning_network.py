"""Networks by the name that `train_eval.network` gives them."""

import difflib

from tf_agents.networks import network
from tf_agents.typing import types

from ibc.networks import mlp_ebm, mlp_mse

# Name -> (network class, the loss it is trained with).
NETWORKS = {
    "MLPEBM": (mlp_ebm.MLPEBM, "ebm"),
    "MLPMSE": (mlp_mse.MLPMSE, "mse"),
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
      loss_type: 'ebm' or 'mse'; the network must fit it.
      observation_spec: nest of [T, ...] specs.
      action_spec: spec of the flat action.
      act_denorm_layer: maps normalized actions to the environment's, for regression networks.

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
    if loss_type == "ebm":
        return network_class(observation_spec, action_spec)
    return network_class(observation_spec, action_spec, act_denorm_layer=act_denorm_layer)
