"""Small specs, networks and batches for tests of agents and policies."""

import numpy as np
import tensorflow as tf
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts

from ibc.agents import ibc_policy
from ibc.networks import energy_network, mlp_ebm, mlp_explicit
from ibc.samplers import action_space

OBS_SPEC = {
    "alpha": tensor_spec.TensorSpec([2, 3], tf.float32, "alpha"),
    "goal": tensor_spec.TensorSpec([2, 2], tf.float32, "goal"),
}
ACTION_SPEC = tensor_spec.BoundedTensorSpec([2], tf.float32, 0.0, 1.0, "action")
SAMPLING_SPEC = tensor_spec.BoundedTensorSpec([2], tf.float32, [-1.0, -0.5], [1.0, 1.5])
WIDE_SPEC = tensor_spec.BoundedTensorSpec([2], tf.float32, -9.0, 9.0)
TIME_STEP_SPEC = ts.time_step_spec(OBS_SPEC)


def space(action_spec=ACTION_SPEC, denormalize=None) -> action_space.ActionSpace:
    """Returns the space of actions that are sampled within `SAMPLING_SPEC`."""
    return action_space.ActionSpace.bounded(action_spec, SAMPLING_SPEC, denormalize)


class GoalNetwork(energy_network.EnergyNetwork):
    """Scores −weight · |a − goal|², the goal of the last time step; counts its encodings."""

    def __init__(self, weight: float = 1.5, observation_spec=OBS_SPEC, goal: str = "goal"):
        super().__init__(observation_spec, tf.TensorSpec([2]), "GoalNetwork")
        self._goal = goal
        self.weight = tf.Variable(weight, dtype=tf.float32)
        self.encodings = 0
        self.scored = []

    def encode(self, observation, training=False):
        self.encodings += 1
        return observation[self._goal][:, -1]

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


def denormalize(values, mean_offset: bool = True):
    """Maps normalized actions to the environment's."""
    return 0.25 * values + (0.5 if mean_offset else 0.0)


def doubled(nest):
    """Doubles every value, as a normalization might."""
    return tf.nest.map_structure(lambda values: values * 2, nest)


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


def agent(agent_class, network, optimizer=None, **options):
    """Returns an agent for these specs; it descends gradients at the rate 0.1 by default."""
    return agent_class(
        TIME_STEP_SPEC,
        space(),
        network,
        optimizer or tf.keras.optimizers.SGD(0.1),
        **{"train_step_counter": step_counter(), **options},
    )


def losses(trained, experience, steps: int) -> list[np.float32]:
    """Trains an agent on the same batch again and again; returns the losses."""
    train = tf.function(trained.train, autograph=False)
    return [train(experience).loss.numpy() for _ in range(steps)]


def weights(trained) -> list[np.ndarray]:
    """Returns copies of all variables of an agent's network."""
    return [variable.numpy() for variable in trained.cloning_network.variables]


def assert_close(found, expected, rtol: float = 0.0, atol: float = 0.0) -> None:
    """Asserts that two lists of arrays are the same, within tolerances."""
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=atol)


def policy(network=None, action_spec=WIDE_SPEC, act_denorm_layer=None, **options):
    """Returns an implicit policy; its energy has its peak at the goal by default."""
    specs = TIME_STEP_SPEC, space(action_spec, act_denorm_layer)
    return ibc_policy.IbcPolicy(*specs, network or GoalNetwork(20.0), **options)


def assert_rows_are_independent(act) -> None:
    """Asserts that each of three rows gets its action alone, and in another order; repeatably."""
    together = act([0, 1, 2])
    np.testing.assert_array_equal(together, act([0, 1, 2]))
    np.testing.assert_allclose(act([2, 0]), together[[2, 0]], atol=1e-6)
    np.testing.assert_allclose(act([1]), together[[1]], atol=1e-6)
