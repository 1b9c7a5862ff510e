"""The samplers as functions, under the names and arguments that people know them by.

Each builds the sampler of `ibc.samplers` that gin calls by the same name, with the parameters bound
to it, and calls it once.
"""

from collections.abc import Callable

import tensorflow as tf
from tf_agents.typing import types

from ibc.samplers import action_space, dfo, langevin
from ibc.samplers import autoregressive_dfo as autoregressive
from ibc.samplers import sampler as sampler_lib
from ibc.utils import keys

ChainData = langevin.ChainData
polynomial, exponential = langevin.polynomial, langevin.exponential


def iterative_dfo(
    score_fn: Callable[[tf.Tensor], tf.Tensor],
    action_samples: tf.Tensor,
    min_actions: tf.Tensor,
    max_actions: tf.Tensor,
    seed: tf.Tensor,
    **options,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns samples [B, N, A] and logits [B, N], see `dfo.IterativeDFO`."""
    found = _sampled(
        dfo.IterativeDFO(**options), score_fn, action_samples, min_actions, max_actions, seed
    )
    return found.actions, found.logits


def langevin_actions_given_obs(
    score_fn: Callable[[tf.Tensor], tf.Tensor],
    action_samples: tf.Tensor,
    min_actions: tf.Tensor,
    max_actions: tf.Tensor,
    seed: tf.Tensor,
    **options,
) -> tuple[tf.Tensor, ChainData | None]:
    """Returns actions [B, N, A] and the chain's data or None, see `langevin.Langevin`."""
    found = _sampled(
        langevin.Langevin(**options), score_fn, action_samples, min_actions, max_actions, seed
    )
    return found.actions, found.chain


def autoregressive_dfo(
    score_fn: Callable[[int, tf.Tensor], tf.Tensor],
    action_samples: tf.Tensor,
    min_actions: tf.Tensor,
    max_actions: tf.Tensor,
    seed: tf.Tensor,
    **options,
) -> sampler_lib.Samples:
    """Returns samples, logits and what was visited, see `AutoregressiveDFO`."""
    sampler = autoregressive.AutoregressiveDFO(**options)
    return _sampled(sampler, score_fn, action_samples, min_actions, max_actions, seed)


def uniform_actions(
    batch: types.Int, count: int, minimum: tf.Tensor, maximum: tf.Tensor, seed: tf.Tensor
) -> tf.Tensor:
    """Draws actions within bounds [A], uniformly: float32 [batch, count, A]."""
    return _space(minimum, maximum).uniform(batch, count, keys.Key(seed))


def _sampled(
    sampler: Callable[..., sampler_lib.Samples],
    score_fn: Callable[..., tf.Tensor],
    starts: tf.Tensor,
    minimum: tf.Tensor,
    maximum: tf.Tensor,
    seed: tf.Tensor,
) -> sampler_lib.Samples:
    return sampler(score_fn, starts, _space(minimum, maximum), keys.Key(seed))


def _space(minimum: tf.Tensor, maximum: tf.Tensor) -> action_space.ActionSpace:
    return action_space.ActionSpace(tf.TensorSpec(minimum.shape), minimum, maximum)
