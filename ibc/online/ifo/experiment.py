"""One run of imitation from videos: DrQ-v2 whose rewards a video encoder gives."""

import dataclasses

import numpy as np
import tensorflow as tf

from ibc.data import video_dataset
from ibc.data.recording import video_options
from ibc.environments import contract, video
from ibc.networks import video_encoder_file
from ibc.online import interaction_env, run_config
from ibc.online.drq import experiment as drq_experiment
from ibc.online.drq import greedy_episodes
from ibc.online.drq import loop as loop_lib
from ibc.online.drq import options as drq_options
from ibc.online.ifo import filmed_env, labelling, negatives
from ibc.online.ifo import options as options_lib
from ibc.online.on_policy import configuration as on_policy
from ibc.rewards import video_similarity_reward
from ibc.utils import folder_lock
from ibc.video_encoder import run_config as encoder_config

VIDEOS = "eval_videos"
"""In a run's folder: videos of its evaluations."""


def run(config: run_config.OnlineConfig) -> dict:
    """Trains a policy; goes on where a run in the folder was stopped.

    Args:
      config: What to train; the options of `IFO`, `drq` and `cmc_model` are bound by gin.

    Returns:
      What results.json holds, see `drq.experiment`.

    Raises:
      ValueError: An option, the encoder or a video is unusable, or the task draws no pictures.
      FileNotFoundError: There is no encoder, or no video.
      BlockingIOError: Another process trains in the folder.
      FloatingPointError: A loss is not finite.
      Terminated: SIGTERM has arrived; a checkpoint was saved after the episode.
    """
    on_policy.refuse_options_of_sac(config)
    options = options_lib.Ifo()
    agent_options = options.agent_options()
    encoder = options.encoder(config.task, config.seed)
    inner = interaction_env.load(config.task)
    repeat = agent_options.action_repeat
    frames = min(options.episode_len * repeat, inner.step_limit)
    options = dataclasses.replace(options, episode_len=-(-frames // repeat))
    first = max(agent_options.num_seed_frames, 1)
    if first <= frames and options.update_encoder_until_frame >= first:
        raise ValueError(
            f"drq.num_seed_frames is {agent_options.num_seed_frames}, so that the encoder would "
            "learn before there are videos of the agent to tell the expert's from: give at least "
            f"{2 * frames}, two episodes."
        )
    videos = options.video_dir or video_options.default_folder(config.task)
    experts = labelling.ExpertVideos(
        video_dataset.VideoDataset(
            videos,
            "train",
            options.episode_len,
            options.im_w,
            config.seed,
            options.camera,
            expert_alone=True,
        ),
        options.camera,
    )
    reward = video_similarity_reward.VideoSimilarityReward(
        encoder, experts, options.similarity, options.expert_videos_per_episode, config.seed
    )
    limited = interaction_env.InteractionEnv(inner.gym, frames, config.task)
    sees_embeddings = options.observation == "embeddings"
    env = filmed_env.FilmedEnv(limited, agent_options, encoder, sees_embeddings)
    env.reset(config.seed)  # A task without pictures is refused here.
    if options.eval_videos:
        video.find_ffmpeg()
    run_of_agent = _Run(config, options, agent_options, env, reward, experts)
    with folder_lock.held(config.folder(), run_config.ELSEWHERE):
        return run_of_agent.run()


class _Run(drq_experiment.Run):
    """A run of DrQ-v2 that labels its episodes, with an encoder beside the agent."""

    may_change = staticmethod(options_lib.may_change)

    def __init__(
        self,
        config: run_config.OnlineConfig,
        options: options_lib.Ifo,
        agent_options: drq_options.Drq,
        env: filmed_env.FilmedEnv,
        reward: video_similarity_reward.VideoSimilarityReward,
        experts: labelling.ExpertVideos,
    ):
        self._ifo, self._reward, self._experts, self._filmed = options, reward, experts, env
        folder = config.folder() / "train" / "negatives"
        self._negatives = negatives.NegativeVideos(folder, options.negatives_limit)
        super().__init__(config, agent_options, env)

    def _remember(self) -> loop_lib.Remember:
        self._labelling = labelling.Labelling(
            self._reward,
            self._experts,
            self._negatives,
            self._replay,
            lambda: self._filmed.film,
            self._ifo,
            encoder_config.Model().lr,
            self._options.num_seed_frames,
            self._config.seed,
        )
        return self._labelling.remember

    def _variables(self) -> tf.train.Checkpoint:
        return tf.train.Checkpoint(loop=self._loop.checkpoint, labelling=self._labelling.checkpoint)

    def _clear(self) -> None:
        super()._clear()
        self._negatives.clear()

    def _restore(self, path: str) -> None:
        super()._restore(path)
        self._labelling.restore(self._loop.episodes)

    def _save_files(self) -> None:
        super()._save_files()
        self._labelling.save()

    def _finish(self) -> None:
        """Exports a policy of the task's numbers, and the encoder as it is now."""
        told = {
            "task": self._config.task,
            "episode_len": self._ifo.episode_len,
            "update": int(self._labelling.learner.step),
            "to_lab": True,
        }
        encoder = self._reward.encoder
        video_encoder_file.save(encoder, self._folder / video_encoder_file.FOLDER, told)
        if self._ifo.observation == "state":
            super()._finish()

    def _played(self, loop: loop_lib.Loop) -> tuple[dict[str, float], list[float]]:
        films: list[np.ndarray] = []
        count = self._options.num_eval_episodes
        # Nobody looks at the other ones, unless the agent itself does.
        is_drawn = self._ifo.observation != "state"
        filmed = count if is_drawn else min(self._ifo.eval_videos, count)

        def watch(number: int) -> None:
            if number < self._ifo.eval_videos:
                films.append(self._filmed.film)

        played = greedy_episodes.play([self._env], loop, range(filmed), watch)
        if films:
            path = self._folder / VIDEOS / f"{loop.frames:09d}.mp4"
            pace = contract.frequency_of(self._filmed.env.gym.unwrapped)
            video.write(np.concatenate(films), path, pace / self._options.action_repeat)
        if filmed < count:
            played += greedy_episodes.play(self._undrawn_envs(), loop, range(filmed, count))
        return greedy_episodes.summary(played)
