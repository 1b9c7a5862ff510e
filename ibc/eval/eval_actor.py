"""Evaluates a policy on one task: episodes, log lines, TensorBoard scalars, files."""

import json
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from ibc.eval import environment_group, measured_environment, rollouts
from ibc.utils import atomic_file, scalars

_RESULTS = "results.json"


class EvalActor:
    """Plays the part of TF-Agents' Actor, for episodes with the seeds 0 … num_episodes − 1."""

    def __init__(
        self,
        group: environment_group.EnvironmentGroup,
        act: rollouts.ActFn,
        train_step: tf.Variable,
        num_episodes: int,
        folder: str | pathlib.Path,
        name: str,
        draw_episodes: Callable[[list[Any], pathlib.Path], None] | None = None,
    ):
        """Creates an actor.

        Args:
          group: environments of one task.
          act: the policy, see `rollouts.ActFn`.
          train_step: scalar int64, the step that results belong to.
          num_episodes: episodes per evaluation.
          folder: where event file, results.json and pictures go.
          name: what log lines call this evaluation.
          draw_episodes: if given, a picture of each episode is written, and one of all of them
            with this function.
        """
        self._group = group
        self._act = act
        self._train_step = train_step
        self._num_episodes = num_episodes
        self._folder = pathlib.Path(folder)
        self._name = name
        self._draw_episodes = draw_episodes
        self._writer = tf.summary.create_file_writer(str(self._folder), flush_millis=10000)

    def run_and_log(self) -> dict[str, float]:
        """Runs the episodes, logs and writes the averages, and returns them."""
        step = int(self._train_step.numpy())
        pictures = self._folder / "pictures" / f"step_{step}" if self._draw_episodes else None
        outcomes = []
        for outcome in rollouts.run_episodes(
            self._group, self._act, range(self._num_episodes), pictures
        ):
            logging.info("Completed episode. seed %d: %s", outcome.seed, _describe(outcome.metrics))
            outcomes.append(outcome)
        outcomes.sort(key=lambda outcome: outcome.seed)
        averages = {
            name: float(np.mean([outcome.metrics[name] for outcome in outcomes]))
            for name in outcomes[0].metrics
        }
        lines = [f"{name} = {value}" for name, value in averages.items()]
        logging.info("%s\n\t\t %s", self._name, "\n\t\t ".join(lines))
        if self._draw_episodes:
            episodes = [outcome.episode for outcome in outcomes]
            self._draw_episodes(episodes, self._folder / f"episodes_{step}.png")
        self._write(step, averages, outcomes)
        return averages

    def evaluated_step(self) -> int:
        """Returns the step of the last evaluation that was completed here, −1 if none is known."""
        try:
            return json.loads((self._folder / _RESULTS).read_text())["step"]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            # One that is missing or damaged is made again.
            return -1

    def _write(
        self, step: int, averages: dict[str, float], outcomes: list[measured_environment.Outcome]
    ) -> None:
        scalars.write(self._writer, step, averages, prefix="Metrics/")
        episodes = [{"seed": outcome.seed, **outcome.metrics} for outcome in outcomes]
        results = {"step": step, "averages": averages, "episodes": episodes}
        atomic_file.write_text(self._folder / _RESULTS, json.dumps(results, indent=2) + "\n")


def _describe(values: dict[str, float]) -> str:
    return ", ".join(
        f"{name.removeprefix('Average')} {value:.3g}" for name, value in values.items()
    )
