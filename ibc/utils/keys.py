"""Keys: what every random draw follows from, whoever makes it and wherever a batch is worked on."""

from typing import NamedTuple

import tensorflow as tf
from tf_agents.typing import types


class Key(NamedTuple):
    """A seed, and the share of a batch that is drawn for.

    With a seed [2], the rows [B, ...] drawn for share i are rows i·B … (i + 1)·B − 1 of what the
    seed stands for. So devices that share a batch, and blocks in which it is worked on, draw what
    would be drawn for all of it.
    """

    seed: tf.Tensor
    """Integer tensor [2], shared by all rows of what is drawn, or [B, 2]: row i then follows from
    seed i alone, whatever the other rows and the share are."""
    share: types.Int = 0
    """Which share of the batch this is, from 0."""

    def part(self, index: types.Int, count: types.Int) -> "Key":
        """Returns the key of one of `count` equal parts of this share."""
        return Key(self.seed, self.share * count + index)

    def seeds(self, count: int) -> tf.Tensor:
        """Derives independent seeds, stacked along a new first axis: [count, (B,) 2].

        The first of them do not depend on how many there are.
        """
        if self.seed.shape.rank == 1:
            return tf.random.split(self.seed, count)
        rows = tf.map_fn(lambda row: tf.random.split(row, count), self.seed)
        return tf.transpose(rows, [1, 0, 2])

    def split(self, count: int) -> list["Key"]:
        """Derives independent keys of the same share; the first do not depend on the count."""
        return [Key(seed, self.share) for seed in tf.unstack(self.seeds(count))]


def fresh(op_seed: int | None = None) -> Key:
    """Draws a new key from TensorFlow's global generator, different at every execution.

    Args:
      op_seed: Seed of the drawing operation; with it, successive keys repeat in every process.
    """
    low, high = tf.int32.min, tf.int32.max
    return Key(tf.random.uniform([2], low, high, tf.int32, seed=op_seed))


def of(seed: types.Seed | None) -> Key:
    """Turns what a policy's `action` was given into a key.

    Args:
      seed: None or an int for a fresh key per execution, or an integer tensor [2] or [B, 2].

    Raises:
      ValueError: A tensor of another shape.
    """
    if seed is None or isinstance(seed, int):
        return fresh(seed)
    seed = tf.convert_to_tensor(seed)
    if seed.shape.rank not in (1, 2) or seed.shape[-1] != 2:
        raise ValueError(
            "A policy's seed must be None, an int, or an integer tensor of shape [2] or "
            f"[batch, 2], but has the shape {seed.shape}."
        )
    return Key(seed)
