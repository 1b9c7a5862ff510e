"""Agents by the name that `train_eval.loss_type` gives them."""

import tensorflow as tf
from tf_agents.agents import tf_agent
from tf_agents.networks import network
from tf_agents.trajectories import time_step
from tf_agents.typing import types

from ibc.agents import autoregressive_agent, ibc_agent, mdn_agent, mse_agent
from ibc.train.build import get_normalizers

_EXPLICIT_AGENTS = {
    "mse": mse_agent.MseBehavioralCloningAgent,
    "mdn": mdn_agent.MdnBehavioralCloningAgent,
}
_ENERGY_AGENTS = {
    "ebm": ibc_agent.ImplicitBCAgent,
    "autoregressive": autoregressive_agent.AutoregressiveBCAgent,
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
    time_step_spec: time_step.TimeStep,
    action_spec: types.NestedTensorSpec,
    action_sampling_spec: types.NestedTensorSpec,
    cloning_network: network.Network,
    optimizer: tf.keras.optimizers.Optimizer,
    normalizers: get_normalizers.NormalizationInfo,
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
