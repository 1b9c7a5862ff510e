"""Pictures of predicted beside recorded actions along an episode."""

import os
from collections.abc import Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ibc.open_loop.playing import Played
from ibc.utils import atomic_file

_RECORDED, _PREDICTED = "#444444", "#e8532f"
# Inches.
_WIDTH, _ROW, _ABOVE = 8.0, 1.3, 0.7
_DOTS_PER_INCH = 100


def draw(played: Played, names: Sequence[str], title: str) -> Figure:
    """Draws an episode, one row per number of an action.

    Args:
      played: The episode.
      names: Of the numbers, [A].
      title: What stands above.
    """
    figure = Figure((_WIDTH, _ABOVE + _ROW * len(names)), dpi=_DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    rows = figure.subplots(len(names), 1, squeeze=False, sharex=True)[:, 0]
    for number, (axes, name) in enumerate(zip(rows, names, strict=True)):
        axes.plot(played.recorded[:, number], color=_RECORDED, linewidth=2, label="recorded")
        axes.plot(played.predicted[:, number], color=_PREDICTED, linewidth=1.2, label="predicted")
        axes.set_ylabel(name, fontsize=8)
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    rows[-1].set_xlabel("step", fontsize=8)
    figure.suptitle(title, fontsize=9)
    figure.legend(
        *rows[0].get_legend_handles_labels(),
        loc="outside upper right",
        ncols=2,
        fontsize=8,
        frameon=False,
    )
    return figure


def write(played: Played, names: Sequence[str], title: str, path: str | os.PathLike) -> None:
    """Writes the picture as PNG, whole or not at all; see `draw`."""
    figure = draw(played, names, title)
    with atomic_file.replacing(path) as temporary:
        figure.savefig(temporary, format="png")
