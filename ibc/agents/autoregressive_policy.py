"""Policy that optimizes its action one dimension at a time."""

import tensorflow as tf

from ibc.agents import draws, ibc_policy, mcmc


class AutoregressivePolicy(ibc_policy.IbcPolicy):
    """An `IbcPolicy` whose samples are improved by `autoregressive_dfo` and by nothing else.

    Takes the parameters of `IbcPolicy`, also those gin binds to it; those that choose and
    configure its optimizers have no effect. The actor network is an `AutoregressiveEBM`.
    """

    def _optimize(self, encoding: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns normalized samples [B, N, A] and their logits [B, N]."""
        seeds = draws.split(seed, 2)
        bounds = self._min_actions, self._max_actions
        samples = draws.uniform_actions(
            tf.shape(encoding)[0], self._num_action_samples, *bounds, seeds[0]
        )
        found = mcmc.autoregressive_dfo(
            lambda j, actions: self._actor_network.score_dimension(encoding, j, actions),
            samples,
            *bounds,
            seeds[1],
        )
        return found.actions, found.logits
