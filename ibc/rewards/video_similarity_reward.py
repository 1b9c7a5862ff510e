"""Rewards of similarity between an agent's video and an expert's (BootIfOL, arXiv 2302.06540).

A video encoder makes h_t of the frames up to t. The reward of the step to frame t is how near the
agent's h_t is to that of an expert's video at the same t.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
import tensorflow as tf

from ibc.losses import contrastive_loss
from ibc.networks import video_encoder
from ibc.networks.layers import lstm
from ibc.rewards import learned_reward
from ibc.utils import transitions

VIDEOS_AT_ONCE = 32
_LEAST_DEVIATION = 1e-6


def negative_distance(own: tf.Tensor, expert: tf.Tensor) -> tf.Tensor:
    """Returns −‖h − h'‖₂ [...] of vectors [..., z]."""
    return -tf.norm(own - expert, axis=-1)


SIMILARITIES: Mapping[str, Callable[[tf.Tensor, tf.Tensor], tf.Tensor]] = {
    "cosine": contrastive_loss.cosine,
    "negative_distance": negative_distance,
}
"""Name → similarity [...] of vectors [..., z]."""


class Videos(Protocol):
    """The expert's videos, all of one length T + 1."""

    def __len__(self) -> int:
        """Returns how many there are."""

    def __getitem__(self, index: int) -> np.ndarray:
        """Returns one, scaled Lab, float32 [T + 1, H, W, 3]."""


class VideoSimilarityReward(learned_reward.LearnedReward):
    """r_t = mean over E of the expert's videos of sim(h_t, h_t of the expert), t from 1.

    Which E videos an episode is compared with follows from the seed and the episode's number, so
    that an episode which is rated again, by a later encoder, is compared with the same ones. There
    are rewards of whole episodes (`rewards_of_videos`, `rewards_of_episode`), and the same ones
    step by step (`reward_of_step`), with the LSTM's state carried. As a `LearnedReward` it takes
    transitions whose observations are pictures as the encoder sees them.
    """

    moment = learned_reward.Moment.EPISODE_END
    reads = frozenset({"observation", "next_observation"})

    def __init__(
        self,
        encoder: video_encoder.VideoEncoder,
        experts: Videos,
        similarity: str = "cosine",
        videos_per_episode: int = 1,
        seed: int = 0,
        name: str = "video_similarity_reward",
    ):
        """Creates the reward.

        Args:
          encoder: Which may learn; `encoder_changed` is called then.
          experts: Videos to compare with.
          similarity: A name in `SIMILARITIES`.
          videos_per_episode: E.
          seed: Of which ones they are.
          name: Name of the reward.

        Raises:
          ValueError: An argument is unusable; the message names it.
        """
        super().__init__(name=name)
        if similarity not in SIMILARITIES:
            raise ValueError(
                f"similarity must be one of {', '.join(SIMILARITIES)}, but is {similarity!r}."
            )
        if not 1 <= videos_per_episode <= len(experts):
            raise ValueError(
                f"videos_per_episode is {videos_per_episode!r}, expected 1 to {len(experts)}, as "
                "many videos as the expert has."
            )
        self.encoder, self._experts, self._seed = encoder, experts, seed
        self._similarity, self._count = SIMILARITIES[similarity], videos_per_episode
        self._group = min(videos_per_episode, VIDEOS_AT_ONCE)
        self.episode = tf.Variable(-1, dtype=tf.int64, trainable=False, name="episode")
        """Number of the episode that `begin_episode` has begun last."""
        self._hidden: dict[int, np.ndarray] = {}
        side = encoder.architecture.image_size
        pictures = tf.TensorSpec([None, None, side, side, 3], tf.float32)
        self._encode = tf.function(encoder.__call__, [pictures], autograph=False)
        self._advance = tf.function(self._advanced, autograph=False)
        self._forget()

    def chosen(self, episode: int) -> np.ndarray:
        """Returns which E of the expert's videos an episode is compared with."""
        draw = np.random.default_rng([self._seed, episode])
        return draw.choice(len(self._experts), self._count, replace=False)

    def encoder_changed(self) -> None:
        """Forgets what the encoder made of the expert's videos."""
        self._hidden.clear()

    def rewards_of_videos(
        self, videos: Sequence[np.ndarray], episodes: Sequence[int]
    ) -> list[np.ndarray]:
        """Returns the rewards of whole episodes, float32 [T_i] each.

        Args:
          videos: Scaled Lab, float32 [T_i + 1, H, W, 3], none longer than the expert's.
          episodes: Their numbers.

        Raises:
          ValueError: A video is longer than the expert's.
        """
        rewards = []
        for start in range(0, len(videos), VIDEOS_AT_ONCE):
            part = slice(start, start + VIDEOS_AT_ONCE)
            hidden = self._encode(_side_by_side(videos[part]))
            experts = self._expert_hidden(episodes[part])
            if len(hidden) > len(experts):
                raise _too_long(len(hidden), len(experts))
            similar = self._similarity(hidden[:, :, np.newaxis], experts[: len(hidden)])
            means = similar.numpy().mean(2)
            rewards += [means[1 : len(video), row] for row, video in enumerate(videos[part])]
        return rewards

    def begin_episode(self) -> None:
        """Forgets the frames before, and goes on to the next episode's expert videos."""
        self.episode.assign_add(1)
        self._forget()

    def reward_of_step(self, step: transitions.Transitions) -> float:
        """Returns the reward of the step just taken, [1, H, W, 3] each picture.

        Raises:
          ValueError: The episode is longer than the expert's videos.
        """
        if not self._time:
            self._show(step.observation)
        hidden = self._show(step.next_observation)
        experts = self._expert_hidden([int(self.episode)])[:, 0]
        if self._time > len(experts):
            raise _too_long(self._time, len(experts))
        return float(np.mean(self._similarity(hidden, experts[self._time - 1])))

    def rewards_of_episode(self, episode: transitions.Transitions) -> tf.Tensor:
        """Returns the rewards [T] of the episode that was begun last, all its T steps."""
        video = np.concatenate([episode.observation[:1], episode.next_observation])
        return tf.constant(self.rewards_of_videos([video], [int(self.episode)])[0])

    def _forget(self) -> None:
        zeros = tf.zeros([1, self.encoder.architecture.hidden_dim])
        self._states = [lstm.State(zeros, zeros) for _ in self.encoder.sequence.layers]
        self._time = 0

    def _show(self, picture: tf.Tensor) -> tf.Tensor:
        """Adds a frame [1, H, W, 3]; returns h [1, z]."""
        hidden, self._states = self._advance(tf.convert_to_tensor(picture), self._states)
        self._time += 1
        return hidden

    def _advanced(self, picture: tf.Tensor, states: list[lstm.State]) -> tuple:
        embedding = self.encoder.embed_frames(picture[tf.newaxis])
        outputs, after = self.encoder.sequence(embedding, states)
        return outputs[-1], self.encoder.sequence.at(after, -1)

    def _expert_hidden(self, episodes: Sequence[int]) -> np.ndarray:
        """Returns h of the expert's videos of V episodes [T + 1, V, E, z]."""
        chosen = [self.chosen(episode).tolist() for episode in episodes]
        needed = [index for each in chosen for index in each]
        for index in needed:
            if index not in self._hidden:
                self._encode_experts(index // self._group)
        hidden = np.stack([self._hidden[index] for index in needed], 1)
        return hidden.reshape(len(hidden), len(episodes), self._count, -1)

    def _encode_experts(self, group: int) -> None:
        """Encodes videos that always are encoded together.

        So numbers do not depend on what was asked for before.
        """
        first = group * self._group
        members = range(first, min(first + self._group, len(self._experts)))
        hidden = self._encode(np.stack([self._experts[index] for index in members], 1)).numpy()
        self._hidden |= {index: hidden[:, row] for row, index in enumerate(members)}


def time_means(rewards: Sequence[np.ndarray]) -> np.ndarray:
    """Returns the mean reward of each time index, float32 [max T], of episodes' rewards [T_i].

    Vectors of unfinished videos need not be apart, so that similarity depends on the time more than
    on what was done. Without these means it tells episodes from each other at the same time.
    """
    lengths = [len(each) for each in rewards]
    padded = np.full([len(rewards), max(lengths)], np.nan)
    for row, each in zip(padded, rewards, strict=True):
        row[: len(each)] = each
    return np.nanmean(padded, 0).astype(np.float32)


def scale(rewards: Sequence[np.ndarray]) -> np.float32:
    """Returns one over the standard deviation of all episodes' rewards [T_i].

    Similarities of an agent that comes near to the expert differ little, and the less the better it
    is, while networks err by an amount that does not follow.
    """
    return np.float32(1 / max(np.concatenate(rewards).std(), _LEAST_DEVIATION))


def _side_by_side(videos: Sequence[np.ndarray]) -> np.ndarray:
    """Returns [max T + 1, V, H, W, 3]: the last frame of shorter ones is repeated."""
    longest = max(map(len, videos))
    return np.stack([padded(video, longest) for video in videos], 1)


def padded(video: np.ndarray, frames: int) -> np.ndarray:
    """Returns a video [T + 1, ...] that stands still at its end, [frames, ...]."""
    if len(video) == frames:
        return video
    return video[np.minimum(np.arange(frames), len(video) - 1)]


def _too_long(own: int, expert: int) -> ValueError:
    return ValueError(
        f"an episode has {own} frames, but the expert's videos have {expert}, and frames are "
        "compared at the same time: take longer videos, or end episodes earlier."
    )
