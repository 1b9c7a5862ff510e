"""TensorFlow's stateless random numbers in NumPy: Philox 4×32, seeds, and what is made of words.

A seed stands for an endless row of 32-bit words, see `samplers/draws.py`; shares of a batch are
left out here. (Salmon et al., 2011, "Parallel random numbers: as easy as 1, 2, 3".) All functions
take several seeds at once, which costs hardly more than one.
"""

import math
from collections.abc import Sequence

import numpy as np

_MULTIPLIERS = np.array([0xD2511F53, 0xCD9E8D57], np.uint64)
_WEYL = np.array([0x9E3779B9, 0xBB67AE85], np.uint64)
_ROUNDS = 10
_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_SCRAMBLING_KEY = np.array([0x3EC8F720, 0x02461E29], np.uint64)
_SMALLEST = np.float32(1e-7)
"""What Box and Muller's transform takes in place of smaller numbers, whose logarithm it needs."""


def split(seed: np.ndarray, count: int) -> np.ndarray:
    """Derives independent seeds as `tf.random.split` does: int32 [count, 2].

    Args:
      seed: int32 [2].
      count: How many; the first do not depend on it.
    """
    return words(seed, 2 * count).view(np.int32).reshape(count, 2)


def uniform(shape: Sequence[int], seeds: np.ndarray) -> np.ndarray:
    """Draws float32 [..., *shape] uniformly from [0, 1), by seeds int32 [..., 2].

    TensorFlow's numbers, bit for bit.
    """
    return _unit(words(seeds, math.prod(shape))).reshape(*seeds.shape[:-1], *shape)


def normal(shape: Sequence[int], seeds: np.ndarray) -> np.ndarray:
    """Draws float32 [..., *shape] from the standard normal distribution, by seeds int32 [..., 2].

    TensorFlow's numbers, up to the last bits of sine, cosine and logarithm.
    """
    count = math.prod(shape)
    drawn = _unit(words(seeds, count + count % 2)).reshape(*seeds.shape[:-1], -1, 2)
    radius = np.sqrt(np.float32(-2) * np.log(np.maximum(drawn[..., 0], _SMALLEST)))
    angle = (2 * np.pi * drawn[..., 1].astype(np.float64)).astype(np.float32)
    pairs = np.stack([np.sin(angle) * radius, np.cos(angle) * radius], axis=-1)
    flat = pairs.reshape(*seeds.shape[:-1], -1)[..., :count]
    return flat.reshape(*seeds.shape[:-1], *shape)


def words(seeds: np.ndarray, count: int) -> np.ndarray:
    """Returns the first `count` words of the rows of seeds [..., 2]: uint32 [..., count]."""
    keys, starts = _keys_and_starts(seeds)
    blocks = -(-count // 4)
    counters = np.empty((2, 2, *keys.shape[1:], blocks), np.uint64)
    counters[0, 0] = np.arange(blocks, dtype=np.uint64)
    counters[0, 1] = 0  # Nobody draws 2³² blocks.
    counters[1] = starts[..., np.newaxis]
    mixed = _philox(counters[:, 0], counters[:, 1], keys[..., np.newaxis])
    return mixed.reshape(*keys.shape[1:], -1)[..., :count]


def _keys_and_starts(seeds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spreads seeds [..., 2] over keys [2, ...] and upper halves of counters [2, ...]."""
    # Negative numbers become 64 bits as in C++.
    halves = np.moveaxis(np.asarray(seeds).astype(np.int64).view(np.uint64), -1, 0)
    key = _SCRAMBLING_KEY.reshape(2, *[1] * (halves.ndim - 1))
    mixed = np.moveaxis(_philox(halves & _LOW, halves >> _SHIFT, key), -1, 0).astype(np.uint64)
    return mixed[:2], mixed[2:]


def _philox(even: np.ndarray, odd: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Applies the generator's ten rounds; returns uint32 [..., 4].

    Args:
      even: Words 0 and 2 of counters, uint64 [2, ...].
      odd: Words 1 and 3, uint64 [2, ...].
      keys: uint64 [2, ...], of a shape that broadcasts.
    """
    multipliers = _MULTIPLIERS.reshape(2, *[1] * (even.ndim - 1))
    weyl = _WEYL.reshape(2, *[1] * (even.ndim - 1))
    for _ in range(_ROUNDS):
        products = (even * multipliers)[::-1]
        even = (products >> _SHIFT) ^ odd ^ keys
        odd = products & _LOW
        keys = (keys + weyl) & _LOW
    mixed = np.stack([even[0], odd[0], even[1], odd[1]], axis=-1)
    return mixed.astype(np.uint32)


def _unit(drawn: np.ndarray) -> np.ndarray:
    """Makes float32 in [0, 1) of words: their lower 23 bits, behind the exponent of 1."""
    bits = (drawn & np.uint32(0x7FFFFF)) | np.uint32(127 << 23)
    return bits.view(np.float32) - np.float32(1)
