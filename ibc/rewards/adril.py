"""AdRIL: the expert's transitions are good, those of earlier policies bad (arXiv 2010.11711).

With `update_freq` 0 it is SQIL (Reddy et al., arXiv 1905.11108): 1 for the expert's, 0 for all
others.
"""

import tensorflow as tf

from ibc.rewards import learned_reward
from ibc.utils import keys, transitions

_NORMALIZERS = ("trajectories", "round")


class AdrilReward(learned_reward.LearnedReward):
    """r = 1/nₑ for the expert's rows, −1/n for rows of earlier rounds, 0 for those of this one.

    nₑ and n are numbers of trajectories. A round lasts `update_freq` steps of interaction. As n
    grows, the penalties fade, and long runs collapse, as published; `normalise_by` changes that.
    """

    reads = frozenset({"step"})
    composes_batches = True

    def __init__(
        self,
        num_expert_trajectories: int,
        balanced: bool = True,
        update_freq: int = 1250,
        normalise_by: str = "trajectories",
        name: str = "adril_reward",
    ):
        """Creates the reward.

        Args:
          num_expert_trajectories: nₑ.
          balanced: Whether whole batches alternate, the expert's first; else the first half of each
            batch is the expert's.
          update_freq: Steps of interaction per round; 0 for SQIL.
          normalise_by: What n counts: the 'trajectories' that the agent has finished, or how many
            it has finished per 'round', so that penalties do not fade.
          name: Name of the variables.

        Raises:
          ValueError: `normalise_by` is unknown, or a number is out of its range.
        """
        super().__init__(name=name)
        if normalise_by not in _NORMALIZERS:
            raise ValueError(
                f"normalise_by must be one of {_NORMALIZERS}, but is {normalise_by!r}."
            )
        if update_freq < 0:
            raise ValueError(f"update_freq must not be below 0, but is {update_freq!r}.")
        if num_expert_trajectories < 1:
            raise ValueError("AdRIL needs at least one expert trajectory.")
        self._expert_trajectories = float(num_expert_trajectories)
        self._balanced, self._update_freq = balanced, update_freq
        self._normalise_by = normalise_by
        self.expert_is_next = tf.Variable(True, name="expert_is_next", trainable=False)

    def learner_batch(
        self,
        agent: transitions.Transitions,
        expert: transitions.Transitions,
        log_policy: learned_reward.LogPolicy,
        progress: learned_reward.Progress,
        key: keys.Key,
    ) -> transitions.Transitions:
        """Returns a batch of both kinds with their rewards, see `LearnedReward`."""
        del log_policy, key
        rows = agent.reward.shape[0]
        if self._balanced:
            is_expert = tf.repeat(tf.identity(self.expert_is_next), rows)
            self.expert_is_next.assign(tf.logical_not(self.expert_is_next))
        else:
            is_expert = tf.range(rows) < rows // 2

        def choose(one: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
            mask = tf.reshape(is_expert, [-1] + [1] * (one.shape.rank - 1))
            return tf.where(mask, one, other)

        batch = transitions.Transitions(*map(choose, expert, agent))
        return batch._replace(reward=self._rewards(batch, is_expert, progress))

    def _rewards(
        self,
        batch: transitions.Transitions,
        is_expert: tf.Tensor,
        progress: learned_reward.Progress,
    ) -> tf.Tensor:
        if self._update_freq == 0:
            return tf.cast(is_expert, tf.float32)
        frequency = float(self._update_freq)
        round_now = tf.math.ceil(progress.step / frequency)
        is_earlier = round_now > tf.math.ceil(batch.step / frequency)
        count = progress.trajectories
        if self._normalise_by == "round":
            count /= tf.maximum(round_now, 1.0)
        penalties = -tf.cast(is_earlier, tf.float32) / tf.maximum(count, 1.0)
        return tf.where(is_expert, 1 / self._expert_trajectories, penalties)
