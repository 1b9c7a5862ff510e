"""Pictures of particle episodes: video frames, one PNG per episode, a grid of many episodes.

Only matplotlib's object interface is used, so nothing here depends on a display or on state
shared between threads or processes.
"""

import math
import os
from collections.abc import Sequence

import gymnasium
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from ibc.environments.particle import particle
from ibc.utils import atomic_file

FIRST_COLOR = "#1a9850"
SECOND_COLOR = "#2b6cd4"
SETPOINT_COLOR = "#d7301f"
PATH_COLOR = "#222222"

_LIMITS = (-0.06, 1.06)
_TICKS = (0, 0.5, 1)


class PlaneView:
    """The first two dimensions seen from above.

    Attributes:
      axes: where the view is drawn.
      artists: everything that `update` changes, from back to front.
    """

    def __init__(self, axes: Axes):
        """Prepares `axes`; the view is empty until `update`."""
        self.axes = axes
        axes.set(xlim=_LIMITS, ylim=_LIMITS, aspect="equal", xticks=_TICKS, yticks=_TICKS)
        _style(axes)
        self._goals = []
        for color in (FIRST_COLOR, SECOND_COLOR):
            zone = axes.add_patch(Circle((0, 0), 0.0, facecolor=to_rgba(color, 0.25), lw=0))
            self._goals.append((zone, _marks(axes, "o", color, 5)))
        self._setpoints = _marks(axes, "x", to_rgba(SETPOINT_COLOR, 0.3), 6)
        self._path = axes.scatter([], [], s=14, linewidths=0)
        self._start = _marks(axes, "s", PATH_COLOR, 6, markerfacecolor="white")
        self._agent = _marks(axes, "o", PATH_COLOR, 8)
        goals = [artist for pair in self._goals for artist in pair]
        self.artists = [*goals, self._setpoints, self._path, self._start, self._agent]

    def update(self, episode: particle.ParticleEpisode) -> None:
        """Shows `episode`."""
        goals = (episode.first_goal, episode.second_goal)
        for goal, (zone, centre) in zip(goals, self._goals, strict=True):
            zone.set(center=goal[:2], radius=episode.goal_distance)
            centre.set_data(goal[:1], goal[1:2])
        positions = episode.positions[:, :2]
        self._setpoints.set_data(episode.setpoints[:, 0], episode.setpoints[:, 1])
        self._path.set(offsets=positions, facecolor=_fading(len(positions)))
        self._start.set_data(positions[:1, 0], positions[:1, 1])
        self._agent.set_data(positions[-1:, 0], positions[-1:, 1])


class PanelView:
    """One dimension over time, the goals as bands.

    Attributes:
      axes: where the view is drawn.
      artists: everything that `update` changes, from back to front.
    """

    def __init__(self, axes: Axes, dimension: int):
        """Prepares `axes` for one dimension; the view is empty until `update`."""
        self.axes = axes
        self._dimension = dimension
        axes.set(ylim=_LIMITS, yticks=_TICKS)
        axes.set_title(f"dimension {dimension}", fontsize=8, pad=3)
        _style(axes)
        self._bands = [
            axes.axhspan(0, 0, facecolor=to_rgba(color, 0.25), lw=0)
            for color in (FIRST_COLOR, SECOND_COLOR)
        ]
        self._setpoints = _marks(axes, "x", to_rgba(SETPOINT_COLOR, 0.3), 4)
        self._path = axes.scatter([], [], s=9, linewidths=0)
        self._agent = _marks(axes, "o", PATH_COLOR, 5)
        self.artists = [*self._bands, self._setpoints, self._path, self._agent]

    def update(self, episode: particle.ParticleEpisode) -> None:
        """Shows `episode`."""
        period = 1.0 / episode.control_frequency
        values = episode.positions[:, self._dimension]
        seconds = np.arange(len(values)) * period
        self.axes.set_xlim(-period, (episode.n_steps + 1) * period)
        for goal, band in zip((episode.first_goal, episode.second_goal), self._bands, strict=True):
            band.set_y(goal[self._dimension] - episode.goal_distance)
            band.set_height(2 * episode.goal_distance)
        self._setpoints.set_data(seconds[:-1], episode.setpoints[:, self._dimension])
        self._path.set(offsets=np.stack([seconds, values], 1), facecolor=_fading(len(values)))
        self._agent.set_data(seconds[-1:], values[-1:])


def _style(axes: Axes) -> None:
    axes.tick_params(labelsize=7, length=2, color="#999999", labelcolor="#555555")
    axes.grid(True, color="#eeeeee", linewidth=0.8)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_color("#bbbbbb")


def _marks(axes: Axes, marker: str, color, size: float, **options):
    (line,) = axes.plot([], [], marker, color=color, markersize=size, **options)
    return line


def _fading(count: int) -> np.ndarray:
    """Returns `count` RGBA colours [count, 4], faint at first and opaque at the end."""
    colors = np.tile(to_rgba(PATH_COLOR), (count, 1))
    colors[:, 3] = np.linspace(0.12, 0.9, count)
    return colors


_DOTS_PER_INCH = 100
_PANEL_INCHES = (2.4, 1.6)
_PLANE_INCHES = 4.8
_MOST_PANELS = 12
_LEGEND = "green: first goal, blue: second goal, crosses: setpoints"
_VERDICTS = {True: ("success", "#1a7f3c"), False: ("failure", "#b2182b")}


class FrameRenderer:
    """Draws video frames quickly: what never changes is drawn once and then copied."""

    def __init__(self, n_dim: int):
        """Prepares the figure: seen from above for n_dim = 2, else a panel per dimension."""
        if n_dim == 2:
            self._figure = _new_figure(_PLANE_INCHES, _PLANE_INCHES)
            self._views = [PlaneView(self._figure.add_subplot())]
        else:
            self._figure = _new_figure(*_panels_size(n_dim))
            self._views = _add_panels(self._figure, n_dim)
        self._background = None

    def frame(self, episode: particle.ParticleEpisode) -> np.ndarray:
        """Returns a picture of `episode`, uint8 [height, width, 3], both sizes even."""
        for view in self._views:
            view.update(episode)
        if self._background is None:
            for view in self._views:
                for artist in view.artists:
                    artist.set_animated(True)
            self._figure.canvas.draw()
            self._background = self._figure.canvas.copy_from_bbox(self._figure.bbox)
        canvas = self._figure.canvas
        canvas.restore_region(self._background)
        for view in self._views:
            for artist in view.artists:
                view.axes.draw_artist(artist)
        return np.array(canvas.buffer_rgba())[..., :3]


def save_episode_picture(env: gymnasium.Env, path: str | os.PathLike) -> None:
    """Writes a PNG of an environment's episode so far.

    Two-dimensional episodes are shown from above and over time, others over time only.

    Args:
      env: A `ParticleEnv`.
      path: Name of the PNG; its folder is made if missing.
    """
    episode = env.unwrapped.episode
    n_dim = len(episode.first_goal)
    if n_dim == 2:
        figure = _new_figure(2 * _PLANE_INCHES, _PLANE_INCHES)
        left, right = figure.subfigures(1, 2)
        views = [PlaneView(left.add_subplot()), *_add_panels(right, n_dim)]
    else:
        width, height = _panels_size(n_dim)
        figure = _new_figure(width, height + 0.4)
        views = _add_panels(figure, n_dim)
    for view in views:
        view.update(episode)
    verdict, color = _VERDICTS[episode.succeeded]
    title = f"{verdict} after {len(episode.setpoints)} steps\n{_LEGEND}"
    figure.suptitle(title, color=color, fontsize=9)
    _save(figure, path)


def save_episode_grid(
    episodes: Sequence[particle.ParticleEpisode], path: str | os.PathLike, columns: int = 4
) -> None:
    """Writes one PNG of at most twelve episodes, failures first, each marked as what it is.

    Episodes are shown from above by their first two dimensions, one-dimensional ones over time.

    Args:
      episodes: Whole episodes, for example `env.episode` at each episode's end.
      path: Name of the PNG; its folder is made if missing.
      columns: Number of episodes in a row.

    Raises:
      ValueError: There are no episodes.
    """
    if not episodes:
        raise ValueError(f"no episodes to draw in {path}.")
    shown = sorted(range(len(episodes)), key=lambda number: episodes[number].succeeded)
    shown = shown[:_MOST_PANELS]
    columns = min(columns, len(shown))
    rows = math.ceil(len(shown) / columns)
    figure = _new_figure(2.6 * columns, 2.8 * rows + 0.3)
    for place, number in enumerate(shown):
        episode = episodes[number]
        axes = figure.add_subplot(rows, columns, place + 1)
        one_dimensional = len(episode.first_goal) == 1
        view = PanelView(axes, 0) if one_dimensional else PlaneView(axes)
        view.update(episode)
        verdict, color = _VERDICTS[episode.succeeded]
        axes.set_title(f"episode {number}: {verdict}", color=color, fontsize=9, pad=4)
    solved = sum(episode.succeeded for episode in episodes)
    some = f"{len(shown)} shown, failures first; " if len(shown) < len(episodes) else ""
    title = f"{solved} of {len(episodes)} solved; {some}{_LEGEND}"
    figure.suptitle(title if columns > 1 else title.replace("; ", "\n"), fontsize=9)
    _save(figure, path)


def _panel_layout(n_dim: int) -> tuple[int, int]:
    """Returns columns and rows for a panel per dimension."""
    columns = 1 if n_dim <= 3 else math.ceil(math.sqrt(n_dim / 1.5))
    return columns, math.ceil(n_dim / columns)


def _panels_size(n_dim: int) -> tuple[float, float]:
    columns, rows = _panel_layout(n_dim)
    return max(columns * _PANEL_INCHES[0], _PLANE_INCHES), rows * _PANEL_INCHES[1]


def _add_panels(figure: Figure, n_dim: int) -> list[PanelView]:
    columns, rows = _panel_layout(n_dim)
    views = []
    for dimension in range(n_dim):
        axes = figure.add_subplot(rows, columns, dimension + 1)
        views.append(PanelView(axes, dimension))
        if dimension + columns < n_dim:
            axes.tick_params(labelbottom=False)
        else:
            axes.set_xlabel("seconds", fontsize=7, labelpad=1, color="#555555")
    return views


def _new_figure(width: float, height: float) -> Figure:
    """Returns a figure of about that size in inches, an even number of pixels each way."""
    inches = [2 * round(size * _DOTS_PER_INCH / 2) / _DOTS_PER_INCH for size in (width, height)]
    figure = Figure(figsize=inches, dpi=_DOTS_PER_INCH, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Figure, path: str | os.PathLike) -> None:
    with atomic_file.replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=1.5 * _DOTS_PER_INCH)
