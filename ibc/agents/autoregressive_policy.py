"""Policy that optimizes its action one dimension at a time."""

from collections.abc import Callable

import tensorflow as tf
from tf_agents.typing import types

from ibc.agents import ibc_policy, mcmc
from ibc.samplers import draws
from ibc.utils.parallel import score_blocks


class AutoregressivePolicy(ibc_policy.IbcPolicy):
    """An `IbcPolicy` whose samples are improved by `autoregressive_dfo` and by nothing else.

    Takes the parameters of `IbcPolicy`, also those gin binds to it; those that choose and
    configure its optimizers have no effect. The actor network is an `AutoregressiveEBM`.
    """

    def _optimize(
        self,
        encoding: tf.Tensor,
        seed: tf.Tensor,
        draw_starts: Callable[[types.Int, tf.Tensor], tf.Tensor],
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """See the base class."""
        seeds = draws.split(seed, 2)

        def score(j, actions):
            return score_blocks.scored(
                lambda part: self._actor_network.score_dimension(encoding, j, part), actions
            )

        found = mcmc.autoregressive_dfo(
            score,
            draw_starts(encoding.shape[0] or tf.shape(encoding)[0], seeds[0]),
            self._min_actions,
            self._max_actions,
            seeds[1],
        )
        return found.actions, found.logits
