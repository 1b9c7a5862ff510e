"""The options of energies of pairs, under their published dotted names after `energy.`.

In config files `energy.model.L = 50` sets `Model.L`; after `--set`, `model.L=50` does. There
`training` is `energy.matching`, as `training` alone is learning by interaction's.
"""

import dataclasses
from typing import Any

import gin

from ibc.data import pairs
from ibc.ncsn import energy_learner
from ibc.networks import noise_conditioned_energy, pair_energy
from ibc.utils import parameters

PREFIX = "energy"
"""What dotted names begin with in config files."""


@gin.configurable("model", module=PREFIX)
@dataclasses.dataclass(frozen=True)
class Model:
    """The network, its levels, and the average of its weights."""

    encoder: tuple[int, ...] = (32, 64)
    """Units of the layers before the latent."""
    latent: int = 128
    """Units of the latent."""
    decoder: tuple[int, ...] = (64, 32, 8)
    """Units of the layers after it."""
    ncsnv2: bool = True
    """Version v2, else v1."""
    level_input: bool = False
    """This library's version: v2 whose network also sees ln σ."""
    sigma_begin: float = 2.0
    """σ of level 0, in standard deviations of the pairs."""
    sigma_end: float = 0.01
    """σ of the last level."""
    L: int = 50
    """Number of levels."""
    ema: bool = True
    """Whether averaged weights are used."""
    ema_rate: float = 0.999
    """Share of itself that the average keeps in a step."""

    def __post_init__(self):
        """Checks the numbers, and makes tuples of gin's lists."""
        for name in ("encoder", "decoder"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        parameters.check_whole("model", L=self.L, latent=self.latent)
        parameters.check_positive("model", sigma_begin=self.sigma_begin, sigma_end=self.sigma_end)
        if not 0 <= self.ema_rate < 1:
            raise ValueError(f"model.ema_rate must be in [0, 1), but is {self.ema_rate!r}.")

    @property
    def version(self) -> str:
        """One of `noise_conditioned_energy.VERSIONS`."""
        if self.level_input:
            return "level_input"
        return "v2" if self.ncsnv2 else "v1"

    def architecture(
        self, observation_size: int, form: str, mask: tuple[bool, ...] | None
    ) -> pair_energy.Architecture:
        """Returns what the energy is made of."""
        levels = noise_conditioned_energy.noise_levels(
            self.version, self.sigma_begin, self.sigma_end, self.L
        )
        return pair_energy.Architecture(
            observation_size,
            self.encoder,
            self.latent,
            self.decoder,
            self.version,
            tuple(levels.tolist()),
            form,
            mask,
        )


@gin.configurable("matching", module=PREFIX)
@dataclasses.dataclass(frozen=True)
class Training:
    """What is minimised, and for how long."""

    batch_size: int = 128
    """Pairs of a step."""
    n_iters: int = parameters.free(50_000)
    """Steps."""
    snapshot_freq: int = parameters.free(5_000)
    """Steps between checkpoints."""
    log_freq: int = parameters.free(500)
    """Steps between lines and scalars."""
    anneal_power: float = 2.0
    """Power of σ by which levels are weighted."""
    loss: str = "score"
    """'score' or 'energy' matching."""
    kernel: str = "gaussian"
    """Of energy matching: 'gaussian' or 'uniform'."""
    regularise: bool = False
    """Whether half the variance of energies is added to the loss."""

    def __post_init__(self):
        """Checks the numbers."""
        names = ("batch_size", "n_iters", "snapshot_freq", "log_freq")
        parameters.check_whole("training", **{name: getattr(self, name) for name in names})
        parameters.check_finite("training", anneal_power=self.anneal_power)


@gin.configurable("optim", module=PREFIX)
@dataclasses.dataclass(frozen=True)
class Optim:
    """Adam."""

    lr: float = 1e-4
    """Learning rate."""
    weight_decay: float = 0.0
    """Decoupled."""
    grad_clip: float = 1.0
    """Bound of the gradient's norm."""

    def __post_init__(self):
        """Checks the numbers."""
        parameters.check_positive("optim", lr=self.lr, grad_clip=self.grad_clip)
        parameters.check_not_negative("optim", weight_decay=self.weight_decay)


@gin.configurable("data", module=PREFIX)
@dataclasses.dataclass(frozen=True)
class Data:
    """Pairs of the demonstrations, and what the network sees of them."""

    pair_features: str = "difference"
    """'difference' for [s, s' − s], 'concat', as published, for [s, s']."""
    pairing: str = "episodes"
    """'episodes' for pairs inside episodes, of which a fifth is held out; 'published' for jumps
    between them, of which the last fifth is held out."""
    drop_repeated: bool = True
    """Whether frames that repeat the one before are left out before pairs are made."""
    pair_stride: int = 1
    """Frames from s to s'."""
    normalisation: str = "exact"
    """'exact' statistics once, or, as published, 'running' ones that grow while the network
    learns."""
    feature_mask: tuple[bool, ...] | None = None
    """Which of the 2·O features are seen; None for all."""
    joints: tuple[str, ...] | None = None
    """In its place, the joints that are seen of a body of MuJoCo, beside the root's, by name such
    as 'bthigh' or by pattern such as 'b*'."""
    auto_ends: bool = False
    """Whether episodes are also cut where Push-T's agent or block jumps."""

    def __post_init__(self):
        """Checks the names."""
        known = {
            "pair_features": pair_energy.FORMS,
            "pairing": ("episodes", "published"),
            "normalisation": ("exact", "running"),
        }
        for name, values in known.items():
            if getattr(self, name) not in values:
                raise ValueError(
                    f"data.{name} must be one of {values}, but is {getattr(self, name)!r}."
                )
        parameters.check_whole("data", pair_stride=self.pair_stride)
        if self.feature_mask is not None:
            object.__setattr__(self, "feature_mask", tuple(map(bool, self.feature_mask)))
        if self.joints is not None:
            names = (self.joints,) if isinstance(self.joints, str) else self.joints
            object.__setattr__(self, "joints", tuple(names))
            if self.feature_mask is not None or not self.joints:
                raise ValueError(
                    "data.joints names some joints, in place of data.feature_mask: give one of the "
                    "two, such as data.joints=['b*']."
                )

    def pair_options(self) -> pairs.PairOptions:
        """Returns how pairs are made of recordings."""
        return pairs.PairOptions(
            drop_repeated=self.drop_repeated,
            pair_stride=self.pair_stride,
            auto_ends=self.auto_ends,
            published_pairing=self.pairing == "published",
        )


@dataclasses.dataclass(frozen=True)
class Options:
    """All parts together."""

    model: Model
    training: Training
    optim: Optim
    data: Data

    def objective(self) -> energy_learner.Objective:
        """Returns what is minimised, and how."""
        training, optim = self.training, self.optim
        return energy_learner.Objective(
            training.loss,
            training.kernel,
            training.anneal_power,
            training.regularise,
            optim.lr,
            optim.weight_decay,
            optim.grad_clip,
            self.model.ema_rate if self.model.ema else 0.0,
        )


PARTS = {"model": Model, "training": Training, "optim": Optim, "data": Data}
"""Dotted prefix → dataclass."""
_GIN_PARTS = {"training": "matching"}


def bound() -> Options:
    """Returns the options as gin has them bound, checked.

    Raises:
      ValueError: One is unusable; the message names it.
    """
    return Options(**{name: part() for name, part in PARTS.items()})


def names() -> dict[str, Any]:
    """Returns dotted name → default of every option."""
    return {
        f"{name}.{field.name}": field.default
        for name, part in PARTS.items()
        for field in dataclasses.fields(part)
    }


def gin_names(option: str) -> tuple[str, str]:
    """Returns gin's name of an option, whole and without its prefix.

    Gin shortens names by what else is imported, so it may say either.
    """
    part, _, field = option.partition(".")
    short = f"{_GIN_PARTS.get(part, part)}.{field}"
    return f"{PREFIX}.{short}", short


def free_names() -> frozenset[str]:
    """Returns gin's names of what may change as a run goes on."""
    return frozenset(
        gin_name
        for name, part in PARTS.items()
        for field in dataclasses.fields(part)
        if field.metadata.get("may_change")
        for gin_name in gin_names(f"{name}.{field.name}")
    )
