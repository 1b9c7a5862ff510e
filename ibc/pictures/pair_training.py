"""What a discriminator becomes while an agent stands still, beside an energy: one figure."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_LINES = {
    "told apart": {"agent_accuracy": "agent", "demo_accuracy": "demonstrations", "auc": "AUC"},
    "slope at the agent's pairs": {"gradient": None},
}
_BANDS = {"prediction, mean ± std": "prediction", "reward, mean ± std": "reward"}


def figure(title: str, rows: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Draws a row of panels for each thing that rates pairs.

    Args:
      title: Of all.
      rows: What rates → name of a number → its values after 0, 1, … rollouts, [K]. For the names
        see `ibc/online/on_policy/judging.py`; those of a discriminator may be missing.
    """
    drawn = Figure((12, 2.6 * len(rows)), layout="constrained")
    FigureCanvasAgg(drawn)
    drawn.suptitle(title, fontsize=11)
    panels = drawn.subplots(len(rows), len(_LINES) + len(_BANDS), squeeze=False, sharex=True)
    for line, (name, numbers) in zip(panels, rows.items(), strict=True):
        line[0].set_ylabel(name, fontsize=10)
        for axes, (what, lines) in zip(line, _LINES.items(), strict=False):
            _draw_lines(axes, lines, numbers)
            axes.set_title(what, fontsize=10)
        line[0].set_ylim(-0.05, 1.05)
        line[1].set_ylim(0, None)
        for axes, (what, band) in zip(line[len(_LINES) :], _BANDS.items(), strict=True):
            _draw_band(axes, numbers[f"{band}_mean"], numbers[f"{band}_std"])
            axes.set_title(what, fontsize=10)
    drawn.supxlabel("rollouts of the frozen policy", fontsize=10)
    return drawn


def _draw_lines(
    axes: Axes, lines: Mapping[str, str | None], numbers: Mapping[str, np.ndarray]
) -> None:
    for name, label in lines.items():
        if name in numbers:
            axes.plot(numbers[name], label=label)
    if any(lines.values()):
        axes.legend(fontsize=8)


def _draw_band(axes: Axes, mean: np.ndarray, deviation: np.ndarray) -> None:
    axes.plot(mean)
    axes.fill_between(np.arange(len(mean)), mean - deviation, mean + deviation, alpha=0.2)
