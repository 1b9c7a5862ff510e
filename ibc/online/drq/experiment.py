"""One run of DrQ-v2: environment, agent, loop, evaluations, files."""

import json
import pathlib
import time
from collections.abc import Mapping

import tensorflow as tf
from absl import logging
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts

from ibc.agents import drq_v2_agent
from ibc.networks import drq_networks
from ibc.online import finishing, frame_replay, interaction_env, run_config
from ibc.online.drq import episode_files, greedy_episodes, picture_env
from ibc.online.drq import loop as loop_lib
from ibc.online.drq import options as options_lib
from ibc.online.on_policy import configuration as on_policy
from ibc.train.run import checkpoints, run_folder
from ibc.utils import atomic_file, folder_lock, scalars, termination

RESULTS = "results.json"
_KEPT = 2


def run(config: run_config.OnlineConfig) -> dict:
    """Trains a policy; goes on where a run in the folder was stopped.

    Args:
      config: What to train; `drq`'s options are bound by gin.

    Returns:
      What results.json holds: a list of evaluations, with episodes, frames and seconds.

    Raises:
      ValueError: An option is unusable, or the task draws no pictures.
      BlockingIOError: Another process trains in the folder.
      FloatingPointError: A loss is not finite.
      Terminated: SIGTERM has arrived; a checkpoint was saved after the episode.
    """
    on_policy.refuse_options_of_sac(config)
    options = options_lib.Drq()
    env = picture_env.PictureEnv(interaction_env.load(config.task), options)
    greedy_episodes.begin(env, 0)  # A task without pictures is refused here.
    run_of_agent = Run(config, options, env)
    with folder_lock.held(config.folder(), run_config.ELSEWHERE):
        return run_of_agent.run()


class Run:
    """What is made for a run."""

    may_change = staticmethod(options_lib.may_change)
    """Whether no weight depends on a gin parameter."""

    def __init__(
        self,
        config: run_config.OnlineConfig,
        options: options_lib.Drq,
        env: picture_env.PictureEnv,
    ):
        """Makes agent, replay and loop.

        Args:
          config: What to train.
          options: How.
          env: Where the agent acts; it has been reset.
        """
        self._config, self._options, self._env = config, options, env
        self._folder: pathlib.Path = config.folder()
        self._replay = frame_replay.FrameReplay(
            options.replay_buffer_size, options.nstep, options.discount, options.stack
        )
        self._files = episode_files.EpisodeFiles(self._folder / "train" / "replay")
        agent = _agent(options, env, config.seed)
        self._loop = loop_lib.Loop(env, agent, self._replay, options, config.seed, self._remember())
        self._checkpoints = tf.train.CheckpointManager(
            self._variables(),
            str(self._folder / "train" / "checkpoints"),
            max_to_keep=_KEPT,
        )
        self._results: dict = {"evaluations": [], "seconds": 0.0}
        self._saved_at = 0
        self._begun = 0.0
        self._undrawn: list[picture_env.PictureEnv] = []

    def run(self) -> dict:
        """Trains; returns what results.json holds."""
        newest = checkpoints.newest(self._folder, run_config.ELSEWHERE)
        self._config.begin(newest is not None, self.may_change)
        if newest is not None:
            self._restore(newest)
            logging.info("Going on at frame %d of %d.", self._loop.frames, self._config.steps)
        else:
            self._clear()
        self._begun = time.monotonic() - self._results["seconds"]
        self._writer = tf.summary.create_file_writer(str(self._folder / "train"))
        with termination.by_agreement():
            self._loop.run(self._config.steps, self._after_episode)
        if self._saved_at != self._loop.frames:
            self._save()
        self._finish()
        run_folder.write_operative_config(self._folder)
        return self._results

    def _remember(self) -> loop_lib.Remember | None:
        """Returns how episodes are added to the replay; as they are if None."""
        return None

    def _variables(self) -> tf.train.Checkpoint:
        """Returns what checkpoints hold."""
        return self._loop.checkpoint

    def _clear(self) -> None:
        """Removes what a run without a checkpoint has left."""
        self._files.clear()

    def _finish(self) -> None:
        """Exports the policy, where it needs nothing but what the task observes."""
        if self._options.observation == "state":
            finishing.export(
                self._folder, self._config.task, self._loop.actor(), False, self._config.steps
            )

    def _restore(self, path: str) -> None:
        checkpoints.restore(self._checkpoints.checkpoint, path, "agent", run_config.ELSEWHERE)
        self._files.restore(self._replay, self._loop.episodes, self._loop.episodes_held)
        stored = json.loads((self._folder / RESULTS).read_text(encoding="utf-8"))
        kept = [each for each in stored["evaluations"] if each["frames"] <= self._loop.frames]
        self._results = stored | {"evaluations": kept}
        self._saved_at = self._loop.frames

    def _after_episode(self, loop: loop_lib.Loop, told: Mapping[str, float]) -> bool:
        seconds = time.monotonic() - self._begun
        told = {**told, "episode": loop.episodes, "total_time": seconds}
        scalars.write(self._writer, loop.frames, told, prefix="train/")
        evaluations = self._results["evaluations"]
        last = evaluations[-1]["frames"] if evaluations else 0
        is_over = loop.frames >= self._config.steps
        if is_over or loop.frames - last >= self._options.eval_every_frames:
            self._evaluate(loop, seconds)
        is_due = loop.frames - self._saved_at >= self._config.checkpoint_interval
        goes_on = not termination.requested()
        if is_due or is_over or not goes_on:
            self._save()
        return goes_on

    def _evaluate(self, loop: loop_lib.Loop, seconds: float) -> None:
        found, returns = self._played(loop)
        row = {"frames": loop.frames, "episodes": loop.episodes, "seconds": round(seconds, 1)}
        self._results["evaluations"].append(row | found | {"returns": returns})
        scalars.write(self._writer, loop.frames, found, prefix="eval/")
        shown = ", ".join(f"{name} {value:.3g}" for name, value in found.items())
        logging.info("Frame %d of %d: %s", loop.frames, self._config.steps, shown)
        self._write_results()

    def _played(self, loop: loop_lib.Loop) -> tuple[dict[str, float], list[float]]:
        """Plays the episodes of an evaluation, see `greedy_episodes.summary`."""
        is_drawn = self._options.observation == "pixels"
        envs = [self._env] if is_drawn else self._undrawn_envs()
        numbers = range(self._options.num_eval_episodes)
        return greedy_episodes.summary(greedy_episodes.play(envs, loop, numbers))

    def _undrawn_envs(self) -> list[picture_env.PictureEnv]:
        """Returns environments of the task's numbers, to play in side by side."""
        if not self._undrawn:
            task, limit = self._config.task, self._env.env.step_limit
            count = min(self._options.num_eval_episodes, self._config.num_envs)
            self._undrawn = [
                picture_env.PictureEnv(
                    interaction_env.InteractionEnv(interaction_env.load(task).gym, limit, task),
                    self._options,
                )
                for _ in range(count)
            ]
        return self._undrawn

    def _save_files(self) -> None:
        """Writes what is no variable."""
        self._files.save(self._replay)

    def _save(self) -> None:
        """Writes the replay, results and then a checkpoint, between episodes."""
        with termination.deferred():
            self._save_files()
            self._write_results()
            self._checkpoints.save(checkpoint_number=self._loop.frames)
        self._saved_at = self._loop.frames

    def _write_results(self) -> None:
        self._results["seconds"] = time.monotonic() - self._begun
        atomic_file.write_text(self._folder / RESULTS, json.dumps(self._results, indent=1))


def _agent(
    options: options_lib.Drq, env: picture_env.PictureEnv, seed: int
) -> drq_v2_agent.DrqV2Agent:
    dtype = tf.uint8 if options.observation == "pixels" else tf.float32
    encoder, actions = options.encoder(env.shape, seed), env.env.action_size
    sizes = encoder.size, actions, options.feature_dim, options.hidden_dim
    return drq_v2_agent.DrqV2Agent(
        ts.time_step_spec(tensor_spec.TensorSpec(env.shape, dtype)),
        tensor_spec.BoundedTensorSpec([actions], tf.float32, -1, 1),
        encoder,
        drq_networks.Actor(*sizes, seed=seed + 1),
        drq_networks.Critic(*sizes, seed=seed + 2),
        drq_networks.Critic(*sizes, seed=seed + 2, name="target_critic"),
        options.of_agent(),
        seed,
    )
