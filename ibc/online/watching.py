"""What stands around the loop of a run: log lines, TensorBoard, evaluations, checkpoints."""

import dataclasses
import pathlib
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf
from absl import logging

from ibc.eval import shown
from ibc.online import giving_up, interaction_env, loop, saved_run
from ibc.online import history as history_lib
from ibc.utils import scalars as scalars_lib
from ibc.utils import tags, termination


@dataclasses.dataclass
class RunWatcher(loop.Watcher):
    """Logs, evaluates and saves."""

    folder: pathlib.Path
    """The run's."""
    steps: int
    """Of the whole run."""
    envs: Sequence[interaction_env.InteractionEnv]
    """For evaluations, side by side; empty for none."""
    act: Callable[[np.ndarray], np.ndarray]
    """The greedy policy, from [N, O] to [N, A]."""
    episodes: int
    """Of an evaluation, with the seeds 0, 1, …."""
    normalize: Callable[[float], float | None]
    """From a return to the normalized one, None where there is no expert."""
    measure: Callable[[], Mapping[str, float]]
    """Measures the learned reward."""
    saved: saved_run.SavedRun
    """The run on disk."""
    checkpoint_interval: int
    """Steps at least between checkpoints."""
    history: history_lib.History
    """What the run has brought."""
    bars: giving_up.Bars
    """Below which it gives up."""

    def __post_init__(self):
        self._writer = tf.summary.create_file_writer(str(self.folder / "train"))
        self._saved = 0
        self._since = time.monotonic()
        self._began = time.monotonic(), self.history.values["training_time"]

    @property
    def has_given_up(self) -> bool:
        """Whether it has."""
        return self.history.values["given_up"] is not None

    def went_on(self, step: int) -> None:
        """Takes the history as it was at the step of the checkpoint that was restored."""
        self.history.restore(step)
        self._saved = step
        self._began = time.monotonic(), self.history.values["training_time"]

    def episode_ended(self, step: int, episode_return: float) -> None:
        """See `Watcher`."""
        self.history.add_episode(step, episode_return)
        self._write(step, {"train_returns": episode_return})

    def updated(self, step: int, scalars: Mapping[str, float]) -> None:
        """See `Watcher`."""
        self.history.add_update(step, scalars)
        self._write(step, scalars)
        recent = self.history.values["train_returns"][-5:]
        rate = len(self.history.values["update_steps"]) and self._rate()
        shown = f"{np.mean(recent):.1f}" if recent else "none yet"
        logging.info(
            "Step %d of %d, %.0f steps/s: return of late %s, reward %.3f, Q %.2f, alpha %.3f",
            step, self.steps, rate, shown,
            scalars["predicted_rewards"], scalars["Q_values"], scalars["alpha"],
        )  # fmt: skip

    def evaluated(self, step: int) -> float | None:
        """See `Watcher`; does nothing where there are no environments for it."""
        if not self.envs:
            return None
        returns, solved = interaction_env.play_greedily(list(self.envs), self.act, self.episodes)
        each = [self.normalize(value) for value in returns.tolist()]
        normalized = None if None in each else float(np.mean(each))
        measured = dict(self.measure())
        if solved is not None:
            measured[history_lib.SUCCESS] = float(solved.mean())
        self.history.add_evaluation(
            step, returns.tolist(), None if None in each else each, measured
        )
        scalars = {"test_returns": float(returns.mean()), **measured}
        if normalized is not None:
            scalars["test_returns_normalized"] = normalized
        self._write(step, scalars)
        told = "" if normalized is None else f", normalized {normalized:.3f}"
        told += "" if solved is None else f", {solved.mean():.0%} solved"
        logging.info(
            "Evaluation at step %d: return %.1f ± %.1f over %d episodes%s",
            step, returns.mean(), returns.std(), self.episodes, told,
        )  # fmt: skip
        if normalized is not None:
            self._compare(step)
        return normalized

    def between_episodes(self, step: int) -> bool:
        """See `Watcher`; here SIGTERM ends the run, and giving up, after a checkpoint."""
        ends = termination.requested() or self.has_given_up
        if ends or step - self._saved >= self.checkpoint_interval:
            self.save(step)
        return not ends

    def save(self, step: int) -> None:
        """Writes history, replay and checkpoint."""
        began, before = self._began
        self.history.values["training_time"] = before + time.monotonic() - began
        self.history.write()
        self.saved.save()
        self._saved = step

    def show_video(self, step: int, path: pathlib.Path) -> None:
        """Writes a video for TensorBoard."""
        about = tags.PICTURES[tags.WORTH]
        shown.write_video(self._writer, step, tags.WORTH, path, about)
        self._writer.flush()

    def _compare(self, step: int) -> None:
        """Gives up if the run is below its bar."""
        returns = [float(np.mean(each)) for each in self.history.values["test_returns_normalized"]]
        if self.bars.are_missed(step, returns) and not self.has_given_up:
            self.history.values["given_up"] = step
            logging.info(
                "Given up: %.3f on average so far, and half of the others had %.3f at step %d.",
                np.mean(returns), self.bars.least[step], step,
            )  # fmt: skip

    def _rate(self) -> float:
        now = time.monotonic()
        steps = self.history.values["update_steps"][-2:]
        rate = (steps[-1] - (steps[0] if len(steps) > 1 else 0)) / max(now - self._since, 1e-9)
        self._since = now
        return rate

    def _write(self, step: int, scalars: Mapping[str, float]) -> None:
        scalars_lib.write(self._writer, step, scalars)
