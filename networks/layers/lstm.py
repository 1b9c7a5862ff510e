"""A stack of LSTM layers over time-major sequences, with a linear layer at its end."""

from typing import NamedTuple

import tensorflow as tf

from ibc.networks.layers import fan_in_variables


class State(NamedTuple):
    """What a layer carries from one time step to the next, each [V, z]."""

    hidden: tf.Tensor
    cell: tf.Tensor


class Lstm(tf.Module):
    """h_t = W o_t + b, o the outputs of layers of z units, gates in the order i, f, g, o.

    Each layer has two biases that are added, so that optimizers see what they saw in the published
    network. Nothing is stored in a call: who goes on later passes the state.
    """

    def __init__(
        self, size: int, draw: fan_in_variables.Drawing, layers: int = 2, name: str = "lstm"
    ):
        """Creates the variables, all uniform within ±1/√z.

        Args:
          size: z, of inputs, states and outputs.
          draw: Draws the variables.
          layers: How many.
          name: Name of the variables.
        """
        super().__init__(name=name)
        self.size = size
        self.layers = [
            [
                draw([size, 4 * size], size, f"{layer}_kernel_input"),
                draw([size, 4 * size], size, f"{layer}_kernel_hidden"),
                draw([4 * size], size, f"{layer}_bias_input"),
                draw([4 * size], size, f"{layer}_bias_hidden"),
            ]
            for layer in range(layers)
        ]
        self.output = [draw([size, size], size, "kernel"), draw([size], size, "bias")]

    @property
    def weights(self) -> list[tf.Variable]:
        """Layer by layer, then the linear layer's."""
        return [variable for part in (*self.layers, self.output) for variable in part]

    def __call__(
        self, inputs: tf.Tensor, state: list[State] | None = None
    ) -> tuple[tf.Tensor, list[State]]:
        """Runs over a sequence.

        Args:
          inputs: float32 [T, V, z].
          state: Of each layer before the first step; None for zeros.

        Returns:
          h [T, V, z], and the layers' states after every step, each part [T, V, z]; see `at`.
        """
        zeros = tf.zeros([tf.shape(inputs)[1], self.size])
        values, states = inputs, []
        for layer, variables in enumerate(self.layers):
            before = State(zeros, zeros) if state is None else state[layer]
            after = _run(values, before, *variables)
            states.append(after)
            values = after.hidden
        kernel, bias = self.output
        return tf.matmul(values, kernel) + bias, states

    @staticmethod
    def at(states: list[State], step: tf.Tensor | int) -> list[State]:
        """Returns the states after one step, to go on from."""
        return [State(state.hidden[step], state.cell[step]) for state in states]


def _run(inputs, before, kernel_input, kernel_hidden, bias_input, bias_hidden) -> State:
    projected = tf.matmul(inputs, kernel_input) + (bias_input + bias_hidden)

    def step(state: State, given: tf.Tensor) -> State:
        gates = given + tf.matmul(state.hidden, kernel_hidden)
        opening, keeping, candidate, showing = tf.split(gates, 4, -1)
        cell = tf.sigmoid(keeping) * state.cell + tf.sigmoid(opening) * tf.tanh(candidate)
        return State(tf.sigmoid(showing) * tf.tanh(cell), cell)

    return tf.scan(step, projected, before, parallel_iterations=1)
