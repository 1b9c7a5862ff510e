"""Learning rate schedules: functions of the training step."""

import math

import tensorflow as tf

SCHEDULES = ("exponential", "warmup", "cosine")

_WARMUP_STEPS = 4000
_WARMUP_DIMENSION = 32


class ExponentialDecay(tf.keras.optimizers.schedules.LearningRateSchedule):
    """lr(t) = lr · 0.99^(t / decay_steps), continuous in t."""

    def __init__(self, learning_rate: float, decay_steps: int):
        self._learning_rate = learning_rate
        self._decay_steps = decay_steps

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        exponent = tf.cast(step, tf.float32) / self._decay_steps
        return self._learning_rate * tf.pow(0.99, exponent)

    def get_config(self) -> dict:
        return {"learning_rate": self._learning_rate, "decay_steps": self._decay_steps}


class Warmup(tf.keras.optimizers.schedules.LearningRateSchedule):
    """lr(t) = lr · d^(−1/2) · min(t^(−1/2), t · 4000^(−3/2)) with d = 32."""

    def __init__(self, learning_rate: float):
        self._learning_rate = learning_rate

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        step = tf.cast(step, tf.float32)
        rise = step * _WARMUP_STEPS**-1.5
        factor = tf.minimum(tf.math.rsqrt(tf.maximum(step, 1.0)), rise)
        return self._learning_rate * factor / math.sqrt(_WARMUP_DIMENSION)

    def get_config(self) -> dict:
        return {"learning_rate": self._learning_rate}


def check_name(name: str) -> None:
    """Raises ValueError unless there is a schedule of the name."""
    if name not in SCHEDULES:
        raise ValueError(
            f"train_eval.learning_rate_schedule is {name!r}; choose one of {', '.join(SCHEDULES)}."
        )


def get_schedule(
    name: str, learning_rate: float, decay_steps: int, num_iterations: int
) -> tf.keras.optimizers.schedules.LearningRateSchedule:
    """Returns the learning rate as a function of the step.

    Args:
      name: 'exponential' (the published default), 'warmup', or 'cosine' (half a cosine from
        `learning_rate` at step 0 to 0 at `num_iterations`).
      learning_rate: initial value; a factor for 'warmup'.
      decay_steps: steps over which 'exponential' loses one per cent.
      num_iterations: length of the training, used by 'cosine'.

    Raises:
      ValueError: there is no such schedule.
    """
    check_name(name)
    if name == "exponential":
        return ExponentialDecay(learning_rate, decay_steps)
    if name == "warmup":
        return Warmup(learning_rate)
    return tf.keras.optimizers.schedules.CosineDecay(learning_rate, num_iterations)
