"""A ring of pairs that are drawn without repetition, as AMP keeps an agent's earlier ones."""

import numpy as np
import tensorflow as tf


class PairReplay(tf.Module):
    """The latest pairs, up to a number; all state is in variables, which checkpoints hold.

    Draws go through a permutation of the places, and a new one begins where it has ended. While
    the ring is not full, its places are taken modulo how many pairs there are, as published.
    """

    def __init__(self, capacity: int, size: int, seed: int = 0, name: str = "pair_replay"):
        """Creates an empty ring.

        Args:
          capacity: Most pairs.
          size: Numbers of a pair.
          seed: Of the permutations.
          name: Name of the variables.
        """
        super().__init__(name=name)
        self.capacity, self._seed = capacity, seed
        self.pairs = tf.Variable(tf.zeros([capacity, size]), trainable=False, name="pairs")
        self._order = tf.Variable(tf.range(capacity), trainable=False, name="order")
        # Stored in all, place in the permutation, permutations drawn.
        self._counts = tf.Variable(tf.zeros([3], tf.int64), trainable=False, name="counts")
        self._permute()

    @property
    def total(self) -> int:
        """Pairs stored so far, those that were overwritten included."""
        return int(self._counts[0])

    @property
    def is_full(self) -> bool:
        """Whether a new pair overwrites an old one."""
        return self.total >= self.capacity

    def store(self, pairs: np.ndarray) -> None:
        """Stores pairs float32 [N, size], of which the last `capacity` count, after the latest."""
        kept = pairs[-self.capacity :]
        first = self.total + len(pairs) - len(kept)
        places = (first + np.arange(len(kept))) % self.capacity
        rows = self.pairs.numpy()
        rows[places] = kept
        self.pairs.assign(rows)
        self._counts[0].assign(self.total + len(pairs))

    def sample(self, count: int) -> np.ndarray:
        """Draws pairs, float32 [count, size].

        Raises:
          ValueError: There are none.
        """
        if not self.total:
            raise ValueError("a replay of pairs is empty: store some first.")
        order, at = self._order.numpy(), int(self._counts[1])
        places = order[(at + np.arange(count)) % self.capacity]
        if not self.is_full:
            places %= self.total
        self._counts[1].assign(at + count)
        if at + count >= self.capacity:
            self._permute()
        return self.pairs.numpy()[places]

    def _permute(self) -> None:
        draw = np.random.default_rng([self._seed, int(self._counts[2])])
        self._order.assign(draw.permutation(self.capacity).astype(np.int32))
        self._counts[1].assign(0)
        self._counts[2].assign(int(self._counts[2]) + 1)
