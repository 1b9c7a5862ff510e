"""An evaluation: episodes of every task, log lines, TensorBoard scalars, files, a video."""

import dataclasses
import functools
import itertools
import json
import pathlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging
from tf_agents.environments import py_environment

from ibc.environments import contract, suite, tasks, video
from ibc.eval import environment_group, measured_environment, process_group, rollouts, shown
from ibc.utils import atomic_file, bars, child_process, scalars, tags

VIDEO_FOLDER = "videos/ttl=7d"
_RESULTS = "results.json"

DrawEnergy = Callable[[pathlib.Path], pathlib.Path]
"""Writes pictures of the policy's energy along an episode into a folder; returns one of them."""
DrawPlans = Callable[[py_environment.PyEnvironment, int, pathlib.Path], None]
"""Writes pictures of an episode with a seed into a folder."""


@dataclasses.dataclass
class EvalActor:
    """Plays the part of TF-Agents' Actor, for episodes with the seeds 0 … num_episodes − 1."""

    group: environment_group.EnvironmentGroup
    """Environments of one task."""
    act: rollouts.ActFn
    """The policy."""
    train_step: tf.Variable
    """Scalar int64, the step that results belong to."""
    num_episodes: int
    """Episodes per evaluation."""
    folder: pathlib.Path
    """Where event file, results.json and pictures go."""
    name: str
    """What log lines call this evaluation."""
    is_only_task: bool
    """Whether the mean over tasks is this one's."""
    draw_episodes: Callable[[list[Any], pathlib.Path], None] | None = None
    """If given, a picture of each episode is written, and one of all of them with this function."""
    draw_plans: Callable[[pathlib.Path], None] | None = None
    """If given, writes pictures of what the policy plans into a folder."""

    def __post_init__(self):
        self._writer = tf.summary.create_file_writer(str(self.folder), flush_millis=10000)

        self.first_failed: int | None = None
        """Seed of the first episode without success at the last evaluation, None if all have."""

    def pictures(self, step: int) -> pathlib.Path:
        """Returns the folder of an evaluation's pictures."""
        return self.folder / "pictures" / f"step_{step}"

    def run_and_log(self, on_episode: Callable[[], object]) -> dict[str, float]:
        """Runs the episodes, logs and writes the averages, and returns them."""
        step, start = int(self.train_step.numpy()), time.monotonic()
        pictures = self.pictures(step)
        outcomes = []
        for outcome in rollouts.run_episodes(
            self.group,
            self.act,
            range(self.num_episodes),
            pictures if self.draw_episodes else None,
        ):
            values = (
                f"{name.removeprefix('Average')} {value:.3g}"
                for name, value in outcome.metrics.items()
            )
            logging.debug("Completed episode. seed %d: %s", outcome.seed, ", ".join(values))
            outcomes.append(outcome)
            on_episode()
        outcomes.sort(key=lambda outcome: outcome.seed)
        self.first_failed = _first_failed(outcomes)
        averages = {
            # What only some episodes tell, such as success, is 0 in the others.
            name: float(np.mean([outcome.metrics.get(name, 0.0) for outcome in outcomes]))
            for name in dict.fromkeys(name for outcome in outcomes for name in outcome.metrics)
        }
        logging.info(
            "%s: %s. Completed episodes: %d, in %.1f s.",
            self.name,
            tags.described(averages),
            len(outcomes),
            time.monotonic() - start,
        )
        if self.draw_episodes:
            episodes = [outcome.episode for outcome in outcomes]
            self.draw_episodes(episodes, self.folder / f"episodes_{step}.png")
        if self.draw_plans:
            self.draw_plans(pictures)
        first = [tags.most_telling(averages)] if self.is_only_task else []
        scalars.write(self._writer, step, averages, tags.OF_TASK.prefix, repeated=first)
        metrics = [{"seed": outcome.seed, **outcome.metrics} for outcome in outcomes]
        results = {"step": step, "averages": averages, "episodes": metrics}
        atomic_file.write_text(self.folder / _RESULTS, json.dumps(results, indent=2) + "\n")
        return averages

    def evaluated_step(self) -> int:
        """Returns the step of the last evaluation that was completed here, −1 if none is known."""
        try:
            return json.loads((self.folder / _RESULTS).read_text())["step"]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            # One that is missing or damaged is made again.
            return -1


def _first_failed(outcomes: Sequence[measured_environment.Outcome]) -> int | None:
    """Returns the seed of the first episode without success, None if all have or none tells."""
    told = any(tags.SUCCESS in outcome.metrics for outcome in outcomes)
    failed = (each.seed for each in outcomes if told and each.metrics.get(tags.SUCCESS, 0.0) < 1)
    return next(failed, None)


class Evaluation:
    """Evaluates a policy on several tasks with fixed seeds."""

    def __init__(
        self,
        task_names: Sequence[str],
        load_environment: Callable[[str], py_environment.PyEnvironment],
        act: rollouts.ActFn,
        train_step: tf.Variable,
        root_dir: str | pathlib.Path,
        num_episodes: int,
        num_envs: int,
        write_video: bool,
        write_pictures: bool,
        gin_bindings: Sequence[str] = (),
        draw_plans: DrawPlans | None = None,
        draw_energy: DrawEnergy | None = None,
    ):
        """Creates the environments of all tasks.

        Args:
          task_names: tasks, evaluated in turn.
          load_environment: task name → a new unbatched environment; must be picklable.
          act: the policy, see `rollouts.ActFn`.
          train_step: scalar int64.
          root_dir: run folder; results go to eval/ and videos/ in it.
          num_episodes: episodes per task and evaluation, with the seeds 0, 1, ….
          num_envs: environments side by side, spread over the cores; does not change results.
          write_video: write one rollout of the first task as mp4: the first that has failed, or
            else that of the task's own choice.
          write_pictures: write pictures of the episodes, for tasks that have them.
          gin_bindings: bindings in force for environments, for those in other processes.
          draw_plans: for policies that plan, writes pictures of that along an episode, in tasks
            that show plans.
          draw_energy: if given, writes pictures of the policy's energy in the first task.

        Raises:
          ValueError: `num_episodes` or `num_envs` is not positive, or there are no pictures.
          FileNotFoundError: there is no ffmpeg for the video.
        """
        for name, value in (("num_episodes", num_episodes), ("num_envs", num_envs)):
            if value < 1:
                raise ValueError(f"{name} is {value}; it must be at least 1.")
        if write_video:
            video.find_ffmpeg()  # If there is none, better now than after the first steps.
        self._root = pathlib.Path(root_dir)
        self._act = act
        self._train_step = train_step
        self._write_video = write_video
        self._draw_energy = draw_energy
        num_envs = min(num_envs, num_episodes)
        self._environments = {name: load_environment(name) for name in task_names}
        if write_video:
            video.check_draws(self._environments[task_names[0]])
        groups = [
            _make_group(name, environment, load_environment, num_envs, gin_bindings)
            for name, environment in self._environments.items()
        ]
        self._width = groups[0].width
        self._actors = [
            EvalActor(
                group,
                act,
                train_step,
                num_episodes,
                self._root / "eval" / suite.gym_env(environment).spec.id,
                name,
                len(groups) == 1,
                *(_drawing(name, environment, draw_plans) if write_pictures else ()),
            )
            for group, (name, environment) in zip(groups, self._environments.items(), strict=True)
        ]
        self._writer = tf.summary.create_file_writer(str(self._root / "eval"))

    @property
    def episodes(self) -> int:
        """How many an evaluation has, in all tasks."""
        return sum(actor.num_episodes for actor in self._actors)

    def run(
        self, on_episode: Callable[[int], object] = lambda done: None
    ) -> dict[str, dict[str, float]]:
        """Evaluates every task.

        Args:
          on_episode: told how many episodes have ended, in all tasks, whenever one has.

        Returns:
          Task → metric → average.
        """
        logging.log(logging.DEBUG if bars.on_terminal() else logging.INFO, "Evaluating policy.")
        ended = itertools.count(1)
        count = lambda: on_episode(next(ended))  # noqa: E731
        averages = [actor.run_and_log(count) for actor in self._actors]
        shared = sorted(set.intersection(*(set(values) for values in averages)))
        aggregated = {
            name: float(np.mean([values[name] for values in averages])) for name in shared
        }
        # Of one task the mean is what the task has; the first of TensorBoard's groups is this one.
        repeated = set(aggregated) if len(averages) == 1 else set()
        repeated.discard(tags.most_telling(aggregated))
        step = int(self._train_step.numpy())
        scalars.write(self._writer, step, aggregated, tags.MEAN.prefix, repeated)
        if self._draw_energy:
            self._show_energy()
        if self._write_video:
            self._record()
        return dict(zip(self._environments, averages, strict=True))

    def is_done(self) -> bool:
        """Whether the evaluation at this step has been completed, perhaps by an earlier run."""
        step = int(self._train_step.numpy())
        evaluated = all(actor.evaluated_step() >= step for actor in self._actors)
        return evaluated and (not self._write_video or self._video_path().exists())

    def _video_path(self) -> pathlib.Path:
        return self._root / VIDEO_FOLDER / f"vid_{int(self._train_step.numpy())}.mp4"

    def _show_energy(self) -> None:
        """Writes pictures of the policy's energy, beside the first task's results."""
        step = int(self._train_step.numpy())
        picture = self._draw_energy(self._actors[0].pictures(step))
        about = tags.PICTURES[tags.ENERGY]
        shown.write_picture(self._writer, step, tags.ENERGY, picture, about)
        logging.info("Pictures of the energy: %s", picture.parent)

    def _record(self) -> None:
        """Writes a video of one episode of the first task: one that has failed, if any has."""
        name, environment = next(iter(self._environments.items()))
        path, step = self._video_path(), int(self._train_step.numpy())
        seed = self._actors[0].first_failed
        if seed is None:
            seed = tasks.get_task(name).video_seed
        rollouts.record_episode(environment, self._act, seed, self._width, path)
        shown.write_video(self._writer, step, tags.EPISODE, path, tags.PICTURES[tags.EPISODE])
        logging.info("Video of one episode: %s", path)


def _drawing(
    task_name: str, environment: py_environment.PyEnvironment, draw_plans: DrawPlans | None
) -> tuple[Callable[[list[Any], pathlib.Path], None] | None, Callable[[pathlib.Path], None] | None]:
    """Returns what draws a task's episodes, and what draws plans in them, or None.

    Raises:
      ValueError: There is neither.
    """
    shows_plans = contract.offers(environment, "plan_scene")
    of_plans = None
    if shows_plans and draw_plans:
        seed = tasks.get_task(task_name).video_seed
        of_plans = functools.partial(draw_plans, environment, seed)
        if not contract.offers(environment, "save_episode_grid"):
            return None, of_plans
    elif shows_plans and not contract.offers(environment, "save_episode_grid"):
        raise ValueError(
            f"task {task_name} has pictures of chunks of actions alone: set "
            "train_eval.action_horizon above 1, or leave out --viz_img."
        )
    return contract.required(environment, "save_episode_grid", task_name), of_plans


def _make_group(
    task_name: str,
    environment: py_environment.PyEnvironment,
    load_environment: Callable[[str], py_environment.PyEnvironment],
    num_envs: int,
    gin_bindings: Sequence[str],
) -> environment_group.EnvironmentGroup:
    """Spreads environments over the cores; a single one stays in this process."""
    num_workers = min(num_envs, child_process.num_cores())
    if num_workers == 1:
        more = [load_environment(task_name) for _ in range(num_envs - 1)]
        return environment_group.LocalGroup([environment, *more])
    load = functools.partial(load_environment, task_name)
    return process_group.ProcessGroup(task_name, load, num_envs, num_workers, gin_bindings)
