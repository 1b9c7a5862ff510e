"""Draws the energy of a policy in training along an episode, for evaluations."""

import pathlib

from tf_agents.policies import tf_policy

from ibc.environments import tasks, video
from ibc.pictures import episode, files, looking
from ibc.train import run_config
from ibc.train.run import live_policy


class EnergyPictures:
    """Plays an episode of the first task, that of its videos, and draws what the policy thinks."""

    def __init__(self, config: run_config.RunConfig, policy: tf_policy.TFPolicy):
        """Checks that the policy has a landscape.

        Args:
          config: Of the run, with a task.
          policy: In training.

        Raises:
          ValueError: It rates no actions.
          FileNotFoundError: There is no ffmpeg for the animation.
        """
        video.find_ffmpeg()
        self._config = config
        self._task = tasks.get_task(config.task_names[0])
        self._policy = live_policy.of(policy, self._task.video_seed)
        try:
            looking.check(self._policy.description)
        except ValueError as error:
            raise ValueError(f"{error} Leave out --viz_energy.") from error

    def __call__(self, folder: pathlib.Path) -> pathlib.Path:
        """Writes a picture and an animation to a folder; returns the picture's path."""
        config, name, seed = self._config, self._task.name, self._task.video_seed
        simulator = episode.open_simulator(
            self._policy.description, name, seed, config.image_obs, config.goal_tolerance
        )
        moments = list(episode.simulated(self._policy, simulator, seed))
        simulator.environment.close()
        path = folder / f"energy_seed_{seed}.mp4"
        picture, _ = files.write_energy(moments, f"{name}, seed {seed}", path, simulator.fps)
        return picture
