"""Energies that know how noisy what they see is: e(x, level), higher where data are.

The networks of NCSN as NEAR uses them (Song and Ermon, arXiv 1907.05600 and 2006.09011; Diwan et
al., arXiv 2501.14856): one number whose gradient in x is the score.
"""

import itertools
import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ibc.utils import parameters

VERSIONS = ("v1", "v2", "level_input")
"""How an energy knows its level: by an embedding in its latent, by a division, by an input too."""
_BIAS = 0.01


def noise_levels(version: str, first: float, last: float, count: int) -> np.ndarray:
    """Returns the standard deviations σ of the noise, float32 [count], level 0 the widest.

    Args:
      version: 'v1' for evenly spaced levels; otherwise their logarithms are.
      first: σ of level 0.
      last: σ of the last level.
      count: L.
    """
    owner = "model"
    parameters.check_positive(owner, sigma_begin=first, sigma_end=last)
    parameters.check_whole(owner, L=count)
    if version == "v1":
        return np.linspace(first, last, count, dtype=np.float32)
    return np.exp(np.linspace(math.log(first), math.log(last), count)).astype(np.float32)


def evaluated_levels(count: int) -> list[int]:
    """Returns every fifth part of L levels and the last one, at which demonstrations are rated."""
    stride = max(1, math.floor(0.2 * count))
    return sorted({*range(0, count, stride), count - 1})


class NoiseConditionedEnergy(tf.Module):
    """Dense layers to a latent and back to one number, an ELU after each but the latent's.

    'v2': e = f(x)/σ, so that pairs have the same order at every level. 'v1': the latent gets a
    sinusoidal embedding of the level, and nothing is divided. 'level_input', this library's:
    e = f([x, ln σ])/σ, whose shape can change with the level.
    """

    def __init__(
        self,
        inputs: int,
        encoder: Sequence[int],
        latent: int,
        decoder: Sequence[int],
        sigmas: Sequence[float],
        version: str = "v2",
        seed: int = 0,
        name: str = "noise_conditioned_energy",
    ):
        """Creates the variables: kernels Xavier-uniform, biases 0.01.

        Args:
          inputs: Size of x.
          encoder: Units of the layers before the latent.
          latent: Units of the latent; even and at least 4 for 'v1'.
          decoder: Units of the layers after it.
          sigmas: σ of each level, see `noise_levels`.
          version: 'v1', 'v2' or 'level_input'.
          seed: Of the kernels.
          name: Name of the variables.

        Raises:
          ValueError: A size or the version is unusable.
        """
        super().__init__(name=name)
        if version not in VERSIONS:
            raise ValueError(f"model.version must be one of {VERSIONS}, but is {version!r}.")
        for size in (*encoder, latent, *decoder):
            parameters.check_whole("model", units=size)
        if version == "v1" and (latent % 2 or latent < 4):
            raise ValueError(
                f"model.latent is {latent}, but version 'v1' embeds levels in pairs of sine and "
                "cosine: give an even number of at least 4."
            )
        self.version, self.inputs = version, inputs
        self.sigmas = np.asarray(sigmas, np.float32)
        self._latent_layer = len(encoder)
        sizes = [inputs + (version == "level_input"), *encoder, latent, *decoder, 1]
        seeds = tf.random.split(tf.constant([seed, 0]), len(sizes) - 1)
        self.kernels, self.biases = [], []
        for layer, (rows, columns) in enumerate(itertools.pairwise(sizes)):
            bound = math.sqrt(6 / (rows + columns))
            drawn = tf.random.stateless_uniform([rows, columns], seeds[layer], -bound, bound)
            self.kernels.append(tf.Variable(drawn, name=f"kernel_{layer}"))
            self.biases.append(tf.Variable(tf.fill([columns], _BIAS), name=f"bias_{layer}"))

    @property
    def weights(self) -> list[tf.Variable]:
        """Kernel and bias of each layer in turn: what is trained."""
        pairs = zip(self.kernels, self.biases, strict=True)
        return [variable for pair in pairs for variable in pair]

    def __call__(self, inputs: tf.Tensor, levels: tf.Tensor) -> tf.Tensor:
        """Returns energies [B].

        Args:
          inputs: float32 [B, inputs].
          levels: Integers [B], or one for all rows.
        """
        sigmas = tf.gather(tf.constant(self.sigmas), levels)
        sigmas = tf.broadcast_to(sigmas, tf.shape(inputs)[:1])
        values = inputs
        if self.version == "level_input":
            values = tf.concat([values, tf.math.log(sigmas)[:, tf.newaxis]], -1)
        for layer, (kernel, bias) in enumerate(zip(self.kernels, self.biases, strict=True)):
            values = tf.matmul(values, kernel) + bias
            if layer != self._latent_layer:
                values = tf.nn.elu(values)
            elif self.version == "v1":
                values += level_embedding(levels, kernel.shape[1])
        energies = tf.squeeze(values, -1)
        return energies if self.version == "v1" else energies / sigmas

    def score(self, inputs: tf.Tensor, levels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns energies [B] and their gradients in x [B, inputs]."""
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            energies = self(inputs, levels)
        return energies, tape.gradient(energies, inputs)


def level_embedding(levels: tf.Tensor, size: int) -> tf.Tensor:
    """Returns [sin, cos](100 · level · 10000^(−j/(h − 1))), j = 0 … h − 1, h = size/2.

    Args:
      levels: Integers [B], or one.
      size: Even.

    Returns:
      float32 [B, size], or [size].
    """
    half = size // 2
    rates = np.exp(-math.log(10_000) / (half - 1) * np.arange(half)).astype(np.float32)
    phases = 100 * tf.cast(levels, tf.float32)[..., tf.newaxis] * rates
    return tf.concat([tf.sin(phases), tf.cos(phases)], -1)
