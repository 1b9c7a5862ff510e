"""What a run leaves when it has ended: the policy, recorded episodes, a video."""

import pathlib
from collections.abc import Callable

import gin
import numpy as np
from absl import logging

from ibc.agents import greedy_policy, plain_actor
from ibc.data.recording import options as recording_options
from ibc.data.recording import recorder
from ibc.environments import tasks
from ibc.eval import evaluation, measured_environment
from ibc.online import episode_video, interaction_env
from ibc.train.build import agent_specs
from ibc.train.run import policy_export, policy_parts
from ibc.utils import atomic_file, transitions


def export(
    folder: pathlib.Path,
    task: str,
    actor: plain_actor.Actor,
    absorbing: bool,
    steps: int,
) -> pathlib.Path:
    """Exports the greedy policy of an actor; returns its folder.

    Args:
      folder: Of the run.
      task: Its name.
      actor: What was trained.
      absorbing: Whether its observations end with the absorbing bit.
      steps: How long.
    """
    environment = measured_environment.load(tasks.gym_name(task), sequence_length=1)
    specs = agent_specs.of_environment(environment)
    environment.close()
    greedy = greedy_policy.SeededGreedyPolicy(plain_actor.policy(*specs, actor, absorbing))
    place = folder / "policies" / "greedy_policy"
    with atomic_file.replacing_folder(place) as temporary:
        policy_export.saver(greedy).save(str(temporary))
        policy_parts.describe(greedy, steps).write(temporary)
    return place


def record(policy: pathlib.Path, folder: pathlib.Path, task: str, episodes: int, step: int) -> None:
    """Records the episodes of an exported policy that evaluations run, as `policy_eval` does.

    Args:
      policy: Its folder.
      folder: Of the run; episodes go to `trajectories/step_<step>.tfrecord` in it.
      task: Its name.
      episodes: How many.
      step: Of the run.
    """
    path = folder / "trajectories" / f"step_{step}.tfrecord"
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    options = recording_options.EvaluationOptions(
        task=tasks.gym_name(task),
        saved_model_path=str(policy),
        num_episodes=episodes,
        first_seed=0,
        dataset_path=str(path),
    )
    options.check()
    with gin.unlock_config():
        recorder.run(options)
    logging.info("%d greedy episodes: %s", episodes, path)


def film(
    folder: pathlib.Path,
    env: interaction_env.InteractionEnv,
    act: Callable[[np.ndarray], np.ndarray],
    worth: Callable[[transitions.Transitions], np.ndarray],
    name: str,
    absorbing: bool,
    step: int,
) -> pathlib.Path:
    """Films the first of the episodes that evaluations run; returns the file.

    Args:
      folder: Of the run.
      env: Where the episode is played.
      act: The greedy policy, from [1, O] to [1, A].
      worth: From an episode's steps [T, ...] to what is drawn of each, [T].
      name: Of that.
      absorbing: See `episode_rows.rows_of`.
      step: Of the run.
    """
    path = folder / evaluation.VIDEO_FOLDER / f"vid_{step}.mp4"
    steps = episode_video.play(env, act, absorbing)
    episode_video.write(env, steps, worth(steps), name, path)
    logging.info("Video of one episode: %s", path)
    return path
