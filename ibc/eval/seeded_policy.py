"""The policy as evaluation calls it: greedy, compiled once, a function of explicit seeds."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
from tf_agents.policies import tf_policy
from tf_agents.trajectories import time_step as ts
from tf_agents.typing import types

from ibc.agents import greedy_policy
from ibc.eval import rollouts


def greedy_act_fn(policy: tf_policy.TFPolicy) -> rollouts.ActFn:
    """Returns the greedy actions of a policy as a function of time steps and noise seeds.

    A policy with a state goes on from the state it had in the same row of the wave's call before;
    the first step of an episode starts a new one.

    Args:
      policy: an agent's policy.

    Returns:
      Function of a batched NumPy time step [E, ...], seeds int32 [E, 2] and, for policies with a
      state, the wave, that returns NumPy actions [E, ...]; row i depends on row i of its
      arguments, and of the wave's earlier calls, alone. It is compiled once for each E.
    """
    greedy = greedy_policy.SeededGreedyPolicy(policy)
    compiled: dict[int, Callable[..., types.NestedTensor]] = {}
    states: dict[tuple[int, int], types.NestedTensor] = {}

    def act(time_step: ts.TimeStep, seeds: np.ndarray, wave: int = 0):
        width = len(seeds)
        if (wave, width) not in states:
            states[wave, width] = greedy.get_initial_state(width)
        arguments = time_step, seeds, states[wave, width]
        if width not in compiled:
            compiled[width] = _compiled(greedy, arguments)
        step = compiled[width](*map(tf.constant, tf.nest.flatten(arguments)))
        states[wave, width] = step.state
        return tf.nest.map_structure(lambda tensor: tensor.numpy(), step.action)

    return act


def _compiled(
    greedy: greedy_policy.SeededGreedyPolicy, arguments: types.NestedTensorOrArray
) -> Callable[..., types.NestedTensor]:
    """Compiles a policy for arguments like these: time step, seeds [E, 2], state; takes them flat.

    Matching nested ones with what was compiled takes longer than a small network does.
    """

    @tf.function(autograph=False)
    def step(*parts: tf.Tensor):
        time_step, seeds, state = tf.nest.pack_sequence_as(arguments, parts)
        return greedy.action(time_step, state, seed=seeds)

    specs = [tf.TensorSpec(np.shape(part), part.dtype) for part in tf.nest.flatten(arguments)]
    return step.get_concrete_function(*specs)
