"""N mazes stepped at once: starts, goals, rewards and ends."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from ibc.environments.maze import layout, physics

MAX_STEPS = 650
"""Length of the longest episode, unless something else is asked for."""

_GOAL_REWARD, _STUCK_REWARD = 1000.0, -500.0
# Whoever has hardly moved in so many steps is stuck, but not before so many were made.
_STUCK_STEPS, _PATIENCE_STEPS = 100, 250
_STUCK_PIXELS = 0.003 * layout.SIDE * 2**0.5
# Where centres of discs fit into the legs of the corridor, and goals may be: smallest and largest.
_GOAL_RANGES = np.array([((55.0, 155.0), (85.0, 445.0)), ((85.0, 415.0), (335.0, 445.0))])


@dataclasses.dataclass
class MazeState:
    """All that tells how N mazes go on; independent of the mazes it was taken from."""

    discs: physics.Discs
    goals: np.ndarray
    """Centres, float64 [N, 2], pixels."""
    paths: np.ndarray
    """Positions since the start, float64 [N, 1 + most steps, 2]; what is to come is unspecified."""
    steps: np.ndarray
    """Made in each episode, int [N]."""

    def take(self, rows: Sequence[int] | np.ndarray) -> "MazeState":
        """Returns a copy of some of the mazes, as often as they are named.

        A planner tries S actions in maze 0 in `state.take([0] * S)`.
        """
        rows = np.asarray(rows, int)
        return MazeState(
            self.discs.take(rows), self.goals[rows], self.paths[rows], self.steps[rows]
        )


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a step has brought in each of N mazes; at most one of the ends is true."""

    rewards: np.ndarray
    """float64 [N]."""
    reached: np.ndarray
    """Whether the goal was reached, which ends the episode: bool [N]."""
    stuck: np.ndarray
    """Whether the disc is stuck, which ends the episode: bool [N]."""
    out_of_time: np.ndarray
    """Whether neither has happened in all the steps that there are: bool [N]."""


class Mazes:
    """N discs that look for their goals, each in a maze of its own.

    Reward: 1000 at the goal, −500 for a disc that has been stuck for 100 steps after more than
    250; both end the episode. Besides, in each step, `distance_reward` times the distance to the
    goal, over that of the published goal from the corner (0, 0), is taken off.
    """

    def __init__(self, number: int, distance_reward: float = 0.0, max_steps: int = MAX_STEPS):
        """Creates N = `number` mazes, whose episodes, at most `max_steps` long, must be started."""
        corner = np.zeros((number, 2))
        self._distance_reward, self._max_steps = distance_reward, max_steps
        self.state = MazeState(
            discs=physics.Discs(corner, np.zeros((number, 2)), corner.copy()),
            goals=np.tile(layout.GOAL, (number, 1)),
            paths=np.zeros((number, max_steps + 1, 2)),
            steps=np.zeros(number, int),
        )

    def start(self, rows: np.ndarray, positions: np.ndarray, goals: np.ndarray) -> None:
        """Starts episodes in some of the mazes.

        Args:
          rows: Which, int [R].
          positions: Where the discs rest, pixels [R, 2].
          goals: Centres of the goals, pixels [R, 2].
        """
        self.state.discs.put(rows, physics.at_rest(positions))
        self.state.goals[rows] = goals
        self.state.paths[rows, 0] = positions
        self.state.steps[rows] = 0

    def step(self, actions: np.ndarray) -> Outcome:
        """Moves each disc towards its action for 0.3 s.

        Args:
          actions: Targets [N, 2], from −1 to 1 across the table; what lies beyond is clipped.
        """
        state = self.state
        targets = (np.clip(np.asarray(actions, np.float64), -1, 1) + 1) * (layout.SIDE / 2)
        before = state.discs.position.copy()
        physics.advance(state.discs, targets)
        state.steps += 1
        rows = np.arange(len(before))
        state.paths[rows, state.steps] = state.discs.position
        distances = self.goal_distances
        reached = distances < layout.GOAL_RADIUS
        earlier = state.paths[rows, np.maximum(state.steps - 1 - _STUCK_STEPS, 0)]
        moved = np.linalg.norm(before - earlier, axis=1)
        stuck = (state.steps > _PATIENCE_STEPS) & (moved < _STUCK_PIXELS) & ~reached
        rewards = _GOAL_REWARD * reached + _STUCK_REWARD * stuck
        rewards -= self._distance_reward / np.linalg.norm(layout.GOAL) * distances
        return Outcome(
            rewards, reached, stuck, (state.steps >= self._max_steps) & ~reached & ~stuck
        )

    @property
    def positions(self) -> np.ndarray:
        """Centres of the discs, float64 [N, 2], pixels."""
        return self.state.discs.position

    @property
    def goal_distances(self) -> np.ndarray:
        """How far each disc's centre is from its goal's, float64 [N], pixels."""
        return np.linalg.norm(self.positions - self.state.goals, axis=1)

    def path(self, row: int) -> np.ndarray:
        """Returns where the disc of a maze was, from its start on: float64 [t + 1, 2], pixels."""
        return self.state.paths[row, : self.state.steps[row] + 1].copy()


def draw_start(rng: np.random.Generator) -> np.ndarray:
    """Draws where an episode starts, float64 [2], pixels."""
    return rng.integers(*layout.START_RANGE, 2).astype(np.float64)


def draw_goal(rng: np.random.Generator) -> np.ndarray:
    """Draws a goal evenly from where discs fit into the corridor, float64 [2], pixels."""
    areas = np.prod(_GOAL_RANGES[:, 1] - _GOAL_RANGES[:, 0], axis=1)
    leg = int(rng.uniform() * areas.sum() >= areas[0])
    return rng.uniform(*_GOAL_RANGES[leg])


def went_through_corridor(path: np.ndarray) -> bool:
    """Tells whether a path [T, 2] has visited both legs of the corridor."""
    return bool(layout.leg_visits(path).any(0).all())
