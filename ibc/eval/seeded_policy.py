"""The policy as evaluation calls it: greedy, compiled once, a function of explicit seeds."""

import numpy as np
import tensorflow as tf
from tf_agents.policies import tf_policy
from tf_agents.trajectories import time_step as ts
from tf_agents.typing import types

from ibc.agents import greedy_policy
from ibc.eval import rollouts


def greedy_act_fn(policy: tf_policy.TFPolicy) -> rollouts.ActFn:
    """Returns the greedy actions of a policy as a function of time steps and noise seeds.

    A policy with a state goes on from the state it had in the same row of the call before; the
    first step of an episode starts a new one.

    Args:
      policy: an agent's policy.

    Returns:
      Function of a batched NumPy time step [E, ...] and seeds int32 [E, 2] that returns NumPy
      actions [E, ...]; row i depends on row i of its arguments, and of earlier calls, alone.
    """
    greedy = greedy_policy.SeededGreedyPolicy(policy)
    state, width = (), 0

    @tf.function(autograph=False, reduce_retracing=True)
    def step(time_step: ts.TimeStep, seeds: tf.Tensor, state: types.NestedTensor):
        return greedy.action(time_step, state, seed=seeds)

    def act(time_step: ts.TimeStep, seeds: np.ndarray):
        nonlocal state, width
        if len(seeds) != width:
            width = len(seeds)
            state = greedy.get_initial_state(width)
        tensors = tf.nest.map_structure(tf.convert_to_tensor, (time_step, seeds))
        action, state, _ = step(*tensors, state)
        return tf.nest.map_structure(lambda tensor: tensor.numpy(), action)

    return act
