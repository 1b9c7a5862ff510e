"""A training's progress as a bar, in a notebook or on a terminal."""

import time
from typing import Any

from ibc.train.loop import progress
from ibc.utils import bars, tags


class TrainingBar:
    """Shows the steps, the loss and the latest evaluation; is told by `experiment.run`.

    Speed and time left are those of training: the first step, which is traced and compiled, and
    evaluations do not count.
    """

    def __init__(self, **options: Any):
        """Creates the bar; `options` are tqdm's."""
        from tqdm import auto  # Chooses by where it runs, while it is imported.

        self._make, self._options = auto.tqdm, options
        self._bar = auto.tqdm(desc="reading data", unit="step", **options)
        self._episodes: Any = None
        self._shown: dict[str, str] = {}
        self._is_timed = False
        self._told_at = time.time()

    def __call__(self, told: progress.Progress) -> None:
        """Shows where the training is."""
        bar, now = self._bar, time.time()
        if bar.total is None:
            bar.reset(total=told.num_iterations)
            bars.start_clock(bar, told.step)
        elif told.loss is None:
            bars.leave_out(bar, now - self._told_at)
        self._told_at = now
        is_evaluating = told.is_evaluating or bool(told.episodes_done)
        self._show_episodes(told, is_evaluating)
        bar.set_description("evaluating" if is_evaluating else "training", refresh=False)
        values = {} if told.loss is None else {"loss": told.loss}
        values |= told.measured
        for task, averages in told.averages.items():
            metric = tags.most_telling(averages)
            values |= {f"{task} {metric.removeprefix('Average')}": averages[metric]}
        self._shown |= {name: f"{value:.3g}" for name, value in values.items()}
        bar.set_postfix(self._shown, refresh=False)
        if told.loss is not None and not self._is_timed:
            self._is_timed = True
            bars.start_clock(bar, told.step)
        bar.update(told.step - bar.n)
        bar.refresh()

    def _show_episodes(self, told: progress.Progress, is_evaluating: bool) -> None:
        """Shows an evaluation's episodes in a bar of their own while it lasts."""
        if not is_evaluating and self._episodes is not None:
            self._episodes.close()
            self._episodes = None
        elif told.episodes_done:
            if self._episodes is None:
                options = {**self._options, "leave": False}
                self._episodes = self._make(total=told.episodes, unit="episode", **options)
                self._advance = bars.steadily(self._episodes)
            self._advance(told.episodes_done - self._episodes.n)

    def close(self) -> None:
        """Leaves the bar as it is."""
        if self._episodes is not None:
            self._episodes.close()
        self._bar.set_description("done" if self._bar.n == self._bar.total else "stopped")
        self._bar.close()
