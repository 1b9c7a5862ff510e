"""Adam with decoupled weight decay, ε beside the corrected average."""

from collections.abc import Sequence

import tensorflow as tf


class AdamW(tf.keras.optimizers.AdamW):
    """θ ← θ(1 − lr · wd), biases too; then θ ← θ − lr · m̂ / (√v̂ + ε), as PyTorch has it.

    Keras adds ε before the squared gradient's average is corrected for its start at 0, so that its
    first steps on tiny gradients are other ones (Loshchilov and Hutter, arXiv 1711.05101).
    """

    def __init__(self, learning_rate: float, weight_decay: float = 0.0, epsilon: float = 1e-8):
        """Creates the optimizer; β are 0.9 and 0.999.

        Args:
          learning_rate: lr.
          weight_decay: wd.
          epsilon: ε.
        """
        super().__init__(
            learning_rate,
            weight_decay=weight_decay,
            epsilon=epsilon,
            jit_compile=False,
            name="adamw",
        )

    def descend(
        self, tape: tf.GradientTape, loss: tf.Tensor, variables: Sequence[tf.Variable]
    ) -> None:
        """Makes a step down the gradient of a loss that a tape has recorded."""
        self.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable) -> None:
        """Makes Adam's step for one variable; Keras has made the decay's."""
        step = tf.cast(self.iterations + 1, variable.dtype)
        index = self._index_dict[self._var_key(variable)]
        first, second = self._momentums[index], self._velocities[index]
        first.assign_add((gradient - first) * (1 - self.beta_1))
        second.assign_add((tf.square(gradient) - second) * (1 - self.beta_2))
        mean = first / (1 - tf.pow(self.beta_1, step))
        spread = tf.sqrt(second / (1 - tf.pow(self.beta_2, step)))
        rate = tf.cast(self.learning_rate, variable.dtype)
        variable.assign_sub(rate * mean / (spread + self.epsilon))
