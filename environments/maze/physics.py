"""How discs move in the maze: towards their targets, and out of what they touch.

The numbers are those of the rigid-body library Chipmunk as the published environment uses it. It
damps all velocity away in each sub-step, so that a wall acts by its position correction alone:
a push, computed after a move, that is part of the next move.

A disc that no wall is in reach of moves as a formula says; one beside a single wall is moved
sub-step by sub-step, and only one beside several needs the solver of contacts.
"""

import dataclasses

import numpy as np

from ibc.environments.maze import layout

SUB_STEPS = 100
SUB_STEP_SECONDS = 0.003
_REST_SECONDS = 0.01
# v = 0.1 · 100 · (target − p) · Δt, moved for Δt.
_APPROACH = 0.1 * 100 * SUB_STEP_SECONDS**2
_LEFT = np.exp(np.arange(1, SUB_STEPS + 1) * np.log1p(-_APPROACH))
_SLOP = float(np.float32(0.1))
_KEPT_PER_SECOND = float(np.float32(1.0) - np.float32(0.1)) ** 60
# The centre's bounding box is grown by this share of its size; beyond it is indexed anew.
_MARGIN = 2 * layout.AGENT_RADIUS * float(np.float32(0.1))
_SWEEPS = 10


@dataclasses.dataclass
class Discs:
    """N discs, each in a maze of its own."""

    position: np.ndarray
    """Centres, float64 [N, 2], pixels."""
    push: np.ndarray
    """What walls add to the velocity of the next sub-step, float64 [N, 2], pixels per second."""
    anchor: np.ndarray
    """Where each disc was indexed last, float64 [N, 2]: it decides in which order walls act."""

    def copy(self) -> "Discs":
        """Returns discs that move by themselves."""
        return Discs(self.position.copy(), self.push.copy(), self.anchor.copy())

    def take(self, rows: np.ndarray) -> "Discs":
        """Returns a copy of some of the discs."""
        return Discs(self.position[rows], self.push[rows], self.anchor[rows])

    def put(self, rows: np.ndarray, others: "Discs") -> None:
        """Replaces some of the discs by others, as many."""
        self.position[rows] = others.position
        self.push[rows] = others.push
        self.anchor[rows] = others.anchor


def at_rest(position: np.ndarray) -> Discs:
    """Returns discs at positions [N, 2]; what they touch pushes them from the first sub-step on."""
    position = np.array(position, np.float64)
    reversed_order = np.ones(len(position), bool)
    push = _pushes(position, reversed_order, _REST_SECONDS)
    return Discs(position, push, position.copy())


def advance(discs: Discs, target: np.ndarray) -> None:
    """Moves discs towards targets [N, 2], pixels, for 0.3 s, in place."""
    gap, _ = _gaps(discs.position)
    way = (1.0 - _LEFT[-1]) * (target - discs.position)
    # What one wall may push in all, besides the way to the target, is how deep the disc is in it.
    reach = np.linalg.norm(way, axis=1) + np.linalg.norm(discs.push, axis=1) * SUB_STEP_SECONDS
    near = gap <= (reach + np.maximum(0.0, -gap).sum(1) + _SLOP)[:, np.newaxis]
    walls_near = near.sum(1)
    free = (walls_near == 0) | _passes(discs.position, way)
    free &= ~discs.push.any(1)
    leaning = ~free & (walls_near <= 1)
    for rows, move in ((free, _glide), (leaning, _lean), (~(free | leaning), _squeeze)):
        if rows.any():
            rows = np.flatnonzero(rows)
            some = discs.take(rows)
            move(some, target[rows], near[rows])
            discs.put(rows, some)


def _glide(discs: Discs, target: np.ndarray, near: np.ndarray) -> None:
    """Moves discs that touch nothing: each sub-step leaves the same share of the way."""
    del near
    start = discs.position
    discs.position = target + (start - target) * _LEFT[-1]
    # An axis moves one way only, so who has left the anchor is still away at the end.
    rows = np.flatnonzero(_has_left(discs.position, discs.anchor))
    way = target[rows] + (start[rows] - target[rows]) * _LEFT[:, np.newaxis, np.newaxis]
    since = np.full(rows.size, -1)
    while rows.size:
        later = np.arange(SUB_STEPS)[:, np.newaxis] > since
        since = (_has_left(way, discs.anchor[rows]) & later).argmax(0)
        discs.anchor[rows] = way[since, np.arange(rows.size)]
        again = _has_left(discs.position[rows], discs.anchor[rows])
        rows, way, since = rows[again], way[:, again], since[again]


def _passes(position: np.ndarray, way: np.ndarray) -> np.ndarray:
    """Tells which discs [N, 2] surely touch nothing on straight ways [N, 2]: bool [N]."""
    low = np.minimum(position, position + way) - _SLOP
    high = np.maximum(position, position + way) + _SLOP
    apart = np.maximum(layout.SHAPE_LOW - high[:, None], low[:, None] - layout.SHAPE_HIGH)
    distance = np.linalg.norm(np.maximum(0.0, apart), axis=-1)
    return np.all(distance > layout.CLEARANCE, axis=1)


def _lean(discs: Discs, target: np.ndarray, near: np.ndarray) -> None:
    """Moves discs that may touch one wall each."""
    wall = near.argmax(1)
    low, high = layout.SHAPE_LOW[wall], layout.SHAPE_HIGH[wall]
    clearance = layout.CLEARANCE[wall]
    share = _share_pushed_out(SUB_STEP_SECONDS) / SUB_STEP_SECONDS
    position, push = discs.position, discs.push
    for _ in range(SUB_STEPS):
        position = position + (target - position) * _APPROACH + push * SUB_STEP_SECONDS
        gap, outward = _gap_and_outward(position, low, high, clearance)
        depth = np.maximum(0.0, -(gap + _SLOP))
        push = outward * (share * depth)[:, np.newaxis]
        left = _has_left(position, discs.anchor)
        if left.any():
            discs.anchor[left] = position[left]
    discs.position, discs.push = position, push


def _squeeze(discs: Discs, target: np.ndarray, near: np.ndarray) -> None:
    """Moves discs that may touch several walls."""
    del near
    position, push = discs.position, discs.push
    for _ in range(SUB_STEPS):
        position = position + (target - position) * _APPROACH + push * SUB_STEP_SECONDS
        left = _has_left(position, discs.anchor)
        discs.anchor[left] = position[left]
        push = _pushes(position, left, SUB_STEP_SECONDS)
    discs.position, discs.push = position, push


def _pushes(position: np.ndarray, is_reversed: np.ndarray, seconds: float) -> np.ndarray:
    """Returns what walls push discs [N, 2] out with, pixels per second [N, 2].

    Args:
      position: Centres [N, 2].
      is_reversed: In which rows contacts are solved from the last wall to the first, bool [N].
      seconds: Length of the sub-step that was made.
    """
    gap, outward = _gaps(position)
    # None of a wall that is not touched, so that this is what a single contact gets.
    wanted = _share_pushed_out(seconds) / seconds * np.maximum(0.0, -(gap + _SLOP))
    push = np.einsum("nw,nwd->nd", wanted, outward)
    touches = gap <= 0
    several = touches.sum(1) > 1
    if several.any():
        for order, is_ordered in ((1, ~is_reversed), (-1, is_reversed)):
            rows = np.flatnonzero(several & is_ordered)
            if rows.size:
                push[rows] = _solve(*(each[rows, ::order] for each in (touches, wanted, outward)))
    return push


def _solve(touches: np.ndarray, wanted: np.ndarray, outward: np.ndarray) -> np.ndarray:
    """Solves the contacts of rows one after the other, several times (projected Gauss-Seidel).

    Args:
      touches: Which walls are touched [N, W].
      wanted: Speed at which each wants to push out [N, W].
      outward: Direction in which each pushes [N, W, 2].

    Returns:
      Pushes [N, 2].
    """
    touched = np.flatnonzero(touches.any(0))
    touches, wanted, outward = touches[:, touched], wanted[:, touched], outward[:, touched]
    # A wall that is not touched pushes nowhere.
    x_out, y_out = np.where(touches, outward.transpose(2, 0, 1), 0.0)
    walls = list(zip(wanted.T, x_out.T, y_out.T, strict=True))
    x = y = np.zeros(len(touches))
    applied = [x] * len(walls)
    for _ in range(_SWEEPS):
        before = list(applied)
        for wall, (speed, x_out, y_out) in enumerate(walls):
            total = np.maximum(applied[wall] + speed - (x * x_out + y * y_out), 0.0)
            more = total - applied[wall]
            x, y = x + more * x_out, y + more * y_out
            applied[wall] = total
        if all(np.array_equal(*pair) for pair in zip(before, applied, strict=True)):
            break  # The other sweeps would change nothing.
    return np.stack([x, y], axis=1)


def _gaps(position: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns how far discs [N, 2] are from each wall [N, 8], and the way out [N, 8, 2]."""
    return _gap_and_outward(
        position[:, np.newaxis], layout.SHAPE_LOW, layout.SHAPE_HIGH, layout.CLEARANCE
    )


def _gap_and_outward(
    position: np.ndarray, low: np.ndarray, high: np.ndarray, clearance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the distance of discs [..., 2] from walls, negative inside, and the way out."""
    away = position - np.minimum(np.maximum(position, low), high)
    x, y = away[..., 0], away[..., 1]
    distance = np.sqrt(x * x + y * y)
    inside = distance == 0
    if inside.any():
        return _gap_inside(position, low, high, clearance, away, distance)
    return distance - clearance, away / distance[..., np.newaxis]


def _gap_inside(position, low, high, clearance, away, distance):
    """As `_gap_and_outward` where a centre lies in a wall, whose nearest side is the way out."""
    inside = distance == 0
    sides = np.concatenate(np.broadcast_arrays(position - low, high - position), axis=-1)
    nearest = sides.argmin(-1)
    depth = np.take_along_axis(sides, nearest[..., np.newaxis], -1)[..., 0]
    ways = np.concatenate([-np.eye(2), np.eye(2)])[nearest]
    distance = np.where(inside, -depth, distance)
    length = np.where(inside, 1.0, distance)[..., np.newaxis]
    return distance - clearance, np.where(inside[..., np.newaxis], ways, away / length)


def _has_left(position: np.ndarray, anchor: np.ndarray) -> np.ndarray:
    away = np.abs(position - anchor)
    return np.maximum(away[..., 0], away[..., 1]) > _MARGIN


def _share_pushed_out(seconds: float) -> float:
    return 1.0 - _KEPT_PER_SECOND**seconds
