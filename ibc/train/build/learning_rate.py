"""Learning rate schedules: functions of the training step."""

import math

import tensorflow as tf

SCHEDULES = ("exponential", "warmup", "cosine", "cosine_warmup")

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


class CosineWarmup(tf.keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly, then falls as half a cosine to 0 at the last step, and stays there.

    lr(t) = lr · t / w for t < w, lr / 2 · (1 + cos(π (t − w) / (n − w))) for w ≤ t ≤ n.
    """

    def __init__(self, learning_rate: float, warmup_steps: int, num_iterations: int):
        self._learning_rate = learning_rate
        self._warmup_steps = warmup_steps
        self._num_iterations = num_iterations

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        step = tf.cast(step, tf.float32)
        rise = step / max(1, self._warmup_steps)
        length = max(1, self._num_iterations - self._warmup_steps)
        share = tf.clip_by_value((step - self._warmup_steps) / length, 0.0, 1.0)
        fall = 0.5 * (1.0 + tf.cos(math.pi * share))
        return self._learning_rate * tf.where(step < self._warmup_steps, rise, fall)

    def get_config(self) -> dict:
        return {
            "learning_rate": self._learning_rate,
            "warmup_steps": self._warmup_steps,
            "num_iterations": self._num_iterations,
        }


def ends(name: str) -> bool:
    """Tells whether a schedule's shape follows from the length of the training."""
    return name.startswith("cosine")


def check_name(name: str) -> None:
    """Raises ValueError unless there is a schedule of the name."""
    if name not in SCHEDULES:
        raise ValueError(
            f"train_eval.learning_rate_schedule is {name!r}; choose one of {', '.join(SCHEDULES)}."
        )


def get_schedule(
    name: str,
    learning_rate: float,
    decay_steps: int,
    num_iterations: int,
    warmup_steps: int = 0,
) -> tf.keras.optimizers.schedules.LearningRateSchedule:
    """Returns the learning rate as a function of the step.

    Args:
      name: 'exponential' (the published default), 'warmup', 'cosine' (half a cosine from
        `learning_rate` at step 0 to 0 at `num_iterations`), or 'cosine_warmup' (a linear rise
        from 0 before the half cosine).
      learning_rate: initial value; a factor for 'warmup'.
      decay_steps: steps over which 'exponential' loses one per cent.
      num_iterations: length of the training, used by the cosines.
      warmup_steps: steps in which 'cosine_warmup' rises.

    Raises:
      ValueError: there is no such schedule.
    """
    check_name(name)
    if name == "exponential":
        return ExponentialDecay(learning_rate, decay_steps)
    if name == "warmup":
        return Warmup(learning_rate)
    if name == "cosine_warmup":
        return CosineWarmup(learning_rate, warmup_steps, num_iterations)
    return tf.keras.optimizers.schedules.CosineDecay(learning_rate, num_iterations)
