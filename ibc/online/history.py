"""What a run has brought so far, under the published names; as numbers and as pictures."""

import json
import pathlib
from collections.abc import Mapping

import numpy as np

from ibc.utils import atomic_file

FILE = "results.json"
_OF_UPDATES = {
    "predicted_rewards": "predicted_rewards",
    "alphas": "alpha",
    "entropies": "entropies",
    "Q_values": "Q_values",
}
MEASURED = ("reward_expert", "reward_agent", "reward_random", "auc_agent", "auc_random")
"""What is measured of a learned reward at each evaluation."""
SUCCESS = "success_rate"
"""Share of an evaluation's episodes that were solved, where the task tells that."""
# Name of a picture, six of them as published → list of steps, and lists of values.
_PICTURES = {
    "train_returns": ("train_steps", ("train_returns",)),
    "test_returns": ("test_steps", ("test_returns",)),
    SUCCESS: ("test_steps", (SUCCESS,)),
    "predicted_rewards": ("update_steps", ("predicted_rewards",)),
    "sac_alpha": ("update_steps", ("alphas",)),
    "sac_entropy": ("update_steps", ("entropies",)),
    "Q_values": ("update_steps", ("Q_values",)),
    "learned_reward": ("test_steps", MEASURED[:3]),
    "auc": ("test_steps", MEASURED[3:]),
}
_OF_EVALUATIONS = ("test_returns_normalized", SUCCESS, *MEASURED)


class History:
    """Lists that grow with the run, kept in results.json in its folder.

    `train_steps` and `train_returns` are of episodes of collection, `test_…` of evaluations (a list
    of returns for each, and what was measured of a learned reward), `update_steps` and what follows
    of updates (mean and deviation over the batch). `given_up` is the step of the evaluation after
    which the run gave up, None if it did not.
    """

    def __init__(self, folder: pathlib.Path, algorithm: str):
        """Begins with empty lists.

        Args:
          folder: The run's.
          algorithm: Its name, for who reads results.json.
        """
        self._path = folder / FILE
        steps = ("train_steps", "train_returns", "test_steps", "test_returns")
        lists = (*steps, *_OF_EVALUATIONS, "update_steps", *_OF_UPDATES)
        self.values: dict = {"algorithm": algorithm, **{name: [] for name in lists}}
        self.values |= {"given_up": None, "pre_training_time": 0.0, "training_time": 0.0}

    def restore(self, step: int) -> None:
        """Takes what was kept, up to a step of interaction."""
        self.values |= json.loads(self._path.read_text(encoding="utf-8"))
        if (self.values["given_up"] or 0) > step:
            self.values["given_up"] = None
        for steps, others in (
            ("train_steps", ("train_returns",)),
            ("test_steps", ("test_returns", *_OF_EVALUATIONS)),
            ("update_steps", tuple(_OF_UPDATES)),
        ):
            count = int(np.searchsorted(self.values[steps], step, side="right"))
            for name in (steps, *others):
                del self.values[name][count:]

    def add_episode(self, step: int, episode_return: float) -> None:
        """Adds an episode of collection."""
        self.values["train_steps"].append(step)
        self.values["train_returns"].append(episode_return)

    def add_evaluation(
        self,
        step: int,
        returns: list[float],
        normalized: list[float] | None,
        measured: Mapping[str, float],
    ) -> None:
        """Adds returns, normalized ones, `SUCCESS` and `MEASURED`, where there are such."""
        self.values["test_steps"].append(step)
        self.values["test_returns"].append(returns)
        self.values["test_returns_normalized"].append(normalized)
        for name in (SUCCESS, *MEASURED):
            self.values[name].append(measured.get(name))

    def add_update(self, step: int, scalars: Mapping[str, float]) -> None:
        """Adds what an update tells."""
        self.values["update_steps"].append(step)
        for name, told in _OF_UPDATES.items():
            pair = [scalars[told], scalars.get(f"{told}_std", 0.0)]
            self.values[name].append(pair)

    def write(self) -> None:
        """Writes results.json."""
        atomic_file.write_text(self._path, json.dumps(self.values))

    def draw(self) -> None:
        """Draws the published pictures, and what was measured, into the run's folder, as PNG."""
        # matplotlib takes a second to import, and is needed at the end alone.
        from matplotlib.backends import backend_agg
        from matplotlib.figure import Figure

        for name, (of_steps, lines) in _PICTURES.items():
            figure = Figure(figsize=(6, 4))
            axes = figure.add_subplot()
            for line in lines:
                told = zip(self.values[of_steps], self.values[line], strict=False)
                known = [(step, value) for step, value in told if value is not None]
                if known:
                    steps, values = zip(*known, strict=True)
                    mean, spread = _band(line, list(values))
                    axes.plot(steps, mean, label=line, marker="" if len(steps) > 1 else "o")
                    axes.fill_between(steps, mean - spread, mean + spread, alpha=0.25)
            if not axes.lines:
                continue
            axes.set_xlabel("steps of interaction")
            axes.set_ylabel(name.replace("_", " "))
            if len(lines) > 1:
                axes.legend(frameon=False)
            backend_agg.FigureCanvasAgg(figure)
            with atomic_file.replacing(self._path.parent / f"{name}.png") as temporary:
                figure.savefig(temporary, format="png", bbox_inches="tight")


def _band(name: str, values: list) -> tuple[np.ndarray, np.ndarray]:
    """Returns mean and standard deviation at each step."""
    rows = np.asarray(values, np.float64)
    if rows.ndim == 1:
        return rows, np.zeros_like(rows)
    if name == "test_returns":
        return rows.mean(1), rows.std(1)
    return rows[:, 0], rows[:, 1]
