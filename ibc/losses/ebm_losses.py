"""Losses of energy networks, from predictions that are higher for better actions."""

import dataclasses
import functools
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import gin
import tensorflow as tf

_KERAS_EPSILON = 1e-7
# Squared distance, in normalized actions, up to which a sample counts as the true action.
_CLIP_DISTANCE = 0.2
# Scale of squared distances between samples in the estimate of their entropy.
_ENTROPY_RATE = 0.1

Reported = dict[str, tf.Tensor]

_REGISTERED: dict[str, "Loss"] = {}


class Contrast(NamedTuple):
    """What a loss compares: the true action and its counter-examples, scored."""

    predictions: tf.Tensor
    """float32 [B, N + 1], the true action in the last column."""
    counter_examples: tf.Tensor
    """float32 [B, N, A], normalized."""
    true_action: tf.Tensor
    """float32 [B, A], normalized."""
    frozen_predictions: tf.Tensor | None = None
    """float32 [B, N], of the counter-examples by weights that count as constants; for `cd_kl`."""


Loss = Callable[[Contrast], tuple[tf.Tensor, Reported]]
"""Returns the loss of each example, float32 [B], and scalars to report."""

_Loss = TypeVar("_Loss", bound=Loss)


def register(ebm_loss_type: str) -> Callable[[_Loss], _Loss]:
    """Registers a loss under the name that `ImplicitBCAgent.ebm_loss_type` gives it."""

    def decorator(loss: _Loss) -> _Loss:
        _REGISTERED[ebm_loss_type] = loss
        return loss

    return decorator


@gin.configurable("info_nce", denylist=["temperature"])
@dataclasses.dataclass(frozen=True)
class InfoNCE:
    """Cross-entropy of the true action among its counter-examples (paper, eq. 2)."""

    temperature: float = 1.0
    """Divides the predictions."""
    faithful: bool = False
    """Computes the published code's loss instead: the Kullback-Leibler divergence from a one-hot
    label, both sides clipped at 1e-7. It saturates at 16.118, without gradient."""

    def __call__(self, predictions: tf.Tensor) -> tf.Tensor:
        """Returns the losses [B] of predictions [B, N + 1], the true action in the last column."""
        loss = saturating_info_nce if self.faithful else info_nce
        return loss(predictions, self.temperature)


def info_nce(predictions: tf.Tensor, temperature: float = 1.0) -> tf.Tensor:
    """−log softmax(predictions / temperature)[last] (paper, eq. 2).

    Computed by log-softmax, so that the gradient survives however far the true action lies below
    the others.

    Args:
      predictions: float32 [B, N + 1], the true action in the last column.
      temperature: Divides the predictions.

    Returns:
      float32 [B].
    """
    return -tf.nn.log_softmax(predictions / temperature)[:, -1]


def saturating_info_nce(predictions: tf.Tensor, temperature: float = 1.0) -> tf.Tensor:
    """The published code's `info_nce`, see `InfoNCE.faithful`."""
    logits = predictions / temperature
    label = tf.one_hot(tf.shape(logits)[1] - 1, tf.shape(logits)[1])
    label = tf.clip_by_value(label, _KERAS_EPSILON, 1.0)
    probabilities = tf.clip_by_value(tf.nn.softmax(logits), _KERAS_EPSILON, 1.0)
    return tf.reduce_sum(label * tf.math.log(label / probabilities), axis=-1)


def energies(predictions: tf.Tensor) -> Reported:
    """Tells true actions and counter-examples apart by their energies E = −prediction.

    Args:
      predictions: float32 [B, N + 1], the true action in the last column.

    Returns:
      Constants: `energy_true_action` and `energy_counter_examples`, the means, and
      `counter_examples_above_true_action`, the share of counter-examples with higher predictions.
    """
    predictions = tf.stop_gradient(predictions)
    others, true = predictions[:, :-1], predictions[:, -1:]
    return {
        "energy_true_action": -tf.reduce_mean(true),
        "energy_counter_examples": -tf.reduce_mean(others),
        "counter_examples_above_true_action": tf.reduce_mean(tf.cast(others > true, tf.float32)),
    }


@register("cd")
def cd(contrast: Contrast) -> tuple[tf.Tensor, Reported]:
    """Contrastive divergence: mean over samples of prediction(sample) − prediction(true).

    Args:
      contrast: What to compare.

    Returns:
      float32 [B], and `cd_loss`, its mean.
    """
    loss = tf.reduce_mean(_differences(contrast), axis=-1)
    return loss, {"cd_loss": tf.reduce_mean(loss)}


@register("clipped_cd")
def clipped_cd(contrast: Contrast, soft: bool = False) -> tuple[tf.Tensor, Reported]:
    """Contrastive divergence without the samples that are about as good as the true action.

    Samples within a squared distance of 0.2 of the true action count as zero in `cd`.

    Args:
      contrast: What to compare; its actions count as constants.
      soft: Adds for those samples |prediction(true) − prediction(sample) − squared distance|, so
        that the predictions fall off with the distance.

    Returns:
      float32 [B], and the means `cd_loss` and `fraction_outside_threshold`, with `soft` also
      `soft_loss`.
    """
    offsets = contrast.counter_examples - contrast.true_action[:, tf.newaxis]
    distances = tf.stop_gradient(tf.reduce_sum(tf.square(offsets), axis=-1))
    outside = tf.cast(distances > _CLIP_DISTANCE, tf.float32)
    differences = _differences(contrast)
    loss = tf.reduce_mean(outside * differences, axis=-1)
    reported = {
        "cd_loss": tf.reduce_mean(loss),
        "fraction_outside_threshold": tf.reduce_mean(outside),
    }
    if not soft:
        return loss, reported
    misfit = tf.reduce_mean((1 - outside) * tf.abs(-differences - distances), axis=-1)
    return loss + misfit, {**reported, "soft_loss": tf.reduce_mean(misfit)}


@register("cd_kl")
def cd_kl(contrast: Contrast) -> tuple[tf.Tensor, Reported]:
    """Contrastive divergence with the term that it neglects (arXiv 2012.01316).

    Adds the Kullback-Leibler divergence of the sampler from the network, up to a constant: the
    mean over pairs of samples of −frozen prediction(sample i) − entropy(i, j), with
    entropy(i, j) = −exp(−0.1 · |aᵢ − aⱼ|²). Its gradient reaches the weights through the
    counter-examples alone, that is through the sampler that made them.

    Args:
      contrast: What to compare, with frozen predictions.

    Returns:
      float32 [B], and the means `cd_loss` and `kl_loss`.
    """
    loss, reported = cd(contrast)
    actions = contrast.counter_examples
    offsets = actions[:, :, tf.newaxis] - actions[:, tf.newaxis]
    crowding = tf.exp(-_ENTROPY_RATE * tf.reduce_sum(tf.square(offsets), axis=-1))
    divergence = tf.reduce_mean(crowding, axis=[1, 2])
    divergence -= tf.reduce_mean(contrast.frozen_predictions, axis=-1)
    return loss + divergence, {**reported, "kl_loss": tf.reduce_mean(divergence)}


def _differences(contrast: Contrast) -> tf.Tensor:
    """Returns prediction(sample) − prediction(true), [B, N]."""
    return contrast.predictions[:, :-1] - contrast.predictions[:, -1:]


def get_loss(ebm_loss_type: str, softmax_temperature: float = 1.0) -> Loss:
    """Returns the loss that `ImplicitBCAgent.ebm_loss_type` names.

    Args:
      ebm_loss_type: 'info_nce', 'cd', 'cd_kl', 'clipped_cd', 'soft_clipped_cd', or another that is
        registered.
      softmax_temperature: Temperature of 'info_nce'.

    Raises:
      ValueError: There is no such loss.
    """
    contrast_loss = InfoNCE(softmax_temperature)
    losses: dict[str, Loss] = {
        "info_nce": lambda contrast: (contrast_loss(contrast.predictions), {}),
        "soft_clipped_cd": functools.partial(clipped_cd, soft=True),
        **_REGISTERED,
    }
    if ebm_loss_type not in losses:
        raise ValueError(
            f"ImplicitBCAgent.ebm_loss_type must be one of {sorted(losses)}, "
            f"but is {ebm_loss_type!r}."
        )
    return losses[ebm_loss_type]
