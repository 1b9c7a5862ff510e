"""Checks what gin binds to samplers when an agent is built: they are called much later."""

from collections.abc import Callable

import gin

from ibc.utils import parameters, score_gradients

_RULES = {
    "num_iterations": parameters.check_whole,
    "temperature": parameters.check_positive,
    "sampler_stepsize_init": parameters.check_positive,
    "delta_action_clip": parameters.check_positive,
    "iteration_std": parameters.check_not_negative,
    "noise_scale": parameters.check_not_negative,
    "sampler_stepsize_final": parameters.check_not_negative,
    "sampler_stepsize_decay": parameters.check_not_negative,
    "sampler_stepsize_power": parameters.check_not_negative,
}


def check(*samplers: Callable) -> None:
    """Checks the bindings in force of samplers.

    Args:
      *samplers: gin configurables such as `iterative_dfo`.

    Raises:
      ValueError: A number is out of its range, or a norm is unknown; the message names it.
    """
    for sampler in samplers:
        bound = gin.get_bindings(sampler)
        for name, rule in _RULES.items():
            if name in bound:
                rule(sampler.__name__, **{name: bound[name]})
        if bound.get("grad_clip") is not None:
            parameters.check_positive(sampler.__name__, grad_clip=bound["grad_clip"])
        score_gradients.check_grad_norm_type(bound.get("grad_norm_type"))
