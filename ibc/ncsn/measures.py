"""How well an energy tells the demonstrations' pairs from others."""

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from ibc.rewards import measurements

_MOST_ROWS = 4096


def contrasts(test: np.ndarray, low: np.ndarray, high: np.ndarray, seed: int = 0) -> dict:
    """Returns pairs that are none of the demonstrations', by name; float32 [N, 2·O] each.

    'uniform': two places drawn within the bounds. 'random_steps': such a place, and a step from it
    of the demonstrations' median length in any direction. 'turned': the demonstrations' places,
    and such steps. 'reversed': s' and s. 'resting': s twice.

    Args:
      test: Held-out pairs [N, 2·O].
      low: Smallest values of places [O].
      high: Largest values [O].
      seed: Of what is drawn.
    """
    draw = np.random.default_rng(seed)
    first, second = np.split(test, 2, axis=1)
    length = np.median(np.linalg.norm(second - first, axis=1))

    def stepped(places: np.ndarray) -> np.ndarray:
        ways = draw.normal(size=places.shape)
        ways *= length / np.linalg.norm(ways, axis=1, keepdims=True)
        return np.concatenate([places, places + ways], 1)

    places = draw.uniform(low, high, first.shape)
    others = {
        "uniform": np.concatenate([places, draw.uniform(low, high, first.shape)], 1),
        "random_steps": stepped(draw.uniform(low, high, first.shape)),
        "turned": stepped(first),
        "reversed": np.concatenate([second, first], 1),
        "resting": np.concatenate([first, first], 1),
    }
    return {name: pairs.astype(np.float32) for name, pairs in others.items()}


def auc_table(
    energy: Callable[[tf.Tensor, int], tf.Tensor],
    level: int,
    test: np.ndarray,
    others: Mapping[str, np.ndarray],
) -> dict[str, float]:
    """Returns how probably a held-out pair has more energy than one of the others, by name.

    Args:
      energy: From raw pairs and a level to energies.
      level: At which they are compared.
      test: Held-out pairs [N, 2·O]; at most 4,096 of them, evenly, count.
      others: See `contrasts`.
    """

    def energies(pairs: np.ndarray) -> np.ndarray:
        chosen = pairs[:: max(1, len(pairs) // _MOST_ROWS)]
        return energy(tf.constant(chosen), level).numpy()

    own = energies(test)
    return {name: measurements.auc(own, energies(pairs)) for name, pairs in others.items()}
