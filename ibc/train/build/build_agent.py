"""Network and agent by the names that config files give them."""

import dataclasses

import tensorflow as tf
from tf_agents.agents import tf_agent
from tf_agents.trajectories import time_step as ts
from tf_agents.typing import types

from ibc.agents import registry as agents
from ibc.networks import energy_network
from ibc.networks import registry as networks
from ibc.samplers import action_space
from ibc.train.build import agent_specs, normalization
from ibc.utils import precision


def check_names(loss_type: str, network: str) -> None:
    """Raises ValueError unless there is an agent for `loss_type` and a `network` that fits it."""
    known = agents.registered()
    if loss_type not in known:
        raise ValueError(
            f"train_eval.loss_type is {loss_type!r}; choose one of {', '.join(known)}."
        )
    head = networks.get("train_eval.network", network).head
    trained_with = [loss for loss, agent in known.items() if agent.head == head]
    if loss_type not in trained_with:
        raise ValueError(
            f"train_eval.network is {network!r}, which is trained with loss_type "
            f"{' or '.join(map(repr, trained_with))}, but train_eval.loss_type is {loss_type!r}."
        )


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
    mixed_precision: bool | str = False,
    network_observation_spec: types.NestedTensorSpec | None = None,
    normal_std: float | None = None,
) -> tf_agent.TFAgent:
    """Builds network and agent.

    Args:
      time_step_spec: what is observed, see `agent_specs`: observations [T, ...].
      action_spec: what is done, float32 [A].
      loss_type: one of `agents.registered()`.
      network: one of `networks.networks()` that fits the loss.
      normalizers: layers for observations and actions, and the data's bounds.
      uniform_boundary_buffer: widening of these bounds, as a share of the data's range.
      optimizer: Keras optimizer.
      train_step: scalar int64.
      seed: seed of the sampling noise and dropout.
      mixed_precision: type of hidden layers, see `precision.hidden_type`.
      network_observation_spec: what `normalizers` make of an observation, where it has another
        structure.
      normal_std: standard deviation of counter-examples that are drawn from a normal distribution
        instead of uniformly.

    Raises:
      ValueError: there is no such loss or network, or they do not fit each other or the data.
    """
    check_names(loss_type, network)
    sampling_spec = agent_specs.get_sampling_spec(
        action_spec,
        normalizers.min_actions,
        normalizers.max_actions,
        uniform_boundary_buffer,
        normalizers.act_norm_layer,
        normalizers.action_range,
    )
    network_class = networks.get("train_eval.network", network)
    # Only those that are no energies give actions themselves.
    is_energy = issubclass(network_class, energy_network.EnergyNetwork)
    options = {} if is_energy else {"act_denorm_layer": normalizers.act_denorm_layer}
    with precision.mixed(mixed_precision):
        cloning_network = network_class(
            network_observation_spec or time_step_spec.observation, sampling_spec, **options
        )
    space = action_space.ActionSpace.bounded(
        action_spec, sampling_spec, normalizers.act_denorm_layer
    )
    return agents.registered()[loss_type].agent(
        time_step_spec,
        dataclasses.replace(space, normal_std=normal_std),
        cloning_network,
        optimizer,
        obs_norm_layer=normalizers.obs_norm_layer,
        train_step_counter=train_step,
        seed=seed,
    )
