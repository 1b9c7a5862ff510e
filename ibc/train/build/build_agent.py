"""Network and agent by the names that config files give them."""

import tensorflow as tf
from tf_agents.agents import tf_agent
from tf_agents.networks import network
from tf_agents.trajectories import time_step as ts
from tf_agents.typing import types

from ibc.agents import autoregressive_agent, ibc_agent, mdn_agent, mse_agent
from ibc.networks import energy_network, registry
from ibc.train.build import agent_specs, normalization
from ibc.utils import precision

_EXPLICIT_AGENTS = {
    "mse": mse_agent.MseBehavioralCloningAgent,
    "mdn": mdn_agent.MdnBehavioralCloningAgent,
}
_ENERGY_AGENTS = {
    "ebm": ibc_agent.ImplicitBCAgent,
    "autoregressive": autoregressive_agent.AutoregressiveBCAgent,
}
_LOSS_TYPE_OF_HEAD = {
    "energy": "ebm",
    "regression": "mse",
    "mixture": "mdn",
    "autoregressive": "autoregressive",
}
LOSS_TYPES = ("ebm", "mse", "mdn", "autoregressive")


def check_loss_type(loss_type: str) -> None:
    """Raises ValueError unless there is an agent for `loss_type`."""
    if loss_type not in LOSS_TYPES:
        raise ValueError(
            f"train_eval.loss_type is {loss_type!r}; choose one of {', '.join(LOSS_TYPES)}."
        )


def get_agent(
    loss_type: str,
    time_step_spec: ts.TimeStep,
    action_spec: types.NestedTensorSpec,
    action_sampling_spec: types.NestedTensorSpec,
    cloning_network: network.Network,
    optimizer: tf.keras.optimizers.Optimizer,
    normalizers: normalization.NormalizationInfo,
    train_step: tf.Variable,
    seed: int,
) -> tf_agent.TFAgent:
    """Builds the agent of a loss.

    Args:
      loss_type: one of `LOSS_TYPES`.
      time_step_spec: the environment's, observations [T, ...].
      action_spec: the environment's.
      action_sampling_spec: bounds of normalized actions to sample from, for energies.
      cloning_network: network that fits the loss.
      optimizer: Keras optimizer.
      normalizers: layers for observations and actions.
      train_step: scalar int64.
      seed: seed of the sampling noise and dropout.
    """
    check_loss_type(loss_type)
    shared = dict(
        cloning_network=cloning_network,
        optimizer=optimizer,
        obs_norm_layer=normalizers.obs_norm_layer,
        train_step_counter=train_step,
        seed=seed,
    )
    if loss_type in _EXPLICIT_AGENTS:
        return _EXPLICIT_AGENTS[loss_type](time_step_spec, action_spec, **shared)
    return _ENERGY_AGENTS[loss_type](
        time_step_spec,
        action_spec,
        action_sampling_spec,
        act_denorm_layer=normalizers.act_denorm_layer,
        **shared,
    )


def loss_type_of(name: str) -> str:
    """Returns the loss type that the network which gin names is trained with."""
    return _LOSS_TYPE_OF_HEAD[registry.get("train_eval.network", name).head]


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
      loss_type: one of `LOSS_TYPES`; the network must fit it.
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


def build_agent(
    time_step_spec: ts.TimeStep,
    action_spec: types.BoundedTensorSpec,
    loss_type: str,
    network: str,
    normalizers: normalization.NormalizationInfo,
    uniform_boundary_buffer: float,
    optimizer: tf.keras.optimizers.Optimizer,
    train_step: tf.Variable,
    seed: int,
    mixed_precision: bool = False,
) -> tf_agent.TFAgent:
    """Builds network and agent; the specs are those of `agent_specs`.

    With `mixed_precision` the network's hidden layers compute in bfloat16.
    """
    sampling_spec = agent_specs.get_sampling_spec(
        action_spec,
        normalizers.min_actions,
        normalizers.max_actions,
        uniform_boundary_buffer,
        normalizers.act_norm_layer,
    )
    with precision.mixed(mixed_precision):
        cloning_network = get_cloning_network(
            network,
            loss_type,
            time_step_spec.observation,
            sampling_spec,
            normalizers.act_denorm_layer,
        )
    return get_agent(
        loss_type,
        time_step_spec,
        action_spec,
        sampling_spec,
        cloning_network,
        optimizer,
        normalizers,
        train_step,
        seed,
    )
