"""How far a policy's actions are from demonstrated ones, in the environment's units."""

import numpy as np
import tensorflow as tf
from tf_agents.policies import tf_policy
from tf_agents.trajectories import time_step as ts
from tf_agents.typing import types

from ibc.agents import greedy_policy, receding_horizon
from ibc.data.windows import dataset
from ibc.utils import scalars, tags

NAME = tags.ACTION_ERROR
MOST_WINDOWS = 128


class ActionError:
    """Infers actions on the first training batch and writes their mean squared error."""

    def __init__(
        self,
        policy: tf_policy.TFPolicy,
        windows: dataset.WindowDataset,
        numbers: np.ndarray,
        seed: int,
        writer: tf.summary.SummaryWriter,
        train_step: tf.Variable,
    ):
        """Takes the windows out of the data.

        Args:
          policy: the policy in training; acts greedily, as at an episode's first step. Of one that
            plans chunks whole chunks are compared.
          windows: training windows as they are stored.
          numbers: which of them, int64 [B]; the first `MOST_WINDOWS` are used.
          seed: seed of the policy's samples, the same at every step.
          writer: where the scalar goes.
          train_step: scalar int64.
        """
        self._writer = writer
        self._train_step = train_step
        (observation, action), _ = windows.take(numbers[:MOST_WINDOWS])
        observation = tf.nest.map_structure(
            lambda values, spec: tf.cast(tf.constant(values), spec.dtype),
            observation,
            policy.time_step_spec.observation,
        )
        greedy = greedy_policy.SeededGreedyPolicy(policy)
        batch = len(action)

        @tf.function(autograph=False)
        def compute(observation: types.NestedTensor) -> tf.Tensor:
            time_step, key = ts.restart(observation, batch), tf.constant([seed, 0], tf.int64)
            if isinstance(policy, receding_horizon.RecedingHorizonPolicy):
                inferred = policy.plan(time_step, key)
            else:
                state = greedy.get_initial_state(batch)
                inferred = greedy.action(time_step, state, seed=key).action
            inferred = tf.cast(tf.reshape(inferred, [batch, -1]), tf.float32)
            done = tf.reshape(action, [batch, -1])
            return tf.reduce_mean(tf.math.squared_difference(inferred, done))

        self._compute = lambda: compute(observation)

    def __call__(self) -> float:
        """Writes the error under `NAME` and returns it."""
        error = float(self._compute())
        scalars.write(self._writer, int(self._train_step.numpy()), {NAME: error})
        return error
