"""Figures of what a policy thinks: one moment, several beside each other, a sampler's way."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ibc.pictures import energy, episode, plane

MOST_PANELS = 12
"""Of a picture."""
_COLUMNS = 4
_MOST_CHAINS = 64
# Inches.
_SIDE, _LEGEND = 4.4, 0.45
_FONT = 11


def moment(shown: episode.Moment, on: plane.Plane, title: str) -> Figure:
    """Draws a moment: the scene on the left, if there is a picture of it, and the energy.

    Args:
      shown: What is drawn.
      on: The energy's plane.
      title: What stands above the scene, or else above the energy.
    """
    panels = 1 if shown.picture is None else 2
    figure = _figure(panels * _SIDE, _SIDE + _LEGEND)
    *scene, landscape = figure.subplots(1, panels, squeeze=False)[0]
    for axes in scene:
        axes.imshow(shown.picture)
        axes.set(xticks=(), yticks=())
        axes.spines[:].set_color(energy.FRAME)
        axes.set_title(title, **energy.title_style())
    name = "energy of actions" if scene else title
    landscape.set_title(name, **energy.title_style())
    draw_view(landscape, shown, on)
    _add_legend(figure, shown)
    return figure


def sheet(moments: Sequence[episode.Moment], planes: Sequence[plane.Plane], title: str) -> Figure:
    """Draws the energies of at most twelve moments, spread evenly over an episode.

    Args:
      moments: Of the episode.
      planes: Of their energies.
      title: What stands above.
    """
    chosen = np.unique(np.linspace(0, len(moments) - 1, MOST_PANELS).round().astype(int))
    columns = min(_COLUMNS, len(chosen))
    rows = -(-len(chosen) // columns)
    figure = _figure(2.6 * columns, 2.7 * rows + 2 * _LEGEND)
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    for axes, index in zip(panels, chosen, strict=False):
        draw_view(axes, moments[index], planes[index])
        axes.set_title(f"step {moments[index].step}", **energy.title_style())
        axes.label_outer()
    for axes in panels[len(chosen) :]:
        axes.set_axis_off()
    figure.suptitle(title, fontsize=_FONT, color=energy.TEXT)
    _add_legend(figure, moments[0])
    return figure


def draw_view(axes: Axes, shown: episode.Moment, on: plane.Plane) -> None:
    """Draws a moment's energy with samples, chosen and demonstrated action."""
    view = shown.view
    energy.draw(axes, on.landscape(view.energies), on.labels, scale=False)
    energy.draw_samples(axes, on.coordinates(view.samples))
    energy.draw_chosen(axes, on.coordinates(view.chosen))
    if shown.demonstrated is not None:
        energy.draw_demonstrated(axes, on.coordinates(shown.demonstrated))


def iterations(shown: episode.Moment, on: plane.Plane, steps: np.ndarray, title: str) -> Figure:
    """Draws the samples at the start and after each iteration, at most twelve times.

    Args:
      shown: The moment whose energy lies below.
      on: The energy's plane.
      steps: Flat actions, [K + 1, N, A].
      title: What stands above.
    """
    chosen = np.unique(np.linspace(0, len(steps) - 1, MOST_PANELS).round().astype(int))
    columns = min(_COLUMNS, len(chosen))
    rows = -(-len(chosen) // columns)
    figure = _figure(2.6 * columns, 2.7 * rows + _LEGEND)
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    landscape = on.landscape(shown.view.energies)
    for axes, index in zip(panels, chosen, strict=False):
        energy.draw(axes, landscape, on.labels, scale=False)
        energy.draw_samples(axes, on.coordinates(steps[index]))
        name = f"after iteration {index}" if index else "at the start"
        axes.set_title(name, **energy.title_style())
        axes.label_outer()
    for axes in panels[len(chosen) :]:
        axes.set_axis_off()
    figure.suptitle(title, fontsize=_FONT, color=energy.TEXT)
    return figure


def chains(
    shown: episode.Moment,
    on: plane.Plane,
    steps: np.ndarray,
    energies: np.ndarray,
    title: str,
) -> Figure:
    """Draws chains as lines over the energy, and how the samples' energies fall.

    Args:
      shown: The moment whose energy lies below.
      on: The energy's plane.
      steps: Flat actions, [K + 1, N, A].
      energies: Theirs, [K + 1, N].
      title: What stands above.
    """
    figure = _figure(2 * _SIDE, _SIDE + _LEGEND)
    left, right = figure.subplots(1, 2)
    energy.draw(left, on.landscape(shown.view.energies), on.labels, scale=False)
    some = steps[:, :: -(-steps.shape[1] // _MOST_CHAINS)]
    ways = on.coordinates(some)
    left.plot(ways[..., 0], ways[..., 1], color=energy.SAMPLES, lw=0.7, alpha=0.35)
    left.scatter(*ways[0].T, s=12, facecolors="white", edgecolors=energy.SAMPLES, lw=0.8, zorder=3)
    left.scatter(*ways[-1].T, s=22, color=energy.CHOSEN, linewidths=0, zorder=4)
    left.set_title(f"{some.shape[1]} chains: from white to orange", **energy.title_style())
    above = energies - energies.min()
    low, median, high = np.percentile(above, [10, 50, 90], axis=1)
    count = np.arange(len(steps))
    right.fill_between(count, low, high, color=energy.SAMPLES, alpha=0.15, lw=0)
    right.plot(count, median, color=energy.SAMPLES, lw=2)
    right.set(xlim=(0, len(steps) - 1), ylim=(0, None))
    right.set_xlabel("iteration", **energy.label_style())
    right.set_title("energy above the least: median, 10 % to 90 %", **energy.title_style())
    right.spines[["top", "right"]].set_visible(False)
    right.tick_params(labelsize=8)
    figure.suptitle(title, fontsize=_FONT, color=energy.TEXT)
    return figure


def _figure(width: float, height: float) -> Figure:
    figure = Figure((width, height), facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _add_legend(figure: Figure, shown: episode.Moment) -> None:
    dot = dict(linestyle="", marker="o")
    handles = [
        Line2D([], [], color=energy.CHOSEN, ms=9, label="chosen", **dot),
        Line2D([], [], color=energy.SAMPLES, ms=4, alpha=0.6, label="samples", **dot),
    ]
    if shown.demonstrated is not None:
        handles.append(Line2D([], [], label="demonstrated", **energy.ring_style(11)))
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=len(handles),
        fontsize=_FONT,
        labelcolor=energy.TEXT,
        frameon=False,
    )
