"""The policy as evaluation calls it: greedy, compiled once, a function of explicit seeds."""

import numpy as np
import tensorflow as tf
from tf_agents.policies import tf_policy
from tf_agents.trajectories import time_step as ts

from ibc.agents import greedy_policy
from ibc.eval import rollouts


def greedy_act_fn(policy: tf_policy.TFPolicy) -> rollouts.ActFn:
    """Returns the greedy actions of a policy as a function of time steps and noise seeds.

    Args:
      policy: an agent's policy.

    Returns:
      Function of a batched NumPy time step [E, ...] and seeds int32 [E, 2] that returns NumPy
      actions [E, ...]; row i depends on row i of its arguments alone.
    """
    greedy = greedy_policy.SeededGreedyPolicy(policy)

    @tf.function(autograph=False, reduce_retracing=True)
    def action(time_step: ts.TimeStep, seeds: tf.Tensor):
        return greedy.action(time_step, seed=seeds).action

    def act(time_step: ts.TimeStep, seeds: np.ndarray):
        tensors = tf.nest.map_structure(tf.convert_to_tensor, (time_step, seeds))
        return tf.nest.map_structure(lambda tensor: tensor.numpy(), action(*tensors))

    return act
