"""Optimizers by the names that `train_eval.optimizer` gives them."""

import gin
import tensorflow as tf

from ibc.utils import parameters

OPTIMIZERS = ("adam", "adamw")

Rate = tf.keras.optimizers.schedules.LearningRateSchedule


def check_name(name: object) -> None:
    """Raises ValueError unless there is an optimizer of the name."""
    if name not in OPTIMIZERS:
        raise ValueError(
            f"train_eval.optimizer is {name!r}; choose one of {', '.join(OPTIMIZERS)}."
        )


def get_optimizer(
    name: str, rate: Rate, gradient_clipping: float | None = None, loss_scaling: bool = False
):
    """Returns the Keras optimizer of a name.

    Args:
      name: 'adam' or 'adamw'.
      rate: learning rate as a function of the step.
      gradient_clipping: largest norm of all gradients together, over all devices; longer ones are
        scaled down to it. None: no limit.
      loss_scaling: whether gradients are those of a loss times 2ⁿ, which keeps small ones from
        vanishing in float16; n grows with time, and falls where a gradient overflows, whose step
        is left out (Micikevicius et al., arXiv 1710.03740).

    Raises:
      ValueError: there is no such optimizer, or one of its parameters is out of its range.
    """
    check_name(name)
    if name == "adamw":
        made = adamw(rate, gradient_clipping)
    else:
        # The fused implementation: one kernel per variable.
        made = tf.keras.optimizers.legacy.Adam(rate, global_clipnorm=gradient_clipping)
    return tf.keras.mixed_precision.LossScaleOptimizer(made) if loss_scaling else made


@gin.configurable
def adamw(
    rate: Rate,
    gradient_clipping: float | None = None,
    beta_1: float = 0.95,
    beta_2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 1e-6,
) -> tf.keras.optimizers.AdamW:
    """Returns Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101).

    In every step first x ← x − lr · weight_decay · x for all weights, biases included, then Adam's
    step. The defaults are those that Diffusion Policy's policies are trained with.

    Args:
      rate: learning rate as a function of the step.
      gradient_clipping: as for `get_optimizer`.
      beta_1: decay of the gradient's average, in [0, 1).
      beta_2: decay of the squared gradient's average, in [0, 1).
      epsilon: added to the root of that average before it is corrected for its start.
      weight_decay: share of a weight that a step of rate 1 would take away.

    Raises:
      ValueError: a number is out of its range.
    """
    for beta, value in (("beta_1", beta_1), ("beta_2", beta_2)):
        parameters.check_not_negative("adamw", **{beta: value})
        if value >= 1:
            raise ValueError(f"adamw.{beta} must be below 1, got {value!r}.")
    parameters.check_positive("adamw", epsilon=epsilon)
    parameters.check_not_negative("adamw", weight_decay=weight_decay)
    return tf.keras.optimizers.AdamW(
        rate,
        weight_decay=weight_decay,
        beta_1=beta_1,
        beta_2=beta_2,
        epsilon=epsilon,
        global_clipnorm=gradient_clipping,
        jit_compile=False,
    )
