"""One run of PPO on the task's reward or a learned one: copies, agent, loop, files."""

import functools
import json
import pathlib
import time
from collections.abc import Mapping

import tensorflow as tf
from absl import logging

from ibc.agents import plain_actor, ppo_agent
from ibc.online import finishing, run_config
from ibc.online.on_policy import configuration, evaluation, filming
from ibc.online.on_policy import copies as copies_lib
from ibc.online.on_policy import parts as parts_lib
from ibc.online.on_policy import snapshots as snapshots_lib
from ibc.train.run import checkpoints, run_folder
from ibc.utils import atomic_file, folder_lock, scalars, termination

RESULTS = "results.json"
_KEPT = 2
_EVALUATION_SEED = 1_000_003
_LONGEST = 2000


def run(config: run_config.OnlineConfig) -> dict:
    """Trains a policy; goes on where a run in the folder was stopped.

    Args:
      config: What to train; further options are bound by gin, see `options`.

    Returns:
      What results.json holds: a list of evaluations, with rollouts, frames and seconds.

    Raises:
      ValueError, FileNotFoundError: An option or the energy is unusable.
      BlockingIOError: Another process trains in the folder.
      FloatingPointError: A loss is not finite.
      Terminated: SIGTERM has arrived; the last block's checkpoint is kept.
    """
    made = parts_lib.make(config)
    frames = made.loop.frames_per_rollout
    if config.steps < frames:
        raise ValueError(
            f"online_train_eval.steps is {config.steps}, but a single rollout has {frames} steps."
        )
    snapshots = snapshots_lib.make(made)
    if config.video:
        filming.check(config.task)
    with folder_lock.held(config.folder(), run_config.ELSEWHERE):
        return _Run(made, snapshots).run()


class _Run:
    """A run and its files."""

    def __init__(self, made: parts_lib.Parts, snapshots: snapshots_lib.Snapshots | None):
        self._config, self._options, self._motions = made.config, made.options, made.motions
        self._snapshots = snapshots
        self._parts, self._agent, self._loop = made, made.agent, made.loop
        self._folder: pathlib.Path = made.config.folder()
        self._checkpoints = tf.train.CheckpointManager(
            made.checkpoint(),
            str(self._folder / "train" / "checkpoints"),
            max_to_keep=_KEPT,
        )
        self._judges = copies_lib.load_judged(
            made.config.task, made.options.run.evaluation_episodes, made.options.ppo.action_repeat
        )
        self._results: dict = {"evaluations": [], "seconds": 0.0}
        self._begun = 0.0

    def run(self) -> dict:
        newest = checkpoints.newest(self._folder, run_config.ELSEWHERE)
        self._config.begin(
            newest is not None, functools.partial(configuration.may_change, self._config.algorithm)
        )
        rollouts = self._config.steps // self._loop.frames_per_rollout
        if newest is not None:
            self._restore(newest)
            logging.info("Going on at rollout %d of %d.", self._loop.done, rollouts)
        if self._motions is not None:  # Measured as what follows is, whatever was kept.
            self._results["demonstrations"] = self._motions.of_demonstrations()
        self._begun = time.monotonic() - self._results["seconds"]
        self._writer = tf.summary.create_file_writer(str(self._folder / "train"))
        if self._snapshots is not None:
            self._snapshots.look(self._loop.done)
        with termination.by_agreement():
            self._loop.run(rollouts, lambda done, told: self._after(done, told, rollouts))
        self._save()
        finishing.export(
            self._folder, self._config.task, _actor(self._agent), False, self._config.steps
        )
        run_folder.write_operative_config(self._folder)
        if self._snapshots is not None:
            self._snapshots.animate()
        if self._config.video:
            filming.film(self._parts, self._folder)
        return self._results

    def _restore(self, path: str) -> None:
        self._parts.restore(path)
        stored = json.loads((self._folder / RESULTS).read_text(encoding="utf-8"))
        kept = [e for e in stored["evaluations"] if e["rollouts"] <= self._loop.done]
        self._results = stored | {"evaluations": kept}

    def _after(self, done: int, told: Mapping[str, float], rollouts: int) -> bool:
        frames = done * self._loop.frames_per_rollout
        scalars.write(self._writer, frames, told)
        if self._snapshots is not None:
            self._snapshots.look(done)
        if done % self._options.run.evaluation_interval == 0 or done == rollouts:
            self._evaluate(done, frames, told)
        if done % self._options.run.block == 0:
            self._save()
        return not termination.requested()

    def _evaluate(self, done: int, frames: int, told: Mapping[str, float]) -> None:
        found, returns, paths = evaluation.evaluate(
            self._judges,
            self._parts.greedy,
            _EVALUATION_SEED,
            _LONGEST,
        )
        if self._motions is not None:
            found |= self._motions.measure(paths, found["test_returns"])
        seconds = time.monotonic() - self._begun
        level = told.get("ncsn_perturbation_level")
        row = {"rollouts": done, "frames": frames, "seconds": round(seconds, 1), **found}
        row |= {} if level is None else {"level": level}
        self._results["evaluations"].append(row | {"returns": returns.tolist()})
        scalars.write(self._writer, frames, found)
        shown = ", ".join(f"{name} {value:.3g}" for name, value in found.items())
        at = "" if level is None else f", level {level:.0f}"
        logging.info("Step %d of %d%s: %s", frames, self._config.steps, at, shown)

    def _save(self) -> None:
        """Writes results and then a checkpoint, which are valid at the end of a block."""
        self._results["seconds"] = time.monotonic() - self._begun
        with termination.deferred():
            atomic_file.write_text(self._folder / RESULTS, json.dumps(self._results, indent=1))
            self._checkpoints.save(checkpoint_number=self._loop.done)


def _actor(agent: ppo_agent.PpoAgent) -> plain_actor.BoundedMean:
    """Returns what is exported: not the agent, whose update would be, too."""
    network, observations = agent.network, agent.observations
    weights = [*network.weights, *observations.variables]
    return plain_actor.BoundedMean(lambda seen: network(observations(seen))[0], weights)
