"""Small specs, networks and batches for tests of agents and policies."""

import numpy as np
import tensorflow as tf
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts

from ibc.networks import energy_network, mlp_ebm, mlp_explicit
from ibc.samplers import action_space

OBS_SPEC = {
    "alpha": tensor_spec.TensorSpec([2, 3], tf.float32, "alpha"),
    "goal": tensor_spec.TensorSpec([2, 2], tf.float32, "goal"),
}
ACTION_SPEC = tensor_spec.BoundedTensorSpec([2], tf.float32, 0.0, 1.0, "action")
SAMPLING_SPEC = tensor_spec.BoundedTensorSpec([2], tf.float32, [-1.0, -0.5], [1.0, 1.5])
TIME_STEP_SPEC = ts.time_step_spec(OBS_SPEC)


def space(action_spec=ACTION_SPEC, denormalize=None) -> action_space.ActionSpace:
    """Returns the space of actions that are sampled within `SAMPLING_SPEC`."""
    return action_space.ActionSpace.bounded(action_spec, SAMPLING_SPEC, denormalize)


class GoalNetwork(energy_network.EnergyNetwork):
    """Scores −weight · |a − goal|², the goal of the last time step; counts its encodings."""

    def __init__(self, weight: float = 1.5, name: str = "GoalNetwork"):
        super().__init__(OBS_SPEC, tf.TensorSpec([2]), name)
        self.weight = tf.Variable(weight, dtype=tf.float32)
        self.encodings = 0
        self.scored = []

    def encode(self, observation, training=False):
        self.encodings += 1
        return observation["goal"][:, -1]

    def score(self, encoding, actions, training=False):
        if tf.executing_eagerly():
            self.scored.append((training, actions.numpy()))
        distances = tf.math.squared_difference(actions, encoding[:, tf.newaxis])
        return -self.weight * tf.reduce_sum(distances, axis=-1)


def mlp_energy(**options) -> mlp_ebm.MLPEBM:
    """Returns a small energy network."""
    defaults = dict(width=16, depth=2, rate=0.0, layers="ResNetPreActivation")
    return mlp_ebm.MLPEBM(OBS_SPEC, tf.TensorSpec([2]), **{**defaults, **options})


def mlp_regression(**options) -> mlp_explicit.MLPMSE:
    """Returns a small regression network."""
    return mlp_explicit.MLPMSE(OBS_SPEC, ACTION_SPEC, **{"width": 16, "rate": 0.0, **options})


def mlp_mixture(**options) -> mlp_explicit.MLPMDN:
    """Returns a small mixture density network."""
    defaults = dict(width=16, rate=0.0, num_components=3, training_temperature=1.0)
    return mlp_explicit.MLPMDN(OBS_SPEC, ACTION_SPEC, **{**defaults, **options})


def batch(size: int = 8, seed: int = 0) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    """Returns observations and normalized actions."""
    generator = np.random.RandomState(seed)
    observation = {
        name: tf.constant(generator.randn(size, *spec.shape), tf.float32)
        for name, spec in OBS_SPEC.items()
    }
    return observation, tf.constant(generator.uniform(-0.5, 1, (size, 2)), tf.float32)


def time_step(size: int = 3, seed: int = 0) -> ts.TimeStep:
    """Returns a batch of first time steps."""
    return ts.restart(batch(size, seed)[0], size)


def step_counter(value: int = 0) -> tf.Variable:
    """Returns a training step counter."""
    return tf.Variable(value, dtype=tf.int64, trainable=False)
