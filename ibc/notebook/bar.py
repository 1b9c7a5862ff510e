"""A training's progress as a bar, in a notebook or a terminal."""

from typing import Any

from ibc.train.loop import progress

_METRICS = ("AverageSuccessMetric", "AverageReturn")


class Bar:
    """Shows the steps, the loss and the latest evaluation; is told by `experiment.run`."""

    def __init__(self):
        from tqdm import auto  # Chooses by where it runs, while it is imported.

        self._bar: Any = auto.tqdm(desc="reading data", unit="step")
        self._shown: dict[str, str] = {}

    def __call__(self, told: progress.Progress) -> None:
        """Shows where the training is."""
        if self._bar.total is None:
            self._bar.reset(total=told.num_iterations)
            self._bar.initial = told.step
        self._bar.set_description("evaluating" if told.is_evaluating else "training", refresh=False)
        values = {} if told.loss is None else {"loss": told.loss}
        values |= told.measured
        for task, averages in told.averages.items():
            metric = next(name for name in _METRICS if name in averages)
            values |= {f"{task} {metric.removeprefix('Average')}": averages[metric]}
        self._shown |= {name: f"{value:.3g}" for name, value in values.items()}
        self._bar.set_postfix(self._shown, refresh=False)
        self._bar.update(told.step - self._bar.n)
        self._bar.refresh()

    def close(self) -> None:
        """Leaves the bar as it is."""
        self._bar.set_description("done" if self._bar.n == self._bar.total else "stopped")
        self._bar.close()
