"""Search spaces of the algorithms' options, as published.

Source: arXiv 2108.01867, and the configs of its code.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Choice:
    """One of several values."""

    values: tuple[bool | int | float | str, ...]


@dataclasses.dataclass(frozen=True)
class Range:
    """A number between two, both included."""

    low: float
    high: float
    is_whole: bool = False


Space = dict[str, Choice | Range]
"""Dotted name of an option → what is tried of it."""

_RATE = Range(3e-5, 3e-4)
_ITERATIONS = Range(1000, 100_000, is_whole=True)
_BATCH_SIZES = Choice((128, 256, 512, 1024))

_LEARNER: Space = {
    "training.start": Choice((1000, 10_000)),
    "training.batch_size": _BATCH_SIZES,
    "training.learning_rate": _RATE,
    "reinforcement.discount": Range(0.95, 0.99),
    "reinforcement.target_temperature": Range(-1.0, -0.5),
    "reinforcement.polyak_factor": Range(0.97, 0.995),
}
_NETWORK: Space = {
    "imitation.discriminator.hidden_size": Choice((32, 64, 128)),
    "imitation.discriminator.depth": Choice((1, 2)),
    "imitation.discriminator.activation": Choice(("relu", "tanh")),
    "imitation.discriminator.input_dropout": Range(0.0, 0.5),
    "imitation.discriminator.dropout": Range(0.05, 0.75),
}
_REWARD: Space = {
    "imitation.learning_rate": _RATE,
    "imitation.weight_decay": Range(0.0, 10.0),
}
_PRETRAINING: Space = {"imitation.pretraining.iterations": _ITERATIONS}

SPACES: dict[str, Space] = {
    "AdRIL": _LEARNER
    | {
        "imitation.balanced": Choice((True, False)),
        "imitation.update_freq": Choice((0, 1250, 2500, 5000, 12_500, 25_000, 50_000)),
    },
    "BC": {
        "bc_pretraining.iterations": _ITERATIONS,
        "bc_pretraining.learning_rate": _RATE,
        "training.batch_size": _BATCH_SIZES,
    },
    "DRIL": _LEARNER
    | _NETWORK
    | _PRETRAINING
    | _REWARD
    | {"imitation.quantile_cutoff": Range(0.8, 0.98)},
    "GAIL": _LEARNER
    | _NETWORK
    | {"imitation.discriminator.reward_function": Choice(("GAIL", "AIRL", "FAIRL"))}
    | _REWARD
    | {
        "imitation.grad_penalty": Range(0.0, 1.0),
        "imitation.spectral_norm": Choice((True, False)),
        "imitation.entropy_bonus": Range(0.0, 0.3),
        "imitation.loss_function": Choice(("BCE", "Mixup", "PUGAIL")),
    },
    "GMMIL": _LEARNER | {"training.batch_size": Choice((128, 256))},
    "PWIL": _LEARNER
    | {
        "imitation.reward_scale": Choice((1.0, 5.0, 10.0)),
        "imitation.reward_bandwidth_scale": Choice((1.0, 5.0, 10.0)),
    },
    "RED": _LEARNER | _NETWORK | _PRETRAINING | _REWARD,
    "SAC": _LEARNER,
}
"""Algorithm → its space."""


def get(algorithm: str, fixed: tuple[str, ...] = ()) -> Space:
    """Returns what is tried of an algorithm's options.

    Args:
      algorithm: Its name.
      fixed: Options that are left out, as their value is given.

    Raises:
      ValueError: There is no space for the algorithm, or nothing is left of it.
    """
    if algorithm not in SPACES:
        raise ValueError(
            f"There is no search space for --algorithm={algorithm}, but for {', '.join(SPACES)}; "
            "what is a setting of another is tuned under that one's name, with --set."
        )
    space = {name: what for name, what in SPACES[algorithm].items() if name not in fixed}
    if not space:
        raise ValueError(f"--set leaves nothing to try of {algorithm}: give fewer options.")
    return space
