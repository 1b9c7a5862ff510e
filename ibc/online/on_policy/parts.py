"""What a run of PPO, NEAR or AMP consists of, made of its options; and as a checkpoint has it."""

import dataclasses
import pathlib

import numpy as np
import tensorflow as tf

from ibc.agents import ppo_agent
from ibc.online import run_config
from ibc.online.on_policy import configuration, demonstrated, raters
from ibc.online.on_policy import copies as copies_lib
from ibc.online.on_policy import loop as loop_lib
from ibc.online.on_policy import motions as motions_lib
from ibc.online.on_policy import options as options_lib
from ibc.train.run import checkpoints


@dataclasses.dataclass(frozen=True)
class Parts:
    """All that acts, rates and learns."""

    config: run_config.OnlineConfig
    options: options_lib.Options
    copies: copies_lib.Copies
    rater: loop_lib.Rater
    agent: ppo_agent.PpoAgent
    loop: loop_lib.Loop
    motions: motions_lib.Motions | None
    """Compares with demonstrations, where there are some of a body's motion."""

    def checkpoint(self) -> tf.train.Checkpoint:
        """Returns what is saved of them."""
        more = {"rater": self.rater} if isinstance(self.rater, tf.Module) else {}
        return tf.train.Checkpoint(agent=self.agent, rollouts=self.loop.rollouts, **more)

    def restore(self, path: str) -> None:
        """Takes a checkpoint.

        Raises:
          ValueError: It is of other parts.
        """
        checkpoints.restore(self.checkpoint(), path, "agent or reward", run_config.ELSEWHERE)

    def restore_newest(self, folder: pathlib.Path) -> None:
        """Takes the newest checkpoint of a run.

        Raises:
          FileNotFoundError: There is none.
          ValueError: It is damaged, or of other parts.
        """
        newest = checkpoints.newest(folder, run_config.ELSEWHERE)
        if newest is None:
            raise FileNotFoundError(
                f"the run in {folder} has no checkpoint yet: let it go on, or train one with "
                f"`python ibc/online_train_eval.py --algorithm={self.config.algorithm} "
                f"--task={self.config.task}`."
            )
        self.restore(newest)

    def greedy(self, observations: np.ndarray) -> np.ndarray:
        """Returns mean actions [N, A] of observations [N, O]."""
        return self.agent.greedy(tf.constant(observations)).numpy()


def make(config: run_config.OnlineConfig) -> Parts:
    """Makes all parts of a run that has just begun; options are bound by gin, see `options`.

    Raises:
      ValueError, FileNotFoundError: An option, the energy or the demonstrations are unusable.
    """
    configuration.refuse_options_of_sac(config)
    chosen = options_lib.bound()
    shown = demonstrated.load(config, chosen.ppo)
    copies = copies_lib.load(
        config.task, chosen.ppo.num_envs, chosen.ppo.action_repeat, shown.begun
    )
    rater = raters.make(config, chosen, copies)
    beside = {}
    if isinstance(rater, raters.AmpRater):
        reward = rater.reward
        beside = {
            "extra_weights": reward.discriminator.weights,
            "extra_loss": reward.loss_of_step,
        }
    sizes = copies.observation_size, copies.action_size
    agent = chosen.ppo.agent(*sizes, config.seed, **beside)
    loop = loop_lib.Loop(copies, agent, rater, chosen, config.seed)
    return Parts(config, chosen, copies, rater, agent, loop, shown.motions)
