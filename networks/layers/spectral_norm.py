"""A dense layer divided by its kernel's largest singular value (arXiv 1802.05957)."""

import contextlib
import contextvars
from collections.abc import Iterator

import tensorflow as tf

from ibc.networks.layers import dense

_EPSILON = 1e-12

_postponed: contextvars.ContextVar[bool] = contextvars.ContextVar(
    "ibc_spectral_norm_postponed", default=False
)


@contextlib.contextmanager
def one_iteration(network: tf.Module) -> Iterator[None]:
    """Makes a training step of any number of calls store one power iteration, at its end.

    Args:
      network: Whose layers store it.

    Yields:
      Nothing.
    """
    token = _postponed.set(True)
    try:
        yield
    finally:
        _postponed.reset(token)
    for layer in network.submodules:
        if isinstance(layer, DenseSN):
            layer.commit()


class DenseSN(dense.Dense):
    """A dense layer with spectral normalization by power iteration.

    Every call makes one power iteration from the stored vector `sn`; only training stores the
    result. Calls between two training steps therefore all use the same kernel. The singular
    vectors count as constants in gradients.
    """

    def build(self, input_shape) -> None:
        """Creates kernel, bias and the left singular vector's estimate `sn` [1, units]."""
        super().build(input_shape)
        self.sn = self.add_weight(
            name="sn",
            shape=(1, self.units),
            initializer=tf.keras.initializers.TruncatedNormal(stddev=0.02),
            trainable=False,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )

    def effective_kernel(self, training: bool = False) -> tf.Tensor:
        """Returns kernel / σ, σ the largest singular value's current estimate."""
        del training
        right, left = self._power_iteration()
        sigma = tf.matmul(tf.matmul(right, self.kernel), left, transpose_b=True)
        return self.kernel / sigma

    def commit(self) -> tf.Operation | None:
        """Stores one power iteration; called once per training step, or inside `one_iteration`."""
        if _postponed.get():
            return None
        _, left = self._power_iteration()
        return self.sn.assign(left)

    def _power_iteration(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns estimates of the right [1, inputs] and left [1, units] singular vectors."""
        kernel = tf.stop_gradient(tf.convert_to_tensor(self.kernel))
        right = _unit(tf.matmul(self.sn, kernel, transpose_b=True))
        return right, _unit(tf.matmul(right, kernel))


def _unit(vector: tf.Tensor) -> tf.Tensor:
    return tf.math.l2_normalize(vector, epsilon=_EPSILON)
