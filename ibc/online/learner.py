"""One compiled call for a step of interaction: reward, agent, and the next action."""

import numpy as np
import tensorflow as tf

from ibc.agents import actor_cloning, sac_agent
from ibc.networks import tanh_gaussian
from ibc.online import replay
from ibc.rewards import learned_reward
from ibc.utils import keys, transitions


class Learner(tf.Module):
    """Trains a learned reward and SAC on batches, and acts.

    All draws follow from the seed that each call is given.
    """

    def __init__(
        self,
        agent: sac_agent.AbsorbingSacAgent,
        learned: learned_reward.LearnedReward,
        layout: replay.Layout,
        cloning: actor_cloning.ActorCloning | None = None,
        mixes_expert: bool = False,
        name: str = "learner",
    ):
        """Compiles nothing yet.

        Args:
          agent: SAC.
          learned: Its reward.
          layout: Of packed transitions.
          cloning: A loss beside SAC's with an optimizer of its own; None for none.
          mixes_expert: Whether half of each batch is the expert's. Not for rewards that compose
            batches of their own, as AdRIL.
          name: Name of the module.

        Raises:
          ValueError: The reward reads what transitions do not carry.
        """
        super().__init__(name=name)
        learned_reward.check(learned)
        self.agent, self.learned, self.cloning = agent, learned, cloning
        self._layout, self._mixes_expert = layout, mixes_expert
        # Not by XLA: measured, steps of SAC and of GAIL are as fast without, and 20 to 40 seconds
        # of compilation are saved.
        self._step = tf.function(self._one_step, autograph=False)
        self._act = tf.function(self._sampled, autograph=False)
        self._greedy = tf.function(
            lambda seen: tf.tanh(agent.actor.moments(seen)[0]), autograph=False
        )

    def step(
        self,
        agent_rows: np.ndarray,
        expert_rows: np.ndarray,
        progress: learned_reward.Progress,
        observation: np.ndarray,
        seed: tuple[int, int],
    ) -> tuple[dict[str, tf.Tensor], np.ndarray]:
        """Makes a step of the reward and one of SAC, and acts by the policy after it.

        Args:
          agent_rows: float32 [B, width], packed transitions of the replay.
          expert_rows: float32 [B, width], the expert's; the agent's again where nobody is imitated.
          progress: Of the run, numbers.
          observation: float32 [O], what is to be acted upon.
          seed: Of all that is drawn.

        Returns:
          Scalars to log, and an action [A].
        """
        told, action = self._step(
            tf.constant(agent_rows),
            tf.constant(expert_rows),
            tf.constant([*progress], tf.float32),
            tf.constant(observation[np.newaxis]),
            tf.constant(seed, tf.int32),
        )
        return told, action.numpy()[0]

    def act(self, observation: np.ndarray, seed: tuple[int, int]) -> np.ndarray:
        """Draws an action [A] for an observation [O]."""
        key = tf.constant(seed, tf.int32)
        return self._act(tf.constant(observation[np.newaxis]), key).numpy()[0]

    def greedy(self, observations: np.ndarray) -> np.ndarray:
        """Returns the policy's mean actions [N, A] for observations [N, O]."""
        return self._greedy(tf.constant(observations)).numpy()

    def log_policy(self, observation: tf.Tensor, action: tf.Tensor) -> tf.Tensor:
        """Returns the policy's log π [B] of actions [B, A]."""
        return tanh_gaussian.log_prob(*self.agent.actor.moments(observation), action)

    def _one_step(self, agent_rows, expert_rows, progress, observation, seed):
        agent, expert = map(self._layout.unpack, (agent_rows, expert_rows))
        count = agent_rows.shape[0]
        of_training, of_reward, of_update, of_action = keys.Key(seed).split(4)
        told = dict(self.learned.train(agent, expert, self.log_policy, of_training))
        if self._mixes_expert:
            half = count // 2
            fields = zip(expert, agent, strict=True)
            agent = transitions.Transitions(
                *(tf.concat([e[:half], a[half:]], 0) for e, a in fields)
            )
        now = learned_reward.Progress(*tf.unstack(progress))
        batch = self.learned.learner_batch(agent, expert, self.log_policy, now, of_reward)
        if self.cloning is not None:
            told["cloning_loss"] = self.cloning.train(expert)
        info = self.agent.update(batch, self.agent.noise(count, of_update))
        told |= {
            "critic_loss": info.critic_loss,
            "actor_loss": info.actor_loss,
            "temperature_loss": info.temperature_loss,
            "alpha": info.alpha,
        }
        for name, values in (
            ("predicted_rewards", batch.reward),
            ("entropies", -info.log_prob),
            ("Q_values", info.value),
        ):
            mean, variance = tf.nn.moments(values, [0])
            told |= {name: mean, f"{name}_std": tf.sqrt(variance)}
        return told, self._sampled(observation, of_action.seed)

    def _sampled(self, observation: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        mean, std = self.agent.actor.moments(observation)
        return tanh_gaussian.sample(mean, std, tf.random.stateless_normal(mean.shape, seed))[0]
