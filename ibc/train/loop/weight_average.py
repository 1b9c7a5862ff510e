"""A moving average of a network's weights, by which a policy acts while training goes on."""

from collections.abc import Callable

import tensorflow as tf
from tf_agents.agents import tf_agent
from tf_agents.networks import network


def decay(step: tf.Tensor, power: float, most: float) -> tf.Tensor:
    """Returns the share of the average that an update keeps (Diffusion Policy, arXiv 2303.04137).

    clip(1 − (1 + s)^(−power), 0, most) with s = max(0, step − 1): the first two updates take the
    weights as they are.

    Args:
      step: how many updates there were before, an integer tensor.
      power: how fast the share grows.
      most: the largest share.

    Returns:
      float32 of the shape of `step`.
    """
    passed = tf.cast(tf.maximum(step - 1, 0), tf.float32)
    return tf.clip_by_value(1.0 - tf.pow(1.0 + passed, -power), 0.0, most)


class WeightAverage(tf.Module):
    """Averages the weights of a network in training in those of another agent's network.

    What is no trainable weight, such as the averages of batch normalization, is copied.
    """

    def __init__(
        self,
        trained: network.Network,
        agent: tf_agent.TFAgent,
        power: float = 0.75,
        most: float = 0.9999,
    ):
        """Begins with the weights as they are.

        Args:
          trained: the network in training, its variables created.
          agent: an agent like the trained one, around a network of its own, which takes the
            averages: its policies act by them. It is never trained.
          power: see `decay`.
          most: see `decay`.

        Raises:
          ValueError: The networks are not alike.
        """
        super().__init__(name="weight_average")
        self.agent = agent
        self._trained = trained
        self._power = power
        self._most = most
        averaged = agent.cloning_network
        shapes = [[v.shape for v in each.variables] for each in (trained, averaged)]
        if shapes[0] != shapes[1]:
            raise ValueError(f"{averaged.name} has other weights than {trained.name}.")
        for average, weight in zip(averaged.variables, trained.variables, strict=True):
            average.assign(weight)

    def update(self, steps: tf.Tensor) -> None:
        """Takes the weights into account after so many training steps, 1 after the first one.

        To be called outside of replicas; each device updates its own copy, in the same way.
        """
        kept = decay(tf.convert_to_tensor(steps) - 1, self._power, self._most)
        averaged, trained = self.agent.cloning_network, self._trained
        trainable = averaged.trainable_variables, trained.trainable_variables
        for average, weight in zip(*trainable, strict=True):
            _keep(average, lambda old, new: kept * old + (1.0 - kept) * new, weight)
        others = averaged.non_trainable_variables, trained.non_trainable_variables
        for average, weight in zip(*others, strict=True):
            _keep(average, lambda _, new: tf.identity(new), weight)


def _keep(
    average: tf.Variable,
    update: Callable[[tf.Variable, tf.Variable], tf.Tensor],
    weight: tf.Variable,
) -> None:
    """Assigns update(average, weight) to the average, on every device from its own copies."""
    tf.distribute.get_strategy().extended.update(
        average, lambda old, new: old.assign(update(old, new)), args=(weight,)
    )
