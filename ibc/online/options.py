"""The options of learning by interaction, under their published dotted names.

Each dataclass has the gin name of its part: `imitation.trajectories = 5` in a config file sets
`Imitation.trajectories`, and `imitation.discriminator.depth = 2` `Discriminator.depth`.
"""

import dataclasses
import math
from typing import Any

import gin

from ibc.networks.layers import perceptron
from ibc.rewards import shaped_reward
from ibc.utils import parameters

_CHOICES = {
    "mix_expert_data": ("none", "mixed_batch", "prefill_memory"),
    "loss_function": ("BCE", "Mixup", "PUGAIL"),
    "normalise_by": ("trajectories", "round"),
    "uncertainty": ("mean", "density"),
    "sigma": ("paired", "published"),
}


@gin.configurable("training")
@dataclasses.dataclass(frozen=True)
class Training:
    """When and how fast agent and reward learn."""

    start: int = 1000
    """Steps of interaction before the first update; actions are the untrained policy's."""
    interval: int = 1
    """Steps of interaction per update."""
    batch_size: int = 256
    """Transitions of the agent, and of the expert, in an update."""
    learning_rate: float = 3e-4
    """Of actor, critics and temperature."""
    weight_decay: float = 0.0
    """Of actor and critics."""

    def __post_init__(self):
        """Checks the numbers."""
        parameters.check_whole("training", least=0, start=self.start)
        parameters.check_whole("training", interval=self.interval, batch_size=self.batch_size)
        parameters.check_positive("training", learning_rate=self.learning_rate)
        parameters.check_not_negative("training", weight_decay=self.weight_decay)


@gin.configurable("bc_pretraining")
@dataclasses.dataclass(frozen=True)
class BcPretraining:
    """Behavioral cloning of the actor before it interacts; all of the algorithm BC."""

    iterations: int = 0
    """Steps."""
    learning_rate: float = 2.5e-4
    """Of AdamW."""
    weight_decay: float = 0.0
    """Of AdamW."""

    def __post_init__(self):
        """Checks the numbers."""
        name = "bc_pretraining"
        parameters.check_positive(name, learning_rate=self.learning_rate)
        parameters.check_whole(name, least=0, iterations=self.iterations)
        parameters.check_not_negative(name, weight_decay=self.weight_decay)


@gin.configurable("evaluation")
@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Greedy episodes on the same seeds every time."""

    interval: int = parameters.free(10_000)
    """Steps of interaction between evaluations."""
    episodes: int = parameters.free(30)
    """How many."""

    def __post_init__(self):
        """Checks the numbers."""
        parameters.check_whole("evaluation", interval=self.interval, episodes=self.episodes)


@gin.configurable("logging")
@dataclasses.dataclass(frozen=True)
class Logging:
    """What is written between evaluations."""

    interval: int = parameters.free(1000)
    """Steps of interaction between lines and scalars."""

    def __post_init__(self):
        """Checks the number."""
        parameters.check_whole("logging", interval=self.interval)


@gin.configurable("memory")
@dataclasses.dataclass(frozen=True)
class Memory:
    """The replay."""

    size: int = 1_000_000
    """Transitions that it holds at most; then the oldest go."""

    def __post_init__(self):
        """Checks the number."""
        parameters.check_whole("memory", size=self.size)


@gin.configurable("reinforcement")
@dataclasses.dataclass(frozen=True)
class Reinforcement:
    """Soft actor-critic, see `sac_agent.AbsorbingSacAgent`."""

    discount: float = 0.99
    """γ."""
    target_temperature: float = -1.0
    """Entropy aimed at, per dimension of the action."""
    polyak_factor: float = 0.995
    """Share of itself that the target critic keeps in each update."""
    absorbing_mask: str = "next"
    """'next', or 'published' for entropy at transitions into the absorbing state."""

    def __post_init__(self):
        """Checks the numbers and the choice."""
        name = "reinforcement"
        parameters.check_share(name, discount=self.discount, polyak_factor=self.polyak_factor)
        parameters.check_finite(name, target_temperature=self.target_temperature)
        masks = ("next", "published")
        parameters.check_choice(name, masks, absorbing_mask=self.absorbing_mask)


@dataclasses.dataclass(frozen=True)
class Network:
    """Hidden layers."""

    hidden_size: int = 256
    """Units of each."""
    depth: int = 2
    """How many."""
    activation: str = "relu"
    """'relu', 'tanh' or 'sigmoid'."""

    def check(self, name: str) -> None:
        """Checks the numbers and the choice of the part with a dotted name."""
        parameters.check_whole(name, hidden_size=self.hidden_size)
        parameters.check_whole(name, least=0, depth=self.depth)
        activations = tuple(perceptron.ACTIVATIONS)
        parameters.check_choice(name, activations, activation=self.activation)


@gin.configurable("actor", module="reinforcement")
@dataclasses.dataclass(frozen=True)
class Actor(Network):
    """The policy's network."""

    def __post_init__(self):
        """Checks it."""
        self.check("reinforcement.actor")


@gin.configurable("critic", module="reinforcement")
@dataclasses.dataclass(frozen=True)
class Critic(Network):
    """Each critic's network."""

    def __post_init__(self):
        """Checks it."""
        self.check("reinforcement.critic")


@gin.configurable("discriminator", module="imitation")
@dataclasses.dataclass(frozen=True)
class Discriminator(Network):
    """The reward's network: GAIL's discriminator, RED's embedding, DRIL's actor."""

    hidden_size: int = 64
    """Units of each hidden layer."""
    depth: int = 1
    """How many of them."""
    input_dropout: float = 0.0
    """Share of inputs that is dropped in training."""
    dropout: float = 0.0
    """Share of hidden units."""
    use_dropout: bool = False
    """Whether GAIL uses its shares; the published code reads and ignores them."""
    reward_shaping: bool = False
    """Whether GAIL's logits have a potential's difference."""
    subtract_log_policy: bool = False
    """Whether log π(a|s) is subtracted from them."""
    reward_function: str = "AIRL"
    """'GAIL', 'AIRL' or 'FAIRL'."""

    def __post_init__(self):
        """Checks it, the shares and the choice."""
        name = "imitation.discriminator"
        self.check(name)
        for share in ("input_dropout", "dropout"):
            parameters.check_share(name, **{share: getattr(self, share)})
            if getattr(self, share) == 1:
                raise ValueError(f"{name}.{share} must be below 1: nothing would be left.")
        rewards = ("GAIL", "AIRL", "FAIRL")
        parameters.check_choice(name, rewards, reward_function=self.reward_function)

    def network(self) -> dict[str, Any]:
        """Returns the arguments of the perceptron."""
        names = ("hidden_size", "depth", "activation", "input_dropout", "dropout")
        return {name: getattr(self, name) for name in names}


@gin.configurable("pretraining", module="imitation")
@dataclasses.dataclass(frozen=True)
class RewardPretraining:
    """Training of DRIL's and RED's reward before anything is collected."""

    iterations: int = 100_000
    """Steps."""

    def __post_init__(self):
        """Checks the number."""
        parameters.check_whole("imitation.pretraining", least=0, iterations=self.iterations)


@gin.configurable("imitation")
@dataclasses.dataclass(frozen=True)
class Imitation:
    """Expert data, and the learned reward. What an algorithm does not have, it ignores."""

    trajectories: int = 0
    """How many of the expert's are used, the first ones; 0 for all."""
    subsample: int = 1
    """Every how manieth step of them is kept."""
    state_only: bool = False
    """Whether rewards ignore actions."""
    absorbing: bool = True
    """Whether episodes that terminate go on in an absorbing state."""
    mix_expert_data: str | bool = "none"
    """'none'; 'mixed_batch' (or True): half of each batch is the expert's; 'prefill_memory': the
    replay begins with it."""
    bc_aux_loss: bool = False
    """Whether the actor is also cloned, at each update."""
    learning_rate: float = 3e-5
    """Of the reward's network."""
    weight_decay: float = 0.0
    """Of the reward's network."""
    spectral_norm: bool = False
    """GAIL: divide its kernels by their spectral norm."""
    loss_function: str = "BCE"
    """GAIL: 'BCE', 'Mixup' or 'PUGAIL'."""
    grad_penalty: float = 1.0
    """GAIL: factor of the gradient penalty."""
    entropy_bonus: float = 0.0
    """GAIL: factor of the entropy of its judgement."""
    mixup_alpha: float = 1.0
    """GAIL: shares of Mixup are drawn from Beta(α, α)."""
    pos_class_prior: float = 0.7
    """GAIL: share of the agent's transitions that PUGAIL takes to be as good as the expert's."""
    nonnegative_margin: float | str = math.inf
    """GAIL: PUGAIL's margin; 'inf' for none."""
    published_pugail: bool = False
    """GAIL: PUGAIL with the published, wrong sign."""
    reward_clip: float | None = None
    """GAIL: bound of the reward's magnitude."""
    self_weighted: bool = False
    """GMMIL: the published factor that makes rewards vanish."""
    balanced: bool = True
    """AdRIL: whole batches alternate between expert and agent; else each is half of both."""
    update_freq: int = 1250
    """AdRIL: steps of interaction per round; 0 for SQIL."""
    normalise_by: str = "trajectories"
    """AdRIL: 'trajectories', or 'round' for penalties that do not fade."""
    quantile_cutoff: float = 0.98
    """DRIL: share of the expert's data that is worth +1."""
    uncertainty: str = "mean"
    """DRIL: of the clones' 'mean', or, as published, of their 'density'."""
    ensemble_size: int = 5
    """DRIL: passes with other masks."""
    reward_scale: float = 5.0
    """PWIL: the reward at no cost."""
    reward_bandwidth_scale: float | None = None
    """PWIL: how fast its reward falls, 5 if None; RED: σ₁, of the expert's data if None."""
    sigma: str = "paired"
    """RED: how σ₁ is found, or 'published'."""

    def __post_init__(self):
        """Checks numbers and choices, and reads True as 'mixed_batch' and 'inf' as infinity."""
        mix = {True: "mixed_batch", False: "none"}.get(self.mix_expert_data, self.mix_expert_data)
        object.__setattr__(self, "mix_expert_data", mix)
        object.__setattr__(self, "nonnegative_margin", _margin(self.nonnegative_margin))
        name = "imitation"
        for option, choices in _CHOICES.items():
            parameters.check_choice(name, choices, **{option: getattr(self, option)})
        parameters.check_whole(
            name, least=0, trajectories=self.trajectories, update_freq=self.update_freq
        )
        parameters.check_whole(name, subsample=self.subsample)
        parameters.check_whole(name, least=2, ensemble_size=self.ensemble_size)
        parameters.check_share(
            name, pos_class_prior=self.pos_class_prior, quantile_cutoff=self.quantile_cutoff
        )
        positive = ("learning_rate", "mixup_alpha", "reward_scale")
        positive += tuple(
            option
            for option in ("reward_clip", "reward_bandwidth_scale")
            if getattr(self, option) is not None
        )
        parameters.check_positive(name, **{option: getattr(self, option) for option in positive})
        not_negative = ("weight_decay", "grad_penalty", "entropy_bonus")
        parameters.check_not_negative(
            name, **{option: getattr(self, option) for option in not_negative}
        )


def _margin(value: object) -> float:
    try:
        margin = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        margin = math.nan
    if not margin >= 0:
        raise ValueError(
            f"imitation.nonnegative_margin must be 'inf' or a number from 0 on, got {value!r}."
        )
    return margin


@dataclasses.dataclass(frozen=True)
class Options:
    """All parts together."""

    training: Training
    bc_pretraining: BcPretraining
    evaluation: Evaluation
    logging: Logging
    memory: Memory
    reinforcement: Reinforcement
    actor: Actor
    critic: Critic
    imitation: Imitation
    discriminator: Discriminator
    pretraining: RewardPretraining
    shaping: shaped_reward.Shaping


PARTS = {
    "training": Training,
    "bc_pretraining": BcPretraining,
    "evaluation": Evaluation,
    "logging": Logging,
    "memory": Memory,
    "reinforcement": Reinforcement,
    "reinforcement.actor": Actor,
    "reinforcement.critic": Critic,
    "imitation": Imitation,
    "imitation.discriminator": Discriminator,
    "imitation.pretraining": RewardPretraining,
    "imitation.shaping": shaped_reward.Shaping,
}
"""Dotted prefix → dataclass."""


def bound() -> Options:
    """Returns the options as gin has them bound, checked.

    Raises:
      ValueError: One is unusable; the message names it.
    """
    return Options(**{prefix.split(".")[-1]: part() for prefix, part in PARTS.items()})


def names() -> dict[str, Any]:
    """Returns dotted name → default of every option."""
    return {
        f"{prefix}.{field.name}": field.default
        for prefix, part in PARTS.items()
        for field in dataclasses.fields(part)
    }
