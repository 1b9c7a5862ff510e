"""What tells the expert's transitions from the agent's."""

import tensorflow as tf

from ibc.networks.layers import perceptron
from ibc.utils import transitions

SingularVectors = dict[str, perceptron.SingularVectors]


class Discriminator(tf.Module):
    """f = g(x) + (1 − terminal)(γΦ(s') − Φ(s)), x = [s, a] or s alone.

    Without shaping f = g(x), a perceptron. With it g is linear and Φ a perceptron, so that g alone
    is a reward that does not depend on the dynamics (AIRL, Fu et al., arXiv 1710.11248).
    """

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        state_only: bool = False,
        reward_shaping: bool = False,
        discount: float = 0.99,
        seed: int | None = None,
        name: str = "discriminator",
        **options,
    ):
        """Creates the variables.

        Args:
          observation_size: O.
          action_size: A.
          state_only: Whether x is s alone.
          reward_shaping: Whether f has the term of Φ.
          discount: γ.
          seed: Seed of the kernels.
          name: Name of the variables.
          **options: As for `Perceptron`.
        """
        super().__init__(name=name)
        self.state_only, self._discount = state_only, discount
        size = observation_size + (0 if state_only else action_size)
        depth = {"depth": 0} if reward_shaping else {}
        self.networks = {
            "g": perceptron.Perceptron(size, 1, seed=seed, name="g", **options | depth)
        }
        if reward_shaping:
            _start_uniformly(self.networks["g"], size, seed)
            self.networks["h"] = perceptron.Perceptron(
                observation_size, 1, seed=None if seed is None else seed + 1, name="h", **options
            )

    @property
    def weights(self) -> list[tf.Variable]:
        """What is trained, g's and then Φ's."""
        return [weight for network in self.networks.values() for weight in network.weights]

    @property
    def singular_vectors(self) -> SingularVectors:
        """What is stored for spectral normalization."""
        return {name: network.singular_vectors for name, network in self.networks.items()}

    def __call__(
        self,
        batch: transitions.Transitions,
        vectors: SingularVectors | None = None,
        masks: list[tf.Tensor] | None = None,
    ) -> tf.Tensor:
        """Returns logits [B], as outside of training.

        Args:
          batch: B transitions.
          vectors: For spectral normalization; None for what is stored.
          masks: For g, as for `Perceptron`.
        """
        vectors = vectors or {}
        logits = self.networks["g"](self._inputs(batch), masks, vectors.get("g"))
        if "h" in self.networks:
            following = self.networks["h"](batch.next_observation, None, vectors.get("h'"))
            current = self.networks["h"](batch.observation, None, vectors.get("h"))
            rows = batch.discount[:, tf.newaxis]
            logits += rows * (self._discount * following - current)
        return tf.squeeze(logits, -1)

    def masks(self, rows: int, key) -> list[tf.Tensor]:
        """Draws masks for g, if it has dropout."""
        return self.networks["g"].masks(rows, key)

    def iterated(self, vectors: SingularVectors) -> SingularVectors:
        """Returns the singular vectors of the next call in training: one more iteration for each.

        Φ is called twice, at s' and then at s, and so makes two.
        """
        iterated = {"g": self.networks["g"].iterated(vectors["g"])}
        if "h" in self.networks:
            iterated["h'"] = self.networks["h"].iterated(vectors["h"])
            iterated["h"] = self.networks["h"].iterated(iterated["h'"])
        return iterated

    def store(self, vectors: SingularVectors) -> None:
        """Stores the singular vectors of the last call in a training step."""
        for name, network in self.networks.items():
            network.store(vectors[name])

    def _inputs(self, batch: transitions.Transitions) -> tf.Tensor:
        if self.state_only:
            return batch.observation
        return tf.concat([batch.observation, batch.action], axis=-1)


def _start_uniformly(linear: perceptron.Perceptron, inputs: int, seed: int | None) -> None:
    generator = (
        tf.random.Generator.from_non_deterministic_state()
        if seed is None
        else tf.random.Generator.from_seed(seed)
    )
    for variable in linear.weights:
        variable.assign(generator.uniform(variable.shape, -(inputs**-0.5), inputs**-0.5))
