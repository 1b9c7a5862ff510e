"""GMMIL: rewards by the maximum mean discrepancy to the expert (Kim and Park, AAAI 2018)."""

import tensorflow as tf

from ibc.rewards import learned_reward
from ibc.utils import keys, transitions

_EPSILON = 1e-8


class GmmilReward(learned_reward.LearnedReward):
    """r_i = Σ_j ŵₑ_j k(x_i, e_j) − Σ_j ŵ_j k(x_i, x_j), k = e^{−γ₁d} + e^{−γ₂d}.

    d is the mean squared difference over dimensions, ŵ are weights that sum to 1. The bandwidths
    are those of the first batch: γ₁ = 1 / median d(agent, expert), γ₂ = 1 / median d(expert,
    expert).
    """

    def __init__(
        self,
        state_only: bool = False,
        self_weighted: bool = False,
        name: str = "gmmil_reward",
    ):
        """Creates the reward.

        Args:
          state_only: Whether x is s instead of [s, a].
          self_weighted: Multiplies r_i by ŵ_i, about 1/B, as the published code does, which makes
            rewards vanish.
          name: Name of the variables.
        """
        super().__init__(name=name)
        self._state_only, self._self_weighted = state_only, self_weighted
        if state_only:
            self.reads = frozenset({"observation"})
        self.gammas = tf.Variable([0.0, 0.0], name="gammas", trainable=False)

    def train(self, agent, expert, log_policy, key):
        """Sets the bandwidths, if no batch has done so yet; see `LearnedReward`."""
        del log_policy, key

        def measure() -> tf.Tensor:
            inputs, references = self._inputs(agent), self._inputs(expert)
            pairs = ((inputs, agent.weight), (references, expert.weight))
            medians = [
                weighted_median(
                    squared_distances(rows, references), weight[:, tf.newaxis] * expert.weight
                )
                for rows, weight in pairs
            ]
            return 1 / (tf.stack(medians) + _EPSILON)

        is_new = tf.reduce_all(self.gammas == 0)
        self.gammas.assign(tf.cond(is_new, measure, lambda: tf.identity(self.gammas)))
        return {}

    def reward(
        self,
        batch: transitions.Transitions,
        expert: transitions.Transitions,
        log_policy: learned_reward.LogPolicy,
        key: keys.Key,
    ) -> tf.Tensor:
        """Returns how much nearer the expert than the batch rows are, see `LearnedReward`."""
        del log_policy, key
        inputs, references = self._inputs(batch), self._inputs(expert)
        weight = batch.weight / tf.reduce_sum(batch.weight)
        expert_weight = expert.weight / tf.reduce_sum(expert.weight)
        to_expert = tf.linalg.matvec(self._kernel(inputs, references), expert_weight)
        rewards = to_expert - tf.linalg.matvec(self._kernel(inputs, inputs), weight)
        return tf.stop_gradient(weight * rewards if self._self_weighted else rewards)

    def _kernel(self, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
        distances = squared_distances(rows, columns)
        return tf.exp(-self.gammas[0] * distances) + tf.exp(-self.gammas[1] * distances)

    def _inputs(self, batch: transitions.Transitions) -> tf.Tensor:
        return batch.observation if self._state_only else tf.concat(batch[:2], axis=-1)


def squared_distances(rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Returns the mean over D of (x − y)², [N, M], of x [N, D] and y [M, D]."""
    differences = rows[:, tf.newaxis] - columns[tf.newaxis]
    return tf.reduce_mean(tf.square(differences), axis=-1)


def weighted_median(values: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Returns the first value, in order, up to which at least half of the weight lies.

    Args:
      values: float32, any shape.
      weights: float32, the same shape.
    """
    values, weights = tf.reshape(values, [-1]), tf.reshape(weights, [-1])
    order = tf.argsort(values)
    cumulated = tf.cumsum(tf.gather(weights, order)) / tf.reduce_sum(weights)
    return tf.gather(values, order[tf.argmax(cumulated >= 0.5)])
