"""Optimizers against a recorded trajectory, NumPy in float64, and bits of what there was."""

import gin
import numpy as np
import pytest
import tensorflow as tf

from ibc.train.build import learning_rate, optimizer

CURVES = np.array([1.0, 2.0, 3.0])
START = np.array([1.0, -2.0, 0.5])


def _trajectory(made, steps=6, scale=1.0):
    """Positions of steps on Σ (c · x)², times a scale, [steps + 1, 3]."""
    weights = tf.Variable(START.astype(np.float32))
    positions = [weights.numpy()]

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = scale * tf.reduce_sum(tf.square(CURVES.astype(np.float32) * weights))
        made.apply_gradients([(tape.gradient(loss, weights), weights)])

    for _ in range(steps):
        step()
        positions.append(weights.numpy())
    return np.array(positions)


def _constant(rate):
    return learning_rate.ExponentialDecay(rate, 10**12)


def test_adamw_takes_the_recorded_steps(golden):
    recorded = np.load(golden("sequences/schedules.npz"))["adamw_trajectory"]
    found = _trajectory(optimizer.get_optimizer("adamw", _constant(1e-2)))
    np.testing.assert_allclose(found, recorded, rtol=1e-5)


def _decoupled(steps, rate, beta_1, beta_2, epsilon, decay):
    """The paper's algorithm 2 in float64, the rate of each step a function of its number."""
    x, first, second = START.copy(), np.zeros(3), np.zeros(3)
    positions = [x.copy()]
    for t in range(1, steps + 1):
        gradient = 2 * CURVES**2 * x
        x = x - rate(t - 1) * decay * x
        first = beta_1 * first + (1 - beta_1) * gradient
        second = beta_2 * second + (1 - beta_2) * gradient**2
        step = first / (1 - beta_1**t) / (np.sqrt(second / (1 - beta_2**t)) + epsilon)
        x = x - rate(t - 1) * step
        positions.append(x.copy())
    return np.array(positions)


def test_adamw_decays_by_the_schedule_before_adams_step():
    gin.parse_config("adamw.weight_decay = 0.3\nadamw.beta_1 = 0.8\nadamw.beta_2 = 0.9")
    schedule = learning_rate.CosineWarmup(0.1, 5, 20)
    found = _trajectory(optimizer.get_optimizer("adamw", schedule), steps=25)
    expected = _decoupled(25, lambda t: float(schedule(t)), 0.8, 0.9, 1e-8, 0.3)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert not np.allclose(
        found[10], _decoupled(10, lambda t: 0.1, 0.8, 0.9, 1e-8, 0)[10], rtol=1e-2
    )


def test_adam_is_the_one_there_always_was():
    rate = _constant(1e-2)
    expected = _trajectory(tf.keras.optimizers.legacy.Adam(rate))
    np.testing.assert_array_equal(_trajectory(optimizer.get_optimizer("adam", rate)), expected)


@pytest.mark.parametrize("name", optimizer.OPTIMIZERS)
def test_long_gradients_are_scaled_down_to_the_limit(name):
    def positions(limit, gradients):
        made = optimizer.get_optimizer(name, _constant(1e-2), limit)
        first, second = tf.Variable([1.0, 2.0]), tf.Variable([3.0])
        for gradient in gradients:
            made.apply_gradients([(tf.constant(gradient[:2]), first), (gradient[2:], second)])
        return np.concatenate([first, second])

    long, short = [3.0, 0.0, 4.0], [-0.03, 0.0, 0.04]
    found = positions(0.1, [long, short])
    np.testing.assert_allclose(found, positions(None, [[0.06, 0.0, 0.08], short]), rtol=1e-6)
    assert not np.allclose(found, positions(None, [long, short]), rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "bound", "message"),
    [
        ("sgd", "", "train_eval.optimizer is 'sgd'; choose one of adam, adamw"),
        ("adamw", "adamw.beta_1 = 1.0", "adamw.beta_1 must be below 1, got 1.0"),
        ("adamw", "adamw.weight_decay = -1", "adamw.weight_decay must not be a negative number"),
        ("adamw", "adamw.epsilon = 0", "adamw.epsilon must be a positive number"),
    ],
)
def test_bad_values_are_named(name, bound, message):
    gin.parse_config(bound)
    with pytest.raises(ValueError, match=message):
        optimizer.get_optimizer(name, _constant(1e-2))
