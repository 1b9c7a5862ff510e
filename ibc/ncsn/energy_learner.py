"""A step of score matching, and many of them in one call."""

import dataclasses
from typing import NamedTuple

import tensorflow as tf

from ibc.losses import score_matching
from ibc.networks import pair_energy
from ibc.utils import adamw, keys

LOSSES = ("score", "energy")


class Told(NamedTuple):
    """Scalars of a step."""

    loss: tf.Tensor
    gradient_norm: tf.Tensor
    """Of the gradient before it is clipped."""


@dataclasses.dataclass(frozen=True)
class Objective:
    """What is minimised, and how."""

    loss: str = "score"
    """'score' or 'energy' matching."""
    kernel: str = "gaussian"
    """Of energy matching, and of the noise then: 'gaussian' or 'uniform'."""
    anneal_power: float = 2.0
    """Power of σ by which levels are weighted."""
    regularise: bool = False
    """Whether half the variance of energies is added."""
    learning_rate: float = 1e-4
    """Of Adam."""
    weight_decay: float = 0.0
    """Of Adam, decoupled."""
    clip_norm: float = 1.0
    """Bound of the gradient's norm."""
    average_rate: float = 0.999
    """Share of themselves that averaged weights keep in a step; 0 for no average."""

    def __post_init__(self):
        """Checks the names."""
        for name, known in (("loss", LOSSES), ("kernel", score_matching.KERNELS)):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"training.{name} must be one of {known}, but is {getattr(self, name)!r}."
                )


class EnergyLearner(tf.Module):
    """Trains the network of one energy, and averages its weights in another.

    `trained.network` is what gradients go to; `averaged` is what everybody else uses. Both share
    the architecture, and `averaged` is given the normalizer's numbers at each call of `train`.
    """

    def __init__(
        self,
        trained: pair_energy.PairEnergy,
        averaged: pair_energy.PairEnergy,
        objective: Objective,
        observes: bool = False,
        name: str = "energy_learner",
    ):
        """Creates the optimizer; the average begins at the weights as they are.

        Args:
          trained: The energy to train.
          averaged: Another of the same architecture.
          objective: What is minimised.
          observes: Whether the normalizer's statistics grow with each batch, as published.
          name: Name of the variables.
        """
        super().__init__(name=name)
        self.trained, self.averaged = trained, averaged
        self._objective, self._observes = objective, observes
        self.optimizer = adamw.AdamW(objective.learning_rate, objective.weight_decay)
        self.optimizer.build(trained.network.weights)
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
        self._average(0.0)
        self._many = tf.function(
            self._train, autograph=False, reduce_retracing=True, jit_compile=True
        )

    def train(self, rows: tf.Tensor, batch_size: int, steps: int, seed: int) -> Told:
        """Makes steps on batches drawn from all rows; returns the mean loss and the last norm.

        What is drawn follows from the seed and the number of steps made so far.

        Args:
          rows: Forms of pairs [N, 2·O], not yet standardised; see `pair_energy.pair_form`.
          batch_size: B.
          steps: How many.
          seed: Of batches, levels and noise.
        """
        told = self._many(rows, batch_size, tf.constant(steps), tf.constant(seed, tf.int64))
        for name in ("mean", "var", "count"):
            found = getattr(self.trained.normalizer, name)
            getattr(self.averaged.normalizer, name).assign(found)
        return told

    def _train(self, rows, batch_size, steps, seed) -> Told:
        def body(done, total, _):
            told = self._drawn_step(rows, batch_size, seed)
            return done + 1, total + told.loss, told.gradient_norm

        zero = tf.constant(0.0)
        done, total, norm = tf.while_loop(
            lambda done, *_: done < steps, body, (0, zero, zero), parallel_iterations=1
        )
        return Told(total / tf.cast(done, tf.float32), norm)

    def _drawn_step(self, rows, batch_size, seed) -> Told:
        key = keys.Key(tf.stack([seed, self.step]))
        of_rows, of_levels, of_noise = (part.seed for part in key.split(3))
        chosen = tf.random.stateless_uniform(
            [batch_size], of_rows, 0, tf.shape(rows)[0], dtype=tf.int32
        )
        batch = tf.gather(rows, chosen)
        if self._observes:
            self.trained.normalizer.observe(batch)
        count = self.trained.num_levels
        levels = tf.random.stateless_uniform([batch_size], of_levels, 0, count, dtype=tf.int32)
        shape = [batch_size, self.trained.network.inputs]
        if self._objective.loss == "energy" and self._objective.kernel == "uniform":
            noise = tf.random.stateless_uniform(shape, of_noise, -1.0, 1.0)
        else:
            noise = tf.random.stateless_normal(shape, of_noise)
        return self.make_step(self.trained.normalizer(batch), levels, noise)

    def make_step(self, inputs: tf.Tensor, levels: tf.Tensor, noise: tf.Tensor) -> Told:
        """Makes one step: loss, clip, Adam, average.

        Args:
          inputs: Standardised forms of pairs [B, 2·O].
          levels: Integers [B].
          noise: z [B, 2·O], see `score_matching.displacement`.
        """
        weights, objective = self.trained.network.weights, self._objective
        with tf.GradientTape() as tape:
            loss = self.loss(self.trained, inputs, levels, noise)
        gradients, norm = tf.clip_by_global_norm(tape.gradient(loss, weights), objective.clip_norm)
        self.optimizer.apply_gradients(zip(gradients, weights, strict=True))
        self._average(objective.average_rate)
        self.step.assign_add(1)
        return Told(loss, norm)

    def loss(
        self, energy: pair_energy.PairEnergy, inputs: tf.Tensor, levels: tf.Tensor, noise: tf.Tensor
    ) -> tf.Tensor:
        """Returns the loss of an energy, a scalar; see `make_step`."""
        objective = self._objective
        sigma = tf.gather(tf.constant(energy.network.sigmas), levels)
        moved = score_matching.displacement(noise, sigma)
        seen = energy.masked(inputs + moved)
        if objective.loss == "score":
            energies, scores = energy.network.score(seen, levels)
            loss = score_matching.score_matching(
                energy.masked(scores), energy.masked(moved), sigma, objective.anneal_power
            )
        else:
            energies = energy.network(seen, levels)
            loss = score_matching.energy_matching(
                energies, energy.masked(moved), sigma, objective.anneal_power, objective.kernel
            )
        if objective.regularise:
            loss += score_matching.variance_penalty(energies)
        return loss

    def _average(self, rate: float) -> None:
        pairs = zip(self.averaged.network.weights, self.trained.network.weights, strict=True)
        for average, weight in pairs:
            average.assign((1 - rate) * weight + rate * average)
