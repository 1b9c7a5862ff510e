"""A task whose episodes are filmed for a video encoder, which may be how the agent sees, too."""

import collections
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from ibc.data import lab
from ibc.networks import video_encoder
from ibc.online import interaction_env
from ibc.online.drq import options as drq_options
from ibc.online.drq import picture_env


class FilmedEnv(picture_env.PictureEnv):
    """Notes a picture at the reset and after each of the agent's steps."""

    def __init__(
        self,
        env: interaction_env.InteractionEnv,
        options: drq_options.Drq,
        encoder: video_encoder.VideoEncoder,
        sees_embeddings: bool,
    ):
        """Wraps an environment.

        Args:
          env: With actions within ±1.
          options: Of the agent.
          encoder: For which episodes are filmed.
          sees_embeddings: Whether the latest frames' embeddings are what is observed.
        """
        super().__init__(env, options)
        self._encoder, self._stack = encoder, options.frame_stack
        self._sees_embeddings = sees_embeddings
        self._film: list[np.ndarray] = []
        self._latest: collections.deque[np.ndarray] = collections.deque(maxlen=self._stack)
        self._filming: Callable[[], np.ndarray] | None = None
        self._embed = tf.function(
            lambda pictures: encoder.embed_frames(pictures[tf.newaxis])[0], autograph=False
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Of an observation: as for `PictureEnv`, or the stacked embeddings' [3z]."""
        if self._sees_embeddings:
            return (self._stack * self._encoder.architecture.hidden_dim,)
        return super().shape

    @property
    def film(self) -> np.ndarray:
        """The episode so far, uint8 [T + 1, H, W, 3]."""
        return np.stack(self._film)

    def reset(self, seed: int) -> np.ndarray:
        """Begins the episode of a seed, and its film; see `PictureEnv.reset`.

        Raises:
          ValueError: The task draws no pictures.
        """
        seen = super().reset(seed)
        if self._filming is None:
            self._filming = self.camera(
                self._encoder.architecture.image_size, "an episode's film is rated"
            )
        self._film = [self._filming()]
        if not self._sees_embeddings:
            return seen
        self._latest.extend([self._embedding()] * self._stack)
        return np.concatenate(self._latest)

    def step(self, action: np.ndarray) -> picture_env.Step:
        """Holds an action, then films; see `PictureEnv.step`."""
        outcome = super().step(action)
        self._film.append(self._filming())
        if not self._sees_embeddings:
            return outcome
        self._latest.append(self._embedding())
        return outcome._replace(frame=np.concatenate(self._latest))

    def _embedding(self) -> np.ndarray:
        """Returns e [z] of the latest frame."""
        return self._embed(tf.constant(lab.normalized(self._film[-1][np.newaxis])))[0].numpy()
