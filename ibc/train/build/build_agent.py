"""Network and agent for what is observed and done, and a data set's statistics."""

import tensorflow as tf
from tf_agents.agents import tf_agent
from tf_agents.trajectories import time_step as ts
from tf_agents.typing import types

from ibc.train.build import get_agent, get_cloning_network, get_normalizers, get_sampling_spec
from ibc.utils import precision


def build_agent(
    time_step_spec: ts.TimeStep,
    action_spec: types.BoundedTensorSpec,
    loss_type: str,
    network: str,
    normalizers: get_normalizers.NormalizationInfo,
    uniform_boundary_buffer: float,
    optimizer: tf.keras.optimizers.Optimizer,
    train_step: tf.Variable,
    seed: int,
    mixed_precision: bool = False,
) -> tf_agent.TFAgent:
    """Builds network and agent; the specs are those of `agent_specs`.

    With `mixed_precision` the network's hidden layers compute in bfloat16.
    """
    sampling_spec = get_sampling_spec.get_sampling_spec(
        action_spec,
        normalizers.min_actions,
        normalizers.max_actions,
        uniform_boundary_buffer,
        normalizers.act_norm_layer,
    )
    with precision.mixed(mixed_precision):
        cloning_network = get_cloning_network.get_cloning_network(
            network,
            loss_type,
            time_step_spec.observation,
            sampling_spec,
            normalizers.act_denorm_layer,
        )
    return get_agent.get_agent(
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
