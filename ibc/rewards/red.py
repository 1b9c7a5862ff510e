"""RED: rewards where a network has learned what a random one says (Wang et al., ICML 2019)."""

from collections.abc import Mapping

import tensorflow as tf

from ibc.networks.layers import perceptron
from ibc.rewards import learned_reward
from ibc.utils import adamw, keys, transitions

_SIGMAS = ("paired", "published")


class RedReward(learned_reward.LearnedReward):
    """r = exp(−σ₁ mean_d(p(x) − t(x))²): p is trained to be like the random t on expert data.

    By default σ₁ is 1 over the median of that distance on expert data.
    """

    def __init__(
        self,
        predictor: perceptron.Perceptron,
        target: perceptron.Perceptron,
        state_only: bool = False,
        learning_rate: float = 3e-5,
        weight_decay: float = 0.0,
        pretraining_iterations: int = 100_000,
        reward_bandwidth_scale: float | None = None,
        sigma: str = "paired",
        sigma_rows: int = 256,
        name: str = "red_reward",
    ):
        """Creates the reward.

        Args:
          predictor: p, from x to |x| numbers.
          target: t, of the same size, with other weights.
          state_only: Whether x is s instead of [s, a].
          learning_rate: Of p.
          weight_decay: Of p.
          pretraining_iterations: Steps on expert data before anything is collected.
          reward_bandwidth_scale: σ₁; None for the median's.
          sigma: 'paired' takes the distance of each row's two outputs, 'published' that of all
            pairs of rows, with dropout, and the lower of two middle values.
          sigma_rows: How many of the first expert rows σ₁ is computed of.
          name: Name of the variables.

        Raises:
          ValueError: `sigma` is unknown.
        """
        super().__init__(name=name)
        if sigma not in _SIGMAS:
            raise ValueError(f"sigma must be one of {_SIGMAS}, but is {sigma!r}.")
        self.predictor, self.target = predictor, target
        self._state_only, self._sigma_kind, self._sigma_rows = state_only, sigma, sigma_rows
        if state_only:
            self.reads = frozenset({"observation"})
        self.pretraining_steps = pretraining_iterations
        given = 0.0 if reward_bandwidth_scale is None else reward_bandwidth_scale
        self._is_given = reward_bandwidth_scale is not None
        self.sigma = tf.Variable(float(given), name="sigma", trainable=False)
        self.optimizer = adamw.AdamW(learning_rate, weight_decay)
        self.optimizer.build(predictor.weights)

    def pretrain(self, expert: transitions.Transitions, key: keys.Key) -> Mapping[str, tf.Tensor]:
        """Makes a step on mean w · mean_d(p − t)², see `LearnedReward`."""
        inputs = self._inputs(expert)
        rows = expert.reward.shape[0]
        of_predictor, of_target = key.split(2)
        expected = self.target(inputs, self.target.masks(rows, of_target))
        masks = self.predictor.masks(rows, of_predictor)
        with tf.GradientTape() as tape:
            distances = _distance(self.predictor(inputs, masks), expected)
            loss = tf.reduce_mean(expert.weight * distances)
        self.optimizer.descend(tape, loss, self.predictor.weights)
        return {"embedding_loss": loss}

    def prepare(self, expert: transitions.Transitions, key: keys.Key) -> None:
        """Computes σ₁ of the first rows, see `LearnedReward`."""
        if self._is_given:
            return
        inputs = self._inputs(expert)[: self._sigma_rows]
        if self._sigma_kind == "paired":
            found = _distance(self.predictor(inputs), self.target(inputs))
            middle = tf.sort(found)
            count = middle.shape[0]
            median = (middle[(count - 1) // 2] + middle[count // 2]) / 2
        else:
            of_predictor, of_target = key.split(2)
            rows = inputs.shape[0]
            predicted = self.predictor(inputs, self.predictor.masks(rows, of_predictor))
            expected = self.target(inputs, self.target.masks(rows, of_target))
            found = tf.reshape(_distance(predicted[:, tf.newaxis], expected[tf.newaxis]), [-1])
            median = tf.sort(found)[(found.shape[0] - 1) // 2]
        self.sigma.assign(1 / median)

    def reward(
        self,
        batch: transitions.Transitions,
        expert: transitions.Transitions,
        log_policy: learned_reward.LogPolicy,
        key: keys.Key,
    ) -> tf.Tensor:
        """Returns how well p says what t says [B], within (0, 1]; see `LearnedReward`."""
        del expert, log_policy, key
        inputs = self._inputs(batch)
        distance = _distance(self.predictor(inputs), self.target(inputs))
        return tf.stop_gradient(tf.exp(-self.sigma * distance))

    def _inputs(self, batch: transitions.Transitions) -> tf.Tensor:
        return batch.observation if self._state_only else tf.concat(batch[:2], axis=-1)


def _distance(predicted: tf.Tensor, expected: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.square(predicted - expected), axis=-1)
