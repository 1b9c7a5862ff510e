"""The options of PPO, NEAR, AMP and CEM, under dotted names after `on_policy.`.

In config files `on_policy.ppo.gamma = 0.99` sets `Ppo.gamma`; after `--set`, `ppo.gamma=0.99` does.
"""

import dataclasses
from collections.abc import Sequence

import gin

from ibc.agents import ppo_agent
from ibc.networks import actor_critic
from ibc.online import cem as cem_lib
from ibc.rewards import amp as amp_lib
from ibc.rewards import annealers, near
from ibc.utils import parameters

PREFIX = "on_policy"
"""What dotted names begin with in config files."""
SCHEDULES = ("constant", "linear")
"""Of the learning rate."""
STARTS = {"start": 0.0, "hybrid": 0.5, "random": 1.0}
"""`state_init` → share of episodes that begin in a state of the demonstrations."""


@gin.configurable("ppo", module=PREFIX)
@dataclasses.dataclass(frozen=True)
class Ppo:
    """Collection and learning, see `ppo_agent.PpoOptions`; defaults are the published maze's."""

    num_envs: int = 16
    """Copies of the environment, side by side."""
    horizon: int = 32
    """Decisions of each copy between two updates."""
    action_repeat: int = 1
    """Steps for which an action is held."""
    hidden: tuple[int, ...] = (1024, 512)
    """Units of the hidden layers."""
    shared: bool = False
    """Whether actor and critic share them."""
    log_sigma: float = -3.0
    """Logarithm of the standard deviation of actions within ±1."""
    final_log_sigma: float | None = None
    """What it has come to, in a line, at the end of the run; None for staying. Means near ±1 act
    otherwise than actions around them do, which are clipped: the less, the smaller σ."""
    learn_sigma: bool = False
    """Whether it is trained."""
    gamma: float = 0.99
    """Discount."""
    tau: float = 0.9
    """λ of the advantages."""
    lr: float = 5e-5
    """Learning rate."""
    lr_schedule: str = "constant"
    """'constant', or 'linear' from `lr` to 0 at the end of the run, so that what is learned stays;
    then the number of steps decides what is learned."""
    kl_threshold: float | None = None
    """Divergence that the learning rate is adapted to; None for the schedule's."""
    minibatch_size: int = 16
    """Rows of a gradient step."""
    mini_epochs: int = 4
    """How often a rollout is learned from."""
    e_clip: float = 0.2
    """How far the ratio may go from 1."""
    clip_value: bool = False
    """Whether values stay near the old ones."""
    critic_coef: float = 1.0
    """Factor of the value's loss."""
    entropy_coef: float = 0.0
    """Factor of the entropy."""
    half_critic: bool = True
    """Whether the value's loss is halved, as with NEAR and not with AMP."""
    bounds_loss_coef: float = 0.0
    """Factor of what mean actions exceed the bound by."""
    bound: float = 1.1
    """Beyond which they are in excess; 1.0 with AMP."""
    grad_norm: float | None = None
    """Bound of the gradient's norm; None for none."""
    reward_scale: float = 1.0
    """Factor of all rewards."""
    state_init: str = "start"
    """Where episodes begin: at the task's 'start'; at 'random' states of the demonstrations; or
    'hybrid', one way or the other as often. For bodies of MuJoCo."""
    shuffle: bool = False
    """Whether minibatches are drawn anew in each epoch."""
    published_gae: bool = False
    """NEAR's published advantages, which leak over ends and take a time limit for one."""

    def __post_init__(self):
        """Checks the numbers."""
        object.__setattr__(self, "hidden", tuple(self.hidden))
        whole = ("num_envs", "horizon", "action_repeat", "minibatch_size", "mini_epochs")
        parameters.check_whole("ppo", **{name: getattr(self, name) for name in whole})
        parameters.check_positive("ppo", lr=self.lr, e_clip=self.e_clip)
        for name in ("gamma", "tau"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"ppo.{name} must be in [0, 1], but is {getattr(self, name)!r}.")
        for name, values in (("lr_schedule", SCHEDULES), ("state_init", tuple(STARTS))):
            if getattr(self, name) not in values:
                raise ValueError(
                    f"ppo.{name} must be one of {values}, but is {getattr(self, name)!r}."
                )
        if self.lr_schedule != "constant" and self.kl_threshold is not None:
            raise ValueError(
                "ppo.kl_threshold adapts the learning rate, so that it cannot be "
                f"{self.lr_schedule}, too: leave it or ppo.lr_schedule out."
            )
        if self.learn_sigma and self.final_log_sigma is not None:
            raise ValueError(
                "ppo.final_log_sigma says what σ is, so that it cannot be learned: leave it or "
                "ppo.learn_sigma out."
            )
        rows = self.num_envs * self.horizon
        if rows % self.minibatch_size:
            raise ValueError(
                f"ppo.minibatch_size is {self.minibatch_size}, which does not divide the "
                f"{self.num_envs} × {self.horizon} = {rows} rows of a rollout: give a divisor."
            )

    @property
    def follows_steps(self) -> bool:
        """Whether what is learned depends on the number of steps that a run is to have."""
        return self.lr_schedule != "constant" or self.final_log_sigma is not None

    def agent(
        self, observation_size: int, action_size: int, seed: int, **more
    ) -> ppo_agent.PpoAgent:
        """Returns an untrained agent; `more` is for `PpoAgent`."""
        network = actor_critic.ActorCritic(
            observation_size,
            action_size,
            self.hidden,
            self.log_sigma,
            self.learn_sigma,
            self.shared,
            seed,
        )
        chosen = ppo_agent.PpoOptions(
            discount=self.gamma,
            lambda_=self.tau,
            learning_rate=self.lr,
            kl_threshold=self.kl_threshold,
            minibatch_size=self.minibatch_size,
            epochs=self.mini_epochs,
            clip=self.e_clip,
            clip_value=self.clip_value,
            critic_coef=self.critic_coef,
            entropy_coef=self.entropy_coef,
            half_critic=self.half_critic,
            bounds_coef=self.bounds_loss_coef,
            bound=self.bound,
            grad_norm=self.grad_norm,
            shuffle=self.shuffle,
        )
        return ppo_agent.PpoAgent(network, observation_size, chosen, **more)


@gin.configurable("reward", module=PREFIX)
@dataclasses.dataclass(frozen=True)
class Reward:
    """NEAR's reward, see `near.NearReward`."""

    eb_model_checkpoint: str | Sequence[str] | None = None
    """Folder of the energy's run, or several that are added up; runs/ncsn/<task>/seed<seed> if not
    given."""
    energy_weights: tuple[float, ...] | None = None
    """Of several energies, made comparable by their means over their demonstrations; the same for
    each if not given."""
    sigma_level: int = -1
    """−1 to anneal, with CEM for the widest, otherwise the level."""
    annealing: str = "ncsnv2-adaptive"
    """One of `annealers.STRATEGIES`."""
    progress: str = "relative_abs"
    """When 'ncsnv2-adaptive' sharpens; 'relative' is the published rule."""
    transform: str = "published"
    """'published' or 'standardised'."""
    terminal: str = "absorbing"
    """'absorbing': an end at the goal counts as staying at the best reward, and one elsewhere as a
    time limit, so that nobody gives up to be done; or 'none'."""
    task_reward_w: float = 0.0
    """Factor of the task's reward."""
    energy_reward_w: float = 1.0
    """Factor of the energy's."""

    def __post_init__(self):
        """Checks names and numbers."""
        parameters.check_whole("reward", least=-1, sigma_level=self.sigma_level)
        if self.energy_weights is not None:
            object.__setattr__(self, "energy_weights", tuple(self.energy_weights))
            each = {f"energy_weights[{k}]": weight for k, weight in enumerate(self.energy_weights)}
            parameters.check_finite("reward", **each)
        known = {
            "annealing": annealers.STRATEGIES,
            "transform": near.TRANSFORMS,
            "terminal": ("absorbing", "none"),
            "progress": ("relative_abs", "relative"),
        }
        for name, values in known.items():
            if getattr(self, name) not in values:
                raise ValueError(
                    f"reward.{name} must be one of {values}, but is {getattr(self, name)!r}."
                )


@gin.configurable("run", module=PREFIX)
@dataclasses.dataclass(frozen=True)
class Run:
    """When a run is looked at and saved."""

    evaluation_interval: int = parameters.free(30)
    """Rollouts between evaluations."""
    evaluation_episodes: int = parameters.free(20)
    """Episodes of an evaluation, side by side, with the mean action; with CEM the run's."""
    block: int = 30
    """Rollouts after which a checkpoint is saved and all copies begin anew."""
    snapshot_interval: int = parameters.free(0)
    """With AMP in a plane, rollouts between the pictures of an animation of the discriminator
    beside the energy; 0 for none."""

    def __post_init__(self):
        """Checks the numbers."""
        counts = ("evaluation_interval", "evaluation_episodes", "block")
        parameters.check_whole("run", **{name: getattr(self, name) for name in counts})
        parameters.check_whole("run", least=0, snapshot_interval=self.snapshot_interval)


@gin.configurable("frozen", module=PREFIX)
@dataclasses.dataclass(frozen=True)
class Frozen:
    """An experiment with AMP's discriminator after the policy was frozen."""

    rollouts: int = parameters.free(100)
    """Of the frozen policy, from each of which the discriminator learns."""

    def __post_init__(self):
        """Checks the number."""
        parameters.check_whole("frozen", rollouts=self.rollouts)


@dataclasses.dataclass(frozen=True)
class Options:
    """All parts together."""

    ppo: Ppo
    reward: Reward
    run: Run
    amp: amp_lib.AmpOptions = dataclasses.field(default_factory=amp_lib.AmpOptions)
    cem: cem_lib.CemOptions = dataclasses.field(default_factory=cem_lib.CemOptions)
    frozen: Frozen = dataclasses.field(default_factory=Frozen)


PARTS = {
    "ppo": Ppo,
    "reward": Reward,
    "run": Run,
    "amp": amp_lib.AmpOptions,
    "cem": cem_lib.CemOptions,
    "frozen": Frozen,
}
"""Dotted prefix → dataclass."""


def bound() -> Options:
    """Returns the options as gin has them bound, checked.

    Raises:
      ValueError: One is unusable; the message names it.
    """
    return Options(**{name: part() for name, part in PARTS.items()})


def targets() -> dict[str, str]:
    """Returns dotted name → gin's name of every option."""
    return {
        f"{name}.{field.name}": f"{PREFIX}.{name}.{field.name}"
        for name, part in PARTS.items()
        for field in dataclasses.fields(part)
    }


def free_names() -> frozenset[str]:
    """Returns gin's names, with and without prefix, of what may change as a run goes on."""
    return frozenset(
        f"{prefix}{name}.{field.name}"
        for name, part in PARTS.items()
        for field in dataclasses.fields(part)
        if field.metadata.get("may_change")
        for prefix in ("", f"{PREFIX}.")
    )
