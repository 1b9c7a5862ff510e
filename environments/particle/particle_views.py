"""How a particle episode is drawn on matplotlib axes: from above, or one dimension over time."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.patches import Circle

from ibc.environments.particle import particle

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
