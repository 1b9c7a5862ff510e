"""What becomes of an episode that has ended: the space of videos learns, and rates it."""

import dataclasses
import math
import pathlib
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from ibc.data import lab, video_dataset, video_files
from ibc.online import frame_replay
from ibc.online.drq import loop as loop_lib
from ibc.online.ifo import negatives as negatives_lib
from ibc.online.ifo import options as options_lib
from ibc.rewards import video_similarity_reward
from ibc.video_encoder import encoder_learner

_ENCODER_STREAM = 1


class ExpertVideos:
    """The expert's videos to learn from, as `video_similarity_reward.Videos`."""

    def __init__(self, dataset: video_dataset.VideoDataset, camera: int = 0):
        """Checks that they are long enough.

        Args:
          dataset: Of the split to learn from.
          camera: Which of the cameras.

        Raises:
          ValueError: One is shorter than an episode, or damaged; the message names it.
        """
        self._dataset = dataset
        self._files: list[pathlib.Path] = dataset.classes[video_files.EXPERT]
        for path in self._files:
            if path.suffix == video_files.ARRAY:
                video_files.checked(path, dataset.frames, camera)

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> np.ndarray:
        return self._dataset.video(self._files[index])


class Labelling:
    """Updates the encoder when it is time, rewards an episode, and keeps its video.

    The replay has the rewards that the encoder gave. They are in a variable when something is
    saved, as they change where `relabel_on_sample` is chosen, while files are written once.
    """

    def __init__(
        self,
        reward: video_similarity_reward.VideoSimilarityReward,
        experts: ExpertVideos,
        negatives: negatives_lib.NegativeVideos,
        replay: frame_replay.FrameReplay,
        film: Callable[[], np.ndarray],
        options: options_lib.Ifo,
        learning_rate: float,
        first_frame: int,
        seed: int,
    ):
        """Begins nothing yet.

        Args:
          reward: With the encoder.
          experts: The expert's videos.
          negatives: The agent's.
          replay: Which episodes are added to.
          film: Returns the video of the episode that has ended, uint8 [T + 1, H, W, 3].
          options: When and how.
          learning_rate: Of the encoder.
          first_frame: Before which it does not learn.
          seed: Of what is drawn.
        """
        self._reward, self._experts, self._negatives = reward, experts, negatives
        self._replay, self._film, self._options = replay, film, options
        self._first_frame, self._seed = first_frame, seed
        self.learner = encoder_learner.EncoderLearner(
            reward.encoder, options.objective(), learning_rate
        )
        self._rewards = tf.Variable(tf.zeros([0]), shape=[None], trainable=False, name="rewards")
        self.checkpoint = tf.train.Checkpoint(learner=self.learner, rewards=self._rewards)
        """All variables: the encoder's, its optimizer's, and the rewards in the replay."""

    def remember(self, episode: frame_replay.Episode, span: loop_lib.Span) -> Mapping[str, float]:
        """Adds an episode to the replay with its rewards; returns what the encoder's losses are.

        Raises:
          FloatingPointError: A loss or a reward is not finite.
          OSError: The video cannot be written.
        """
        told = {}
        for _ in range(self._due(span)):
            told = self._learn()
        if told:
            self._reward.encoder_changed()
            if self._options.relabel_on_sample:
                self._relabel()
        film = self._film()
        rewards = self._reward.rewards_of_videos([lab.normalized(film)], [span.number])[0]
        self._check_finite("rewards sum up to", float(rewards.sum()))
        # A video that ends early stands still, as all of a batch have one length.
        frames = self._options.episode_len + 1
        self._negatives.add(span.number, video_similarity_reward.padded(film, frames))
        self._replay.add(dataclasses.replace(episode, rewards=rewards))
        self._standardize()
        return {f"encoder/{name}": value for name, value in told.items()} | {
            "learned_reward": float(rewards.sum()),
            "negatives": len(self._negatives.numbers),
        }

    def save(self) -> None:
        """Notes the rewards for a checkpoint, and removes videos that none needs any more."""
        self._rewards.assign(np.concatenate([each.rewards for each in self._replay.episodes]))
        self._negatives.saved()

    def restore(self, episodes: int) -> None:
        """Goes on where `episodes` had ended, with the replay and all variables restored."""
        self._reward.encoder_changed()
        self._negatives.restore(episodes)
        held = self._replay.episodes
        ends = np.cumsum([len(each) for each in held])[:-1]
        self._replace(np.split(self._rewards.numpy(), ends))
        self._standardize()

    def _due(self, span: loop_lib.Span) -> int:
        """Returns how many updates of the encoder belong to an episode."""
        last = min(span.last_frame, self._options.update_encoder_until_frame)
        if span.last_frame < self._first_frame:
            return 0
        every = self._options.update_encoder_every_frames
        begun = max(span.first_frame, self._first_frame - 1)
        return max(0, last // every - begun // every)

    def _learn(self) -> dict[str, float]:
        """Makes an update of the encoder; returns its losses."""
        step = int(self.learner.step)
        draw = np.random.default_rng([self._seed, _ENCODER_STREAM, step])
        count = self._options.batch_size
        own = [self._experts[index] for index in draw.integers(len(self._experts), size=count)]
        videos = [*own, *self._negatives.draw(count, draw)]
        frames = self._options.episode_len + 1
        kept = video_dataset.kept_frames(frames, self._options.drop_frames, draw)
        pictures = np.stack([video[kept] for video in videos], 1)
        found = self.learner.train(tf.constant(pictures), self._seed)
        told = {name: float(value) for name, value in found.items()}
        self._check_finite("loss is", told["loss"])
        return told

    def _check_finite(self, what: str, value: float) -> None:
        if not math.isfinite(value):
            raise FloatingPointError(
                f"the encoder's {what} {value} after its update {int(self.learner.step)}: give a "
                "smaller cmc_model.lr."
            )

    def _relabel(self) -> None:
        """Rates the episodes anew whose videos are still there, by the encoder as it is."""
        held = self._replay.episodes
        first = self._replay.total - len(held)
        numbers = [n for n in self._negatives.numbers if n >= first]
        rewards = [each.rewards for each in held][: len(held) - len(numbers)]
        # All of them together may be larger than the memory.
        for start in range(0, len(numbers), video_similarity_reward.VIDEOS_AT_ONCE):
            part = numbers[start : start + video_similarity_reward.VIDEOS_AT_ONCE]
            videos = [self._negatives.video(n)[: len(held[n - first]) + 1] for n in part]
            rewards += self._reward.rewards_of_videos(videos, part)
        self._replace(rewards)

    def _replace(self, rewards: list[np.ndarray]) -> None:
        held = self._replay.episodes
        for index, each in enumerate(rewards):
            held[index] = dataclasses.replace(held[index], rewards=each)

    def _standardize(self) -> None:
        """Tells the replay what is taken from rewards, and what they are multiplied by."""
        rewards = [each.rewards for each in self._replay.episodes]
        if self._options.subtract_time_mean:
            means = video_similarity_reward.time_means(rewards)
            self._replay.baseline = means
            rewards = [each - means[: len(each)] for each in rewards]
        if self._options.divide_by_deviation:
            self._replay.scale = video_similarity_reward.scale(rewards)
