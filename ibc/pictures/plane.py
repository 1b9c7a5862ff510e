"""Planes in the space of actions, on which an energy can be drawn."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

GRID = 81
"""Points of an energy's grid, each way."""


class Landscape(NamedTuple):
    """An energy over a plane of actions."""

    first: np.ndarray
    """Values of the first coordinate, [G]."""
    second: np.ndarray
    """Values of the second coordinate, [G]."""
    energy: np.ndarray
    """E, −score, [G, G]: the second coordinate by rows, the first by columns."""


@dataclasses.dataclass(frozen=True)
class Plane:
    """The actions origin + x · axes[0] + y · axes[1], for x and y within limits."""

    origin: np.ndarray
    """An action of the plane, [A]."""
    axes: np.ndarray
    """Two directions, [2, A]."""
    limits: np.ndarray
    """Least and largest x, then y: [2, 2]."""
    labels: tuple[str, str]
    """What x and y are."""
    units: np.ndarray | float = 1.0
    """What each number of an action counts in, [A]."""

    def coordinates(self, actions: np.ndarray) -> np.ndarray:
        """Returns x and y of the plane's points nearest to actions [..., A]: [..., 2]."""
        return (actions - self.origin) / self.units @ np.linalg.pinv(self.axes / self.units)

    def through(self, action: np.ndarray) -> "Plane":
        """Returns the parallel plane through an action [A]."""
        return dataclasses.replace(self, origin=np.array(action, np.float64))

    def landscape(
        self, energies: Callable[[np.ndarray], np.ndarray], points: int = GRID
    ) -> Landscape:
        """Returns an energy on a grid over the plane.

        Args:
          energies: Actions [N, A] → energies [N].
          points: Of the grid, each way.
        """
        first, second = (np.linspace(*limits, points) for limits in self.limits)
        across, down = np.meshgrid(first, second)
        coordinates = np.stack([across.ravel(), down.ravel()], axis=1)
        actions = self.origin + coordinates @ self.axes
        return Landscape(first, second, np.reshape(energies(actions), [points, points]))


def of_dimensions(
    chosen: np.ndarray,
    minimum: np.ndarray,
    maximum: np.ndarray,
    dimensions: Sequence[int] = (0, 1),
    names: Sequence[str] | None = None,
) -> Plane:
    """Returns the plane of two numbers of an action; all others are as in the one that is chosen.

    Args:
      chosen: An action, [A].
      minimum: Lower bounds of actions, [A].
      maximum: Upper bounds, [A].
      dimensions: Which two numbers.
      names: Of an action's numbers.

    Raises:
      ValueError: These are no two numbers of the action.
    """
    size, pair = len(chosen), list(dimensions)
    if len(pair) != 2 or pair[0] == pair[1] or not all(0 <= number < size for number in pair):
        raise ValueError(
            f"dimensions are {', '.join(map(str, pair))}, but an action has the numbers 0 to "
            f"{size - 1}: give two different ones of these."
        )
    origin = np.array(chosen, np.float64)
    origin[pair] = 0
    labels = [names[number] if names else f"action[{number}]" for number in pair]
    limits = np.stack([minimum, maximum], axis=1)[pair]
    return Plane(origin, np.eye(size)[pair], limits, (labels[0], labels[1]))


def of_principal_components(
    samples: np.ndarray, chosen: np.ndarray, minimum: np.ndarray, maximum: np.ndarray
) -> Plane:
    """Returns the plane through an action along which samples differ most.

    Numbers count in halves of their ranges, so that each may be of its own kind; the plane reaches
    as far as that, each way.

    Args:
      samples: Actions, [N, A].
      chosen: The action that the plane goes through, [A].
      minimum: Lower bounds of actions, [A].
      maximum: Upper bounds, [A].
    """
    half = np.maximum((maximum - minimum) / 2, np.finfo(np.float32).tiny)
    deviations = (samples - samples.mean(axis=0)) / half
    components = np.linalg.svd(deviations, full_matrices=True)[2][:2]
    # Either sign would do: the largest part is positive.
    largest = np.abs(components).argmax(axis=1)
    components = components * np.sign(components[np.arange(2), largest])[:, np.newaxis]
    return Plane(
        origin=np.array(chosen, np.float64),
        axes=components * half,
        limits=np.array([[-1.0, 1.0]] * 2),
        labels=("first principal component", "second principal component"),
        units=half,
    )
