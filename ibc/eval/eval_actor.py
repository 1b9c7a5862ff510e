"""Evaluates a policy on one task: episodes, log lines, TensorBoard scalars, files."""

import json
import pathlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from absl import logging
from tf_agents.environments import py_environment
from tf_agents.metrics import py_metrics

from ibc.environments import suite
from ibc.environments.utils import atomic_file
from ibc.eval import rollouts, scalars


class EvalActor:
    """Plays the part of TF-Agents' Actor, for episodes with the seeds 0 … num_episodes − 1."""

    def __init__(
        self,
        environments: Sequence[py_environment.PyEnvironment],
        act: rollouts.ActFn,
        train_step: tf.Variable,
        num_episodes: int,
        folder: str | pathlib.Path,
        name: str,
        write_pictures: bool = False,
    ):
        """Creates an actor.

        Args:
          environments: E environments of one task, stepped side by side.
          act: the policy, see `rollouts.ActFn`.
          train_step: scalar int64, the step that results belong to.
          num_episodes: episodes per evaluation.
          folder: where event file, results.json and pictures go.
          name: what log lines call this evaluation.
          write_pictures: write a picture of each episode, and one of all of them.

        Raises:
          ValueError: pictures are asked for, but the task has none.
        """
        if write_pictures and not hasattr(suite.gym_env(environments[0]), "save_episode_picture"):
            raise ValueError(f"task {name} has no pictures of episodes; leave out --viz_img.")
        self._environments = environments
        self._metrics = [_episode_metrics(environment) for environment in environments]
        self._act = act
        self._train_step = train_step
        self._num_episodes = num_episodes
        self._folder = pathlib.Path(folder)
        self._name = name
        self._write_pictures = write_pictures
        self._writer = tf.summary.create_file_writer(str(self._folder), flush_millis=10000)

    def run_and_log(self) -> dict[str, float]:
        """Runs the episodes, logs and writes the averages, and returns them."""
        results, drawn = [], []
        for seed, environment, values in rollouts.run_episodes(
            self._environments, self._metrics, self._act, range(self._num_episodes)
        ):
            logging.info("Completed episode. seed %d: %s", seed, _describe(values))
            results.append({"seed": seed, **values})
            if self._write_pictures:
                drawn.append(self._draw(environment, seed))
        averages = {
            name: float(np.mean([result[name] for result in results]))
            for name in results[0]
            if name != "seed"
        }
        lines = [f"{name} = {value}" for name, value in averages.items()]
        logging.info("%s\n\t\t %s", self._name, "\n\t\t ".join(lines))
        self._write(averages, results)
        if drawn:
            inner = suite.gym_env(self._environments[0])
            inner.save_episode_grid(drawn, self._folder / f"episodes_{int(self._train_step)}.png")
        return averages

    def _draw(self, environment: py_environment.PyEnvironment, seed: int) -> object:
        """Writes the picture of an episode and returns the episode."""
        inner = suite.gym_env(environment)
        folder = self._folder / "pictures" / f"step_{int(self._train_step)}"
        inner.save_episode_picture(folder / f"seed_{seed}.png")
        return inner.episode

    def _write(self, averages: dict[str, float], episodes: list[dict]) -> None:
        step = int(self._train_step)
        scalars.write(self._writer, step, averages, prefix="Metrics/")
        results = {"step": step, "averages": averages, "episodes": episodes}
        atomic_file.write_text(self._folder / "results.json", json.dumps(results, indent=2) + "\n")


def _episode_metrics(environment: py_environment.PyEnvironment) -> list:
    """Returns metrics of a task that look at one episode."""
    return [
        py_metrics.AverageReturnMetric(buffer_size=1),
        py_metrics.AverageEpisodeLengthMetric(buffer_size=1),
        *suite.task_metrics(environment, num_episodes=1),
    ]


def _describe(values: dict[str, float]) -> str:
    return ", ".join(
        f"{name.removeprefix('Average')} {value:.3g}" for name, value in values.items()
    )
