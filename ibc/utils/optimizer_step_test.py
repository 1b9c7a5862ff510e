import gc
import weakref

import numpy as np
import pytest
import tensorflow as tf

from ibc.utils import optimizer_step

_OPTIMIZERS = {
    "adam": lambda: tf.keras.optimizers.Adam(0.1),
    "legacy": lambda: tf.keras.optimizers.legacy.Adam(0.1),
    "scaled": lambda: tf.keras.mixed_precision.LossScaleOptimizer(tf.keras.optimizers.Adam(0.1)),
}


@pytest.mark.parametrize("name", _OPTIMIZERS)
def test_a_step_is_the_optimizers_own(name):
    values = []
    for is_ours in (True, False):
        variables = [tf.Variable([1.0, 2.0]), tf.Variable(3.0)]
        made = _OPTIMIZERS[name]()
        for _ in range(3):
            gradients = [variables[0] ** 2, variables[1]]
            if is_ours:
                optimizer_step.apply(made, gradients, variables)
            else:
                made.apply_gradients(zip(gradients, variables, strict=True))
        values.append([variable.numpy() for variable in variables])
    for found, expected in zip(*values, strict=True):
        np.testing.assert_array_equal(found, expected)
        assert np.all(found != 1)


def test_graphs_of_steps_are_given_back():
    def traced():
        variable, made = tf.Variable([1.0]), tf.keras.optimizers.Adam(0.1)
        made.build([variable])

        @tf.function(autograph=False)
        def step():
            optimizer_step.apply(made, [2 * variable], [variable])

        step()
        return weakref.ref(step.get_concrete_function().graph)

    graph = traced()
    gc.collect()
    assert graph() is None
