"""Step sizes of a Langevin chain, computed before it starts."""

import numpy as np


def polynomial(init: float, final: float, power: float, num_iterations: int) -> np.ndarray:
    """Falls from `init` to `final` as (init − final) · (1 − k / (n − 1))^power + final.

    Args:
      init: Step size of step 0.
      final: Step size of step n − 1.
      power: Exponent.
      num_iterations: n; a single step uses `init`.

    Returns:
      float32 [n].
    """
    progress = np.arange(num_iterations) / max(1, num_iterations - 1)
    return ((init - final) * (1 - progress) ** power + final).astype(np.float32)


def exponential(init: float, decay: float, num_iterations: int) -> np.ndarray:
    """Falls as init · decay^k; float32 [num_iterations]."""
    return (init * decay ** np.arange(num_iterations)).astype(np.float32)
