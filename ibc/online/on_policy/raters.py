"""What rates the rollouts of NEAR, AMP and PPO, made of a run's options."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from ibc.data import pairs as pairs_lib
from ibc.online import run_config
from ibc.online.on_policy import copies as copies_lib
from ibc.online.on_policy import demonstrated, energies
from ibc.online.on_policy import loop as loop_lib
from ibc.online.on_policy import options as options_lib
from ibc.rewards import amp, annealers, composition, near


class NearRater(tf.Module):
    """Rewards of an energy, annealed with the rollouts."""

    def __init__(self, reward: near.NearReward, is_absorbing: bool):
        """Wraps the reward; says whether only the goal ends what is to come."""
        super().__init__(name="near_rater")
        self.reward, self._is_absorbing = reward, is_absorbing

    def rate(
        self, rollout: loop_lib.Collected, frame: int
    ) -> tuple[np.ndarray, Mapping[str, float]]:
        """See `loop.Rater`."""
        rated = self.reward.rollout(rollout.pairs, rollout.reward, rollout.reached, frame)
        return rated.combined, {
            "minibatch_energy": float(rated.energy.mean()),
            "minibatch_energy_reward": float(rated.learned.mean()),
            "minibatch_shaped_task_reward": float(rollout.reward.mean()),
            "ncsn_perturbation_level": float(self.reward.level),
        }

    def terminations(self, rollout: loop_lib.Collected) -> np.ndarray:
        """See `loop.Rater`."""
        return rollout.reached if self._is_absorbing else rollout.terminated


class AmpRater(tf.Module):
    """Rewards of a discriminator that is trained by the agent's optimizer."""

    def __init__(self, reward: amp.AmpReward):
        """Wraps the reward."""
        super().__init__(name="amp_rater")
        self.reward = reward

    def rate(
        self, rollout: loop_lib.Collected, frame: int
    ) -> tuple[np.ndarray, Mapping[str, float]]:
        """See `loop.Rater`; draws what the update to come is to learn from."""
        del frame
        pairs = rollout.pairs
        rated = self.reward.rollout(pairs, rollout.reward)
        self.reward.begin_update(pairs.reshape(-1, pairs.shape[-1]))
        return rated.combined, {
            "minibatch_disc_reward": float(rated.learned.mean()),
            "minibatch_shaped_task_reward": float(rollout.reward.mean()),
        }

    def terminations(self, rollout: loop_lib.Collected) -> np.ndarray:
        """See `loop.Rater`."""
        return rollout.terminated


def pairing(
    chosen: options_lib.Options, energy: composition.Energy | None = None
) -> pairs_lib.PairOptions:
    """Returns how demonstrations are paired: as AMP's are, or as an energy's were.

    Of several energies the first one's were.
    """
    if energy is None:
        return pairs_lib.PairOptions(pair_stride=chosen.amp.pair_stride)
    first = energy.energies[0] if isinstance(energy, composition.ComposedEnergy) else energy
    told = first.description
    return pairs_lib.PairOptions(
        drop_repeated=told.get("drop_repeated", True), pair_stride=told.get("pair_stride", 1)
    )


def demonstrations(
    config: run_config.OnlineConfig,
    chosen: options_lib.Options,
    observation_size: int,
    energy: composition.Energy | None = None,
) -> pairs_lib.Pairs:
    """Loads pairs of a run's demonstrations, see `pairing`.

    Raises:
      ValueError, FileNotFoundError: They are unusable, or another task's.
    """
    dataset = demonstrated.dataset(config)
    pairs = pairs_lib.load(dataset, pairing(chosen, energy))
    if not energies.is_state_of(config.task, pairs.state_size, observation_size):
        raise ValueError(
            f"{dataset} has states of {pairs.state_size} numbers, but task {config.task} observes "
            f"{observation_size}: give online_train_eval.dataset_path."
        )
    return pairs


def amp_reward(
    config: run_config.OnlineConfig, chosen: options_lib.Options, pairs: pairs_lib.Pairs
) -> amp.AmpReward:
    """Returns AMP's reward with a discriminator that has learned nothing.

    Args:
      config: Whose seed decides.
      chosen: The other options.
      pairs: Of demonstrations.
    """
    ppo = chosen.ppo
    steps = ppo.num_envs * ppo.horizon // ppo.minibatch_size
    discriminator = chosen.amp.discriminator(pairs.state_size, config.seed)
    return amp.AmpReward(discriminator, pairs.train, chosen.amp, steps, config.seed)


def make(
    config: run_config.OnlineConfig, chosen: options_lib.Options, copies: copies_lib.Copies
) -> loop_lib.Rater:
    """Returns what rates the rollouts of a run.

    Args:
      config: Whose algorithm decides.
      chosen: The other options.
      copies: What is acted in.

    Raises:
      ValueError, FileNotFoundError: An option, the energy or the demonstrations are unusable.
    """
    if config.algorithm == "PPO":
        return loop_lib.TaskRewards()
    if config.algorithm == "AMP":
        pairs = demonstrations(config, chosen, copies.observation_size)
        return AmpRater(amp_reward(config, chosen, pairs))
    return near_rater(config, chosen, copies.observation_size)


def near_rater(
    config: run_config.OnlineConfig, chosen: options_lib.Options, observation_size: int
) -> NearRater:
    """Returns what rates rollouts by the energy that options name.

    Raises:
      ValueError, FileNotFoundError: See `energies.load`.
    """
    reward = chosen.reward
    energy = energies.load(config, reward, observation_size)
    annealer = annealers.make(
        reward.annealing, energy.num_levels, reward.sigma_level, config.steps, reward.progress
    )
    is_absorbing = reward.terminal == "absorbing"
    return NearRater(
        near.NearReward(
            energy,
            annealer,
            reward.transform,
            reward.task_reward_w,
            reward.energy_reward_w,
            chosen.ppo.gamma if is_absorbing else None,
        ),
        is_absorbing,
    )
