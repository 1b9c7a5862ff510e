"""Adam with decoupled weight decay, ε beside the corrected average."""

from collections.abc import Iterable, Sequence

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

    def apply_gradients(
        self, grads_and_vars: Iterable[tuple[tf.Tensor, tf.Variable]], name: str | None = None
    ) -> None:
        """Makes a step for all variables, with one operation each where nothing decays.

        Gradients are not summed over replicas, as Keras does: what learns by it has one.

        Args:
          grads_and_vars: Gradient and variable, float32, none without a gradient, always of the
            same variables.
          name: Of the scope of what is created.
        """
        pairs = list(grads_and_vars)
        with tf.name_scope(name or self.name), tf.init_scope():
            self.build([variable for _, variable in pairs])
        step = tf.cast(self.iterations + 1, tf.float32)
        first_power, second_power = tf.pow(self.beta_1, step), tf.pow(self.beta_2, step)
        rate = tf.cast(self.learning_rate, tf.float32)
        # TensorFlow's Adam adds its ε to √v where ours is added to √v̂.
        epsilon = self.epsilon * tf.sqrt(1 - second_power)
        for gradient, variable in pairs:
            if self.weight_decay:
                variable.assign_sub(rate * self.weight_decay * variable)
            index = self._index_dict[self._var_key(variable)]
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=self._momentums[index].handle,
                v=self._velocities[index].handle,
                beta1_power=first_power,
                beta2_power=second_power,
                lr=rate,
                beta1=self.beta_1,
                beta2=self.beta_2,
                epsilon=epsilon,
                grad=gradient,
            )
        self.iterations.assign_add(1)
