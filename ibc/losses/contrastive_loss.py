"""Losses that shape a space of videos: contrasts of whole videos, of frames, of the future.

A video is a row of frame embeddings e_1 … e_T and of sequence embeddings h_1 … h_T, h_t of the
frames up to t. The terms are those of BootIfOL (arXiv 2302.06540); the two-view contrast is
SimCLR's (Chen et al., arXiv 2002.05709), its general form that of supervised contrastive learning
(Khosla et al., arXiv 2004.11362). All are pure functions of float32, float64 or
bfloat16; cos is the cosine.
"""

from collections.abc import Sequence

import tensorflow as tf

TEMPERATURE = 0.07
"""τ of all contrasts, as published."""
MODES = ("all", "one")
"""Which views are anchors of `supervised_contrast`: all of them, or the first."""

_SMALLEST_NORM = 1e-8


def unit(vectors: tf.Tensor) -> tf.Tensor:
    """Returns vectors [..., z] at length 1; zeros stay zeros."""
    squares = tf.reduce_sum(tf.square(vectors), -1, keepdims=True)
    return vectors * tf.math.rsqrt(tf.maximum(squares, _SMALLEST_NORM**2))


def cosine(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Returns cos(a, b) [...] of vectors [..., z], 0 where one of them is zero."""
    return tf.reduce_sum(unit(a) * unit(b), -1)


def one_sided_contrast(
    h: tf.Tensor, positive: tf.Tensor, negatives: tf.Tensor, temperature: float = TEMPERATURE
) -> tf.Tensor:
    """Returns the mean of −log(e^{cos(h, p)/τ} / (e^{cos(h, p)/τ} + Σ_q e^{cos(h, q)/τ})).

    Args:
      h: Anchors [..., z].
      positive: p, what each should be near to, [..., z].
      negatives: q, what it should be far from, [N, ..., z] or what broadcasts to it.
      temperature: τ.
    """
    near = cosine(h, positive)[tf.newaxis]
    far = cosine(h, negatives)
    logits = tf.concat([near, far], 0) / temperature
    return tf.reduce_mean(tf.reduce_logsumexp(logits, 0) - logits[0])


def supervised_contrast(
    features: tf.Tensor,
    labels: tf.Tensor | None = None,
    mask: tf.Tensor | None = None,
    mode: str = "all",
    temperature: float = TEMPERATURE,
    base_temperature: float = TEMPERATURE,
) -> tf.Tensor:
    """Returns the contrast of views, where rows of one label are each other's positives.

    For each anchor: −(τ/τ₀) × the mean, over its positives p, of log softmax_p(dot product / τ)
    among all other views; then the mean over anchors.

    Args:
      features: Views [B, V, z], of unit length for a contrast of cosines.
      labels: Class of each row [B]; with neither labels nor mask each row is its own class.
      mask: Whether column j is of the class of row i, [B, B], in place of labels.
      mode: 'all' views are anchors, or the first 'one' of each row.
      temperature: τ.
      base_temperature: τ₀.

    Raises:
      ValueError: The mode is unknown, or both labels and a mask are given.
    """
    if mode not in MODES:
        raise ValueError(f"mode must be one of {MODES}, but is {mode!r}.")
    if labels is not None and mask is not None:
        raise ValueError("supervised_contrast takes labels or a mask, but both were given.")
    rows, views, size = tf.unstack(tf.shape(features))
    if mask is None:
        labels = tf.range(rows) if labels is None else tf.reshape(labels, [-1])
        mask = labels[:, tf.newaxis] == labels[tf.newaxis]
    # View by view, as rows of one view stand together.
    contrasted = tf.reshape(tf.transpose(features, [1, 0, 2]), [views * rows, size])
    anchors, of_anchors = (features[:, 0], 1) if mode == "one" else (contrasted, views)
    logits = tf.matmul(anchors, contrasted, transpose_b=True) / temperature
    itself = tf.eye(tf.shape(anchors)[0], views * rows, dtype=tf.bool)
    positives = tf.tile(tf.cast(mask, tf.bool), [of_anchors, views]) & ~itself
    log_shares = logits - tf.reduce_logsumexp(
        tf.where(itself, tf.constant(float("-inf"), logits.dtype), logits), 1, keepdims=True
    )
    counts = tf.cast(positives, logits.dtype)
    means = tf.reduce_sum(counts * log_shares, 1) / tf.reduce_sum(counts, 1)
    return -(temperature / base_temperature) * tf.reduce_mean(means)


def two_view_contrast(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Returns the mean cross-entropy of each view's partner among all other views.

    Args:
      a: One view of M things [M, z], of any length.
      b: The other [M, z].
    """
    return supervised_contrast(tf.stack([unit(a), unit(b)], 1))


def sequence_loss(expert: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """Returns l_seq: videos near to the next of their class and far from all of the other.

    About 2 log(n + 1) where nothing has been learned.

    Args:
      expert: h of the experts' videos [n, z].
      other: h of the other videos [n, z].
    """
    return sum(
        one_sided_contrast(own, tf.roll(own, -1, 0), foreign[:, tf.newaxis])
        for own, foreign in ((expert, other), (other, expert))
    )


def future_loss(
    embeddings: tf.Tensor, k: tf.Tensor | int, predictions: Sequence[tf.Tensor]
) -> tf.Tensor:
    """Returns l_vaes: the frames after a prefix as predicted, told from all others of a video.

    Args:
      embeddings: e [T, V, z] of V videos.
      k: Index of the prefix' last frame; T − 1 − k is at least the number of predictions.
      predictions: Of e_{k+1}, e_{k+2} (from the prefix with the first prediction appended), …,
        each [V, z].
    """
    parts = []
    for ahead, predicted in enumerate(predictions, start=1):
        target = k + ahead
        others = tf.concat([embeddings[:target], embeddings[target + 1 :]], 0)
        parts.append(one_sided_contrast(predicted, embeddings[target], others))
    return tf.add_n(parts) / len(parts)


def near_far_loss(
    embedding: tf.Tensor, near: tf.Tensor, far: tf.Tensor, rho: float = 1.0
) -> tf.Tensor:
    """Returns mse(e_t, e_near) + max(ρ − mse(e_t, e_far), 0), of frames [V, z]."""
    apart = reconstruction_loss(embedding, far)
    return reconstruction_loss(embedding, near) + tf.maximum(rho - apart, 0)


def halves_contrast(embeddings: tf.Tensor, join_neighbouring_rows: bool = True) -> tf.Tensor:
    """Returns the contrast of a frame's light with its colours: the two halves of embeddings.

    Args:
      embeddings: e [T, V, z], light first.
      join_neighbouring_rows: Whether the halves of two neighbouring videos, at one time, make one
        row, as published; V is even then.
    """
    light, colour = tf.split(embeddings, 2, -1)
    width = embeddings.shape[-1] if join_neighbouring_rows else light.shape[-1]
    return two_view_contrast(tf.reshape(light, [-1, width]), tf.reshape(colour, [-1, width]))


def reconstruction_loss(found: tf.Tensor, expected: tf.Tensor) -> tf.Tensor:
    """Returns the mean squared difference of tensors of one shape: l_vaei, of pictures."""
    return tf.reduce_mean(tf.math.squared_difference(found, expected))
