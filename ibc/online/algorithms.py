"""The imitation algorithms: by name, what they are made of and what they ask for."""

import dataclasses
import difflib
import importlib.resources
import pathlib
from collections.abc import Callable

from ibc.networks import discriminator, tanh_gaussian
from ibc.networks.layers import perceptron
from ibc.online import options as options_lib
from ibc.rewards import (
    adril,
    adversarial,
    dril,
    gmmil,
    learned_reward,
    pwil,
    red,
    true_reward,
)


@dataclasses.dataclass(frozen=True)
class Setting:
    """What a reward is made for."""

    observation_size: int
    """O, the absorbing bit included."""
    action_size: int
    """A."""
    expert_trajectories: int
    """How many there are."""
    time_horizon: int
    """Limit of an episode's steps."""
    seed: int
    """Of the run."""

    def inputs(self, state_only: bool) -> int:
        """Returns the size of x: s, or [s, a]."""
        return self.observation_size + (0 if state_only else self.action_size)


Builder = Callable[[options_lib.Options, Setting], learned_reward.LearnedReward]


def _gail(options: options_lib.Options, setting: Setting) -> learned_reward.LearnedReward:
    imitation, network = options.imitation, options.discriminator
    judge = discriminator.Discriminator(
        setting.observation_size,
        setting.action_size,
        state_only=imitation.state_only,
        reward_shaping=network.reward_shaping,
        discount=options.reinforcement.discount,
        spectral_norm=imitation.spectral_norm,
        seed=setting.seed,
        **network.network(),
    )
    return adversarial.AdversarialReward(
        judge,
        reward_function=network.reward_function,
        loss_function=imitation.loss_function,
        learning_rate=imitation.learning_rate,
        weight_decay=imitation.weight_decay,
        grad_penalty=imitation.grad_penalty,
        entropy_bonus=imitation.entropy_bonus,
        mixup_alpha=imitation.mixup_alpha,
        pos_class_prior=imitation.pos_class_prior,
        nonnegative_margin=imitation.nonnegative_margin,
        subtract_log_policy=network.subtract_log_policy,
        use_dropout=network.use_dropout,
        reward_clip=imitation.reward_clip,
        published_pugail=imitation.published_pugail,
    )


def _gmmil(options: options_lib.Options, setting: Setting) -> learned_reward.LearnedReward:
    del setting
    return gmmil.GmmilReward(options.imitation.state_only, options.imitation.self_weighted)


def _red(options: options_lib.Options, setting: Setting) -> learned_reward.LearnedReward:
    imitation = options.imitation
    size = setting.inputs(imitation.state_only)
    predictor, target = (
        perceptron.Perceptron(size, size, seed=seed, name=name, **options.discriminator.network())
        for name, seed in (("predictor", setting.seed), ("target", setting.seed + 1))
    )
    return red.RedReward(
        predictor,
        target,
        state_only=imitation.state_only,
        learning_rate=imitation.learning_rate,
        weight_decay=imitation.weight_decay,
        pretraining_iterations=options.pretraining.iterations,
        reward_bandwidth_scale=imitation.reward_bandwidth_scale,
        sigma=imitation.sigma,
        sigma_rows=options.training.batch_size,
    )


def _dril(options: options_lib.Options, setting: Setting) -> learned_reward.LearnedReward:
    imitation = options.imitation
    sizes = setting.observation_size, setting.action_size
    clone = tanh_gaussian.TanhGaussian(
        *sizes, name="clone", seed=setting.seed, **options.discriminator.network()
    )
    return dril.DrilReward(
        clone,
        learning_rate=imitation.learning_rate,
        weight_decay=imitation.weight_decay,
        pretraining_iterations=options.pretraining.iterations,
        quantile_cutoff=imitation.quantile_cutoff,
        uncertainty=imitation.uncertainty,
        ensemble_size=imitation.ensemble_size,
    )


def _pwil(options: options_lib.Options, setting: Setting) -> learned_reward.LearnedReward:
    imitation = options.imitation
    bandwidth = imitation.reward_bandwidth_scale
    return pwil.PwilReward(
        setting.time_horizon,
        state_only=imitation.state_only,
        reward_scale=imitation.reward_scale,
        reward_bandwidth_scale=5.0 if bandwidth is None else bandwidth,
    )


def _adril(options: options_lib.Options, setting: Setting) -> learned_reward.LearnedReward:
    imitation = options.imitation
    return adril.AdrilReward(
        setting.expert_trajectories,
        balanced=imitation.balanced,
        update_freq=imitation.update_freq,
        normalise_by=imitation.normalise_by,
    )


def _true(options: options_lib.Options, setting: Setting) -> learned_reward.LearnedReward:
    del options, setting
    return true_reward.TrueReward()


@dataclasses.dataclass(frozen=True)
class Algorithm:
    """An algorithm by its published name."""

    build: Builder
    """Makes its reward."""
    imitates: bool = True
    """Whether it needs expert data."""
    interacts: bool = True
    """Whether it goes on after cloning."""
    knows_state_only: bool = True
    """Whether its reward can ignore actions."""
    pretrains_reward: bool = False
    """Whether its reward is trained on expert data before anything is collected."""
    mixes: tuple[str, ...] = ("none", "mixed_batch", "prefill_memory")
    """How expert data may get into its batches."""


_ALL = {
    "AdRIL": Algorithm(_adril, knows_state_only=False, mixes=("mixed_batch",)),
    "BC": Algorithm(_true, interacts=False, knows_state_only=False),
    "DRIL": Algorithm(_dril, knows_state_only=False, pretrains_reward=True),
    "GAIL": Algorithm(_gail, mixes=("none", "mixed_batch")),
    "GMMIL": Algorithm(_gmmil),
    "PWIL": Algorithm(_pwil),
    "RED": Algorithm(_red, pretrains_reward=True),
    "SAC": Algorithm(_true, imitates=False, knows_state_only=False, mixes=("none",)),
}
_PRESETS = {"SQIL": "AdRIL", "DAC": "GAIL", "AIRL": "GAIL", "FAIRL": "GAIL"}
ALGORITHMS = _ALL | {preset: _ALL[name] for preset, name in _PRESETS.items()}
"""Name → algorithm; the last four are settings of others, see configs/online/."""

ON_POLICY = ("NEAR", "PPO", "AMP")
"""Those that learn from what the present policy has just done, see `on_policy`."""

APART = (*ON_POLICY, "CEM", "DRQ", "IFO")
"""These, the planner, which learns nothing, and DrQ-v2, which learns of pictures, by the task's
reward or by one of videos: all that is no reward on SAC."""


def get(name: str) -> Algorithm:
    """Returns the algorithm of a name.

    Raises:
      ValueError: There is none; the message names the nearest.
    """
    if name in ALGORITHMS:
        return ALGORITHMS[name]
    if name in APART:
        raise ValueError(
            f"{name} has no tuned sets, and is neither swept nor searched for options: give one "
            "--task and no --sweep, --jobs or --optimised, and run the command once for each seed."
        )
    lower = {known.lower(): known for known in ALGORITHMS}
    near = difflib.get_close_matches(name.lower(), lower, n=1)
    hint = f" Did you mean {lower[near[0]]}?" if near else ""
    raise ValueError(f"There is no algorithm '{name}', but {', '.join(ALGORITHMS)}.{hint}")


def check(name: str, options: options_lib.Options) -> None:
    """Checks that an algorithm can do what the options say.

    Raises:
      ValueError: It cannot; the message names the option and what to give.
    """
    algorithm, imitation = get(name), options.imitation
    if imitation.mix_expert_data not in algorithm.mixes:
        raise ValueError(
            f"{name} cannot use imitation.mix_expert_data = {imitation.mix_expert_data!r}: give "
            f"{' or '.join(repr(mix) for mix in algorithm.mixes)}."
        )
    if imitation.state_only and not algorithm.knows_state_only:
        raise ValueError(
            f"{name} has no reward of states alone: leave imitation.state_only out, or use one of "
            f"{', '.join(n for n, known in _ALL.items() if known.knows_state_only)}."
        )


def check_rows(name: str, options: options_lib.Options, count: int) -> None:
    """Checks that a batch can be filled where epochs of expert data are drawn.

    Args:
      name: The algorithm's.
      options: All of them.
      count: Transitions of the expert.

    Raises:
      ValueError: There are too few.
    """
    draws = options.bc_pretraining.iterations or (
        get(name).pretrains_reward and options.pretraining.iterations
    )
    if draws and options.training.batch_size > count:
        raise ValueError(
            f"training.batch_size = {options.training.batch_size}, but the expert data has {count} "
            "transitions: give a smaller batch, more trajectories or a smaller "
            "imitation.subsample."
        )


def default_config(name: str) -> str:
    """Returns the bare name of the config file with an algorithm's defaults."""
    get(name)
    return f"{name}.gin"


def check_tuned_set(name: str, tuned: str) -> str:
    """Returns the config file of a tuned set: a bare name, or the path that was given.

    Args:
      name: The algorithm's.
      tuned: '<algorithm>_<n>_trajectories'; '<n>_trajectories' for the algorithm's own; or the path
        of such a .gin file.

    Raises:
      ValueError: The set is another algorithm's, which would be trained by mistake; or there is
        none of this name.
    """
    own = _PRESETS.get(name, name)
    path = pathlib.PurePath(tuned)
    stem = path.name.removesuffix(".gin")
    if path.suffix != ".gin" and stem[:1].isdigit():
        stem = f"{own}_{stem}"
    owner = stem.split("_")[0]
    if owner in ALGORITHMS and owner != own:
        raise ValueError(
            f"--optimised={tuned} is tuned for {owner}, but the algorithm is {name}: give "
            f"--algorithm={owner}, or a set of {name}."
        )
    if path.suffix == ".gin":
        return tuned
    shipped = sorted(file.stem for file in _configs().glob("*_*_trajectories.gin"))
    if stem not in shipped:
        near = difflib.get_close_matches(stem, shipped, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        owned = [each for each in shipped if each.startswith(f"{own}_")]
        raise ValueError(
            f"--optimised={tuned} is no tuned set; of {name} there are: "
            f"{', '.join(owned) or 'none'}.{hint}"
        )
    return f"{stem}.gin"


def _configs() -> pathlib.Path:
    return pathlib.Path(str(importlib.resources.files("ibc.configs"))) / "online"
