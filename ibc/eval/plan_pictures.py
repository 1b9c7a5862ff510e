"""Pictures of how a policy over action sequences plans: its energy, and its plans on the scene."""

import os
import pathlib

from absl import logging
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from tf_agents.environments import py_environment

from ibc.agents import receding_horizon
from ibc.eval import plans
from ibc.pictures import energy
from ibc.utils import atomic_file, termination

_MOST_LINES = 100
# Inches.
_SIDE, _ABOVE, _BETWEEN, _LEGEND_HEIGHT = 4.8, 0.35, 0.25, 0.4
# What the energy's labels and scale need besides.
_LABELS_LEFT, _LABELS_BELOW = 0.3, 0.55
_DOTS_PER_INCH = 100
_HALO = (patheffects.Stroke(linewidth=4.6, foreground="white"), patheffects.Normal())


def write(
    policy: receding_horizon.RecedingHorizonPolicy,
    environment: py_environment.PyEnvironment,
    seed: int,
    folder: str | os.PathLike,
) -> None:
    """Plays an episode and writes a PNG of each planning, seed_<seed>_plan_<step>.png.

    Args:
      policy: A policy over action sequences.
      environment: Unbatched environment that offers `plan_scene`.
      seed: Environment seed.
      folder: Where the pictures go; made if missing.
    """
    folder = pathlib.Path(folder)
    for moment in plans.along_episode(environment, policy, seed):
        termination.check()
        figure = draw(moment, policy.action_steps, policy.coding.number_name)
        name = folder / f"seed_{seed}_plan_{moment.step:03}.png"
        with atomic_file.replacing(name) as path:
            figure.savefig(path, format="png", dpi=_DOTS_PER_INCH)
    logging.info("Pictures of what is planned: %s", folder)


def draw(moment: plans.Moment, action_steps: int, number_name: str) -> Figure:
    """Draws a planning: on the left the energy, where there is one, on the right the scene.

    Args:
      moment: What is drawn.
      action_steps: How many of the plan's actions are executed, marked by full dots.
      number_name: What one of an agent's numbers is.
    """
    landscape = moment.plans.landscape
    panels = 1 if landscape is None else 2
    left = _BETWEEN + (_LABELS_LEFT if landscape else 0)
    below = _LEGEND_HEIGHT + (_LABELS_BELOW if landscape else 0)
    width = left + panels * (_SIDE + _BETWEEN)
    height = below + _SIDE + _ABOVE
    figure = Figure(figsize=(width, height), facecolor="white")
    FigureCanvasAgg(figure)
    *first, scene = (
        figure.add_axes(
            (
                (left + panel * (_SIDE + _BETWEEN)) / width,
                below / height,
                _SIDE / width,
                _SIDE / height,
            )
        )
        for panel in range(panels)
    )
    if landscape:
        _draw_landscape(first[0], moment.plans, number_name)
    _draw_scene(scene, moment, action_steps)
    figure.legend(
        handles=_legend(len(moment.lines), action_steps < len(moment.plans.chosen_chunk)),
        loc="lower right",
        bbox_to_anchor=(1 - 0.8 * _BETWEEN / width, 0.08 / height),
        ncols=3,
        fontsize=9,
        labelcolor=energy.TEXT,
        frameon=False,
        handletextpad=0.4,
        columnspacing=1.4,
    )
    return figure


def _draw_landscape(axes: Axes, plan: plans.Plans, number_name: str) -> None:
    energy.draw(axes, plan.landscape, (f"first {number_name}", f"second {number_name}"))
    energy.draw_samples(axes, plan.samples[:, :2])
    energy.draw_chosen(axes, plan.chosen[:2])
    axes.set_title("energy, all other numbers as in the plan", **energy.title_style())


def _draw_scene(axes: Axes, moment: plans.Moment, action_steps: int) -> None:
    height, width = moment.picture.shape[:2]
    axes.imshow(moment.picture, extent=(0, width, height, 0))
    line, lines = moment.chosen_line, moment.lines
    if len(lines) > 1:
        lines = lines[:: -(-len(lines) // _MOST_LINES)]
        axes.add_collection(
            LineCollection(lines, colors=energy.SAMPLES, linewidths=0.9, alpha=0.25)
        )
    axes.plot(
        *line.T, color=energy.CHOSEN, lw=2.4, path_effects=_HALO, solid_capstyle="round", zorder=3
    )
    targets = line[len(line) - len(moment.plans.chosen_chunk) :]
    dots = dict(s=34, edgecolors=energy.CHOSEN, linewidths=1.3, zorder=4)
    axes.scatter(*targets[:action_steps].T, color=energy.CHOSEN, **dots)
    axes.scatter(*targets[action_steps:].T, color="white", **dots)
    axes.set(xlim=(0, width), ylim=(height, 0), xticks=(), yticks=())
    axes.set_title(f"step {moment.step}", **energy.title_style())
    axes.spines[:].set_color(energy.FRAME)


def _legend(count: int, has_rest: bool) -> list[Line2D]:
    """Returns what explains lines and dots."""
    dot = dict(color=energy.CHOSEN, lw=2.4, marker="o", markersize=6, markeredgecolor=energy.CHOSEN)
    handles = [Line2D([], [], label="executed next", **dot)]
    if has_rest:
        handles.append(Line2D([], [], markerfacecolor="white", label="rest of the plan", **dot))
    if count > 1:
        samples = dict(color=energy.SAMPLES, alpha=0.6, lw=1, marker="o", markersize=3)
        handles.append(Line2D([], [], label=f"{count} samples", **samples))
    return handles
