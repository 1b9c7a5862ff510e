"""The small networks of learning by interaction: dense layers, orthogonal at first."""

import itertools
from collections.abc import Sequence

import tensorflow as tf

from ibc.networks.layers import dropout
from ibc.utils import keys

ACTIVATIONS = {
    "relu": (tf.nn.relu, 2**0.5),
    "tanh": (tf.nn.tanh, 5 / 3),
    "sigmoid": (tf.sigmoid, 1.0),
}
"""Name → function, and the gain that keeps the size of what passes through it."""
_FIRST_POWER_ITERATIONS = 15
_EPSILON = 1e-12

SingularVectors = list[tuple[tf.Tensor, tf.Tensor]]
"""For each layer estimates of its kernel's first left [units] and right [inputs] singular vectors,
after a convention in which a kernel maps right to left ones."""


class Perceptron(tf.Module):
    """y = W_n σ(drop(W_{n−1} … σ(drop(W_0 drop(x) + b_0)) …)) + b_n.

    Kernels are orthogonal with the gain of their activation (1 for the last one), biases 0. With
    `spectral_norm` each kernel is divided by its largest singular value (arXiv 1802.05957), as
    estimated by power iterations that begin where the last training step stored them.

    Nothing is drawn and nothing is stored in a call: masks and singular vectors are arguments.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        hidden_size: int = 256,
        depth: int = 2,
        activation: str = "relu",
        input_dropout: float = 0.0,
        dropout: float = 0.0,
        spectral_norm: bool = False,
        gain: float | None = None,
        seed: int | None = None,
        name: str = "perceptron",
    ):
        """Creates the variables.

        Args:
          inputs: Size of x.
          outputs: Size of y.
          hidden_size: Units of each hidden layer.
          depth: Number of hidden layers; 0 for a linear map.
          activation: 'relu', 'tanh' or 'sigmoid'.
          input_dropout: Share of x that masks drop.
          dropout: Share of a hidden layer that they drop, before its activation.
          spectral_norm: Whether kernels are divided by their spectral norm.
          gain: Of kernels but the last; None for the activation's.
          seed: Seed of the kernels; None for other ones in every process.
          name: Name of the variables.

        Raises:
          ValueError: The activation is unknown, or a share is not in [0, 1).
        """
        super().__init__(name=name)
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"activation must be one of {list(ACTIVATIONS)}, but is {activation!r}."
            )
        self._activation, usual_gain = ACTIVATIONS[activation]
        gain = usual_gain if gain is None else gain
        self._rates = [_rate("input_dropout", input_dropout), _rate("dropout", dropout)]
        sizes = [inputs, *[hidden_size] * depth, outputs]
        seeds = tf.random.split(_seed(seed), len(sizes) - 1)
        self.kernels, self.biases = [], []
        for layer, (rows, columns) in enumerate(itertools.pairwise(sizes)):
            is_last = layer == depth
            kernel = orthogonal([rows, columns], 1.0 if is_last else gain, seeds[layer])
            self.kernels.append(tf.Variable(kernel, name=f"kernel_{layer}"))
            self.biases.append(tf.Variable(tf.zeros([columns]), name=f"bias_{layer}"))
        self._stored: list[tuple[tf.Variable, tf.Variable]] = []
        if spectral_norm:
            self._create_singular_vectors(seeds)

    @property
    def weights(self) -> list[tf.Variable]:
        """Kernel and bias of each layer in turn: what is trained."""
        pairs = zip(self.kernels, self.biases, strict=True)
        return [variable for pair in pairs for variable in pair]

    @property
    def singular_vectors(self) -> SingularVectors:
        """What is stored; empty without spectral normalization."""
        return [(tf.identity(left), tf.identity(right)) for left, right in self._stored]

    def __call__(
        self,
        inputs: tf.Tensor,
        masks: Sequence[tf.Tensor] | None = None,
        singular_vectors: SingularVectors | None = None,
    ) -> tf.Tensor:
        """Applies the network.

        Args:
          inputs: float32 [B, inputs].
          masks: What `masks` draws; None to drop nothing.
          singular_vectors: What `iterated` returns in training; None for what is stored.

        Returns:
          float32 [B, outputs].
        """
        remaining = iter(masks or ())
        outputs = self._dropped(inputs, remaining, self._rates[0])
        vectors = self.singular_vectors if singular_vectors is None else singular_vectors
        last = len(self.kernels) - 1
        for layer, (kernel, bias) in enumerate(zip(self.kernels, self.biases, strict=True)):
            if vectors:
                kernel = kernel / _sigma(kernel, *vectors[layer])
            outputs = tf.matmul(outputs, kernel) + bias
            if layer < last:
                outputs = self._activation(self._dropped(outputs, remaining, self._rates[1]))
        return outputs

    def masks(self, rows: int, key: keys.Key) -> list[tf.Tensor]:
        """Draws factors for inputs and hidden units: 0, or 1 / (1 − rate).

        Returns:
          A tensor [rows, size] for each place where a share is to be dropped; in this order
          `__call__` takes them.
        """
        drawn: list[tf.Tensor] = []
        places = ((self._rates[0], self.kernels[:1]), (self._rates[1], self.kernels[1:]))
        for rate, kernels in places:
            if rate and kernels:
                sizes = [kernel.shape[0] for kernel in kernels]
                drawn += dropout.masks(rows, sizes, rate, key, first_mask=len(drawn))
        return drawn

    def iterated(self, vectors: SingularVectors) -> SingularVectors:
        """Returns singular vectors after one more power iteration, constants for gradients."""
        pairs = zip(self.kernels, vectors, strict=False)
        return [_power_iteration(kernel, right) for kernel, (_, right) in pairs]

    def store(self, vectors: SingularVectors) -> None:
        """Stores singular vectors: what a training step changes besides the weights."""
        for variables, values in zip(self._stored, vectors, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)

    def _create_singular_vectors(self, seeds: tf.Tensor) -> None:
        for layer, kernel in enumerate(self.kernels):
            right = tf.random.stateless_normal([kernel.shape[0]], seeds[layer])
            for _ in range(_FIRST_POWER_ITERATIONS):
                left, right = _power_iteration(kernel, right)
            pair = zip(("left", "right"), (left, right), strict=True)
            self._stored.append(
                tuple(tf.Variable(v, trainable=False, name=f"{n}_{layer}") for n, v in pair)
            )

    def _dropped(self, values: tf.Tensor, masks, rate: float) -> tf.Tensor:
        mask = next(masks, None) if rate else None
        return values if mask is None else values * mask


def orthogonal(shape: Sequence[int], gain: float, seed: tf.Tensor) -> tf.Tensor:
    """Draws a matrix whose rows or columns are orthogonal and have the length `gain`.

    Args:
      shape: Its two sizes.
      gain: Length.
      seed: Integer tensor [2].

    Returns:
      float32, uniform among such matrices (Saxe et al., arXiv 1312.6120).
    """
    rows, columns = shape
    tall = [max(rows, columns), min(rows, columns)]
    q, r = tf.linalg.qr(tf.random.stateless_normal(tall, seed))
    q *= tf.sign(tf.linalg.diag_part(r))
    return gain * (q if rows >= columns else tf.transpose(q))


def _power_iteration(kernel: tf.Tensor, right: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    kernel = tf.stop_gradient(tf.convert_to_tensor(kernel))
    left = _unit(tf.linalg.matvec(kernel, right, transpose_a=True))
    return left, _unit(tf.linalg.matvec(kernel, left))


def _sigma(kernel: tf.Tensor, left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    return tf.tensordot(right, tf.linalg.matvec(kernel, left), 1)


def _unit(vector: tf.Tensor) -> tf.Tensor:
    return vector / tf.maximum(tf.norm(vector), _EPSILON)


def _rate(name: str, value: float) -> float:
    if not 0 <= value < 1:
        raise ValueError(f"{name} must be in [0, 1), but is {value!r}.")
    return dropout.checked_rate(value)


def _seed(seed: int | None) -> tf.Tensor:
    return keys.fresh().seed if seed is None else tf.constant([seed, 0])
