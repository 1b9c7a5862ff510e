import numpy as np
import tensorflow as tf

from ibc.networks.layers import fan_in_variables, lstm


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_one_step_is_as_written_by_hand():
    network = lstm.Lstm(3, fan_in_variables.Drawing(4), layers=1)
    given = np.array([[0.5, -1.0, 2.0]], np.float32)
    kernel, _, first, second = (variable.numpy() for variable in network.layers[0])
    i, _, g, o = np.split(given @ kernel + first + second, 4, axis=1)
    hidden = _sigmoid(o) * np.tanh(_sigmoid(i) * np.tanh(g))
    expected = hidden @ network.output[0].numpy() + network.output[1].numpy()
    found, states = network(tf.constant(given[np.newaxis]))
    np.testing.assert_allclose(found[0], expected, rtol=1e-5)
    np.testing.assert_allclose(states[0].hidden[0], hidden, rtol=1e-5)


def test_going_on_from_a_state_is_going_through():
    network = lstm.Lstm(4, fan_in_variables.Drawing(0))
    inputs = tf.random.stateless_normal([9, 2, 4], [0, 1])
    whole, states = network(inputs)
    rest, _ = network(inputs[6:], network.at(states, 5))
    np.testing.assert_allclose(rest, whole[6:], rtol=1e-5, atol=1e-6)


def test_variables_are_drawn_within_their_bound():
    network = lstm.Lstm(16, fan_in_variables.Drawing(7))
    values = np.concatenate([variable.numpy().ravel() for variable in network.weights])
    assert 0.24 < np.abs(values).max() <= 0.25
    assert len(np.unique(values)) > 0.99 * len(values)
