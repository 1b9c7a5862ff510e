"""AdamW against recordings and a recomputation in float64."""

import numpy as np
import pytest
import tensorflow as tf

from ibc.utils import adamw


@pytest.mark.parametrize("decay", [0, 10])
def test_recorded_steps(golden, decay):
    recorded = np.load(golden("online_imitation/optimiser_scores.npz"))
    case = f"adamw_wd{decay}"
    variable = tf.Variable(recorded[f"{case}/start"], dtype=tf.float32)
    optimizer = adamw.AdamW(float(recorded[f"{case}/learning_rate"]), weight_decay=decay)
    steps = zip(recorded[f"{case}/grads"], recorded[f"{case}/params"], strict=True)
    for gradient, expected in steps:
        optimizer.apply_gradients([(tf.constant(gradient, tf.float32), variable)])
        np.testing.assert_allclose(variable, expected, rtol=1e-5, atol=1e-7)


def test_steps_against_float64():
    gradients = np.random.RandomState(0).randn(5, 3) * [1, 1e-3, 1e-8]
    variable, optimizer = tf.Variable(tf.ones([3])), adamw.AdamW(0.01, weight_decay=0.1)
    value, first, second = np.ones(3), np.zeros(3), np.zeros(3)
    for step, gradient in enumerate(gradients, start=1):
        optimizer.apply_gradients([(tf.constant(gradient, tf.float32), variable)])
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        spread = np.sqrt(second / (1 - 0.999**step)) + 1e-8
        value = value * (1 - 0.001) - 0.01 * first / (1 - 0.9**step) / spread
        np.testing.assert_allclose(variable, value, rtol=2e-5)
