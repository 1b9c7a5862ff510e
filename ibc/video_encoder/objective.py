"""What a video encoder learns from: the terms of BootIfOL's loss, and what is drawn for them."""

import dataclasses
from typing import NamedTuple

import tensorflow as tf

from ibc.losses import contrastive_loss
from ibc.networks import video_encoder
from ibc.utils import keys

TERMS = ("l_seq", "l_frame", "l_vaes", "l_vaei")
_NEAR = 2
_SHORTEST_PREFIX = 5


class Draws(NamedTuple):
    """Time indices of a batch, integers."""

    k: tf.Tensor | int
    """Last frame of the prefix from which the future is predicted."""
    t: tf.Tensor | int
    """A frame."""
    near: tf.Tensor | int
    """Another, at most 2 steps away."""
    far: tf.Tensor | int
    """Another, more than 2 steps away."""
    prefix: tf.Tensor | int = 1
    """Where videos are contrasted before their end."""


@dataclasses.dataclass(frozen=True)
class Objective:
    """The weighted sum that is minimised."""

    weights: tuple[float, float, float, float] = (0.25, 0.25, 0.25, 0.25)
    """Of `TERMS`."""
    rho: float = 1.0
    """How far apart, in mean squares, distant frames of a video are pushed."""
    join_neighbouring_rows: bool = True
    """See `contrastive_loss.halves_contrast`."""
    prefix_contrast: bool = False
    """Whether videos are contrasted at a random time as well as at the end."""
    seq_only: bool = False
    """Whether LSTM and predictor alone learn, by ½ l_seq + ½ l_vaes."""
    frozen_statistics_move: bool = False
    """Whether the CNN that is frozen then takes the batch's moments, as published."""

    def terms(
        self,
        encoder: video_encoder.VideoEncoder,
        pictures: tf.Tensor,
        draws: Draws,
        training: bool,
    ) -> dict[str, tf.Tensor]:
        """Returns `loss` and its terms, scalars.

        Args:
          encoder: Whose running moments move in training.
          pictures: Scaled Lab [T, 2n, H, W, 3], the n videos of the expert first.
          draws: What was drawn.
          training: See `FrameNorm`.
        """
        takes_moments = training and (not self.seq_only or self.frozen_statistics_move)
        embeddings = encoder.embed_frames(pictures, takes_moments)
        if self.seq_only:
            embeddings = tf.stop_gradient(embeddings)
        outputs, states = encoder.sequence(embeddings)
        predictions = encoder.predictions(outputs, states, draws.k)
        found = {
            "l_seq": self._sequence_term(outputs, draws),
            "l_vaes": contrastive_loss.future_loss(embeddings, draws.k, predictions),
        }
        if self.seq_only:
            return {"loss": (found["l_seq"] + found["l_vaes"]) / 2, **found}
        found["l_frame"] = self._frame_term(embeddings, draws)
        decoded = encoder.decode(embeddings, training)
        found["l_vaei"] = contrastive_loss.reconstruction_loss(decoded, pictures)
        weighted = [weight * found[term] for weight, term in zip(self.weights, TERMS, strict=True)]
        return {"loss": tf.add_n(weighted), **found}

    def trained(self, encoder: video_encoder.VideoEncoder) -> list[tf.Variable]:
        """Returns what learns."""
        return encoder.sequence_weights if self.seq_only else encoder.weights

    def _sequence_term(self, outputs: tf.Tensor, draws: Draws) -> tf.Tensor:
        times = [-1, draws.prefix] if self.prefix_contrast else [-1]
        losses = [contrastive_loss.sequence_loss(*tf.split(outputs[time], 2)) for time in times]
        return tf.add_n(losses) / len(losses)

    def _frame_term(self, embeddings: tf.Tensor, draws: Draws) -> tf.Tensor:
        now, near, far = (embeddings[index] for index in (draws.t, draws.near, draws.far))
        return (
            contrastive_loss.halves_contrast(embeddings, self.join_neighbouring_rows)
            + contrastive_loss.near_far_loss(now, near, far, self.rho)
            + contrastive_loss.two_view_contrast(now, near)
        )


def draw(frames: tf.Tensor, key: keys.Key) -> Draws:
    """Draws the time indices for videos of T frames, at least 8.

    k is uniform in 5 … T − 3, t in all, near and far among those that are, the prefix in 1 … T − 2.
    """
    of_k, of_t, of_near, of_far, of_prefix = (part.seed for part in key.split(5))

    def uniform(low, high, seed):
        return tf.random.stateless_uniform([], seed, low, high, tf.int32)

    k, t = uniform(_SHORTEST_PREFIX, frames - 2, of_k), uniform(0, frames, of_t)
    away = tf.abs(tf.range(frames) - t)
    near = _one_of((away > 0) & (away <= _NEAR), of_near)
    return Draws(k, t, near, _one_of(away > _NEAR, of_far), uniform(1, frames - 1, of_prefix))


def _one_of(allowed: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draws one of the indices that are allowed, bool [T]."""
    numbers = tf.random.stateless_uniform(tf.shape(allowed), seed)
    return tf.argmax(tf.where(allowed, numbers, -1.0), output_type=tf.int32)
