"""The samplers in NumPy against those in TensorFlow, on scores that both can compute."""

import numpy as np
import pytest
import tensorflow as tf

from ibc.runtime import dfo as numpy_dfo
from ibc.samplers import action_space, dfo, published_dfo, sampler
from ibc.utils import keys
from tests import agent_testing

_GOALS = np.float32([[0.3, -0.2], [-0.4, 0.9]])
_SAMPLERS = {
    "iterative_dfo": dfo.IterativeDFO(temperature=0.5, num_iterations=4),
    "average": dfo.IterativeDFO(average=True),
    "faithful": dfo.IterativeDFO(faithful=True),
    "andy_dfo": published_dfo.AndyDFO(),
    "kevin_dfo": published_dfo.KevinDFO(num_iterations=3),
}


def _score(actions, reduce):
    return -20 * reduce((actions - _GOALS[:, np.newaxis]) ** 2, axis=-1)


@pytest.mark.parametrize("name", _SAMPLERS)
def test_samples_are_those_of_tensorflow(name):
    stage = _SAMPLERS[name]
    space: action_space.ActionSpace = agent_testing.space()
    starts = np.random.default_rng(0).uniform(-1, 1, (2, 50, 2)).astype(np.float32)
    seed = np.array([3, 4], np.int32)
    expected = sampler.InTurn((stage, None))(
        lambda actions: _score(actions, tf.reduce_sum),
        tf.constant(starts),
        space,
        keys.Key(tf.constant(seed)),
    )
    found = numpy_dfo.improved(
        [{"name": stage.NAME, **vars(stage)}, None],
        lambda actions: _score(actions, np.sum),
        starts,
        numpy_dfo.Bounds(space.minimum.numpy(), space.maximum.numpy()),
        seed,
    )
    np.testing.assert_allclose(found.actions, expected.actions, atol=1e-5)
    np.testing.assert_allclose(found.logits, expected.logits, atol=1e-4)
    assert (found.chosen is None) == (expected.chosen is None)
    if found.chosen is not None:
        np.testing.assert_array_equal(found.chosen, expected.chosen)
