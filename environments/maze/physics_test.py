"""The maze's physics against the published recordings, geometry, and itself."""

import numpy as np
import pytest

from ibc.environments.maze import layout, physics

_LONGEST = 650


def test_recorded_runs_are_repeated(golden):
    """All at once: beside others that move freely or touch walls, a disc moves as alone."""
    with np.load(golden("near/env_maze.npz")) as recorded:
        names = sorted({name.partition("/")[0] for name in recorded})
        paths, actions = (
            [recorded[f"{name}/{part}"] for name in names] for part in ("obs", "actions")
        )
    assert len(names) == 9
    discs = physics.at_rest(np.stack([path[0] for path in paths]))
    for step in range(_LONGEST):
        rows = np.array([row for row, run in enumerate(actions) if step < len(run)])
        moving = discs.take(rows)
        physics.advance(moving, np.stack([(actions[row][step] + 1) * 256 for row in rows]))
        discs.put(rows, moving)
        expected = [paths[row][step + 1] for row in rows]
        np.testing.assert_allclose(moving.position, expected, rtol=0, atol=1e-9)
    assert rows.size == 1


def test_far_from_walls_a_disc_approaches_its_target_by_a_fixed_share():
    discs = physics.at_rest([[300.0, 250.0]])
    physics.advance(discs, np.array([[250.0, 250.0]]))
    expected = 250 + 50 * (1 - 9e-5) ** 100
    np.testing.assert_allclose(discs.position, [[expected, 250.0]], rtol=0, atol=1e-9)
    assert not discs.push.any()


@pytest.mark.parametrize(
    ("start", "action", "coordinate", "touching"),
    [
        ((300.0, 416.0), (300.0, 0.0), 1, 380 + 20 + 15),
        ((56.0, 300.0), (-100.0, 300.0), 0, 40 + 15),
        ((488.0, 250.0), (900.0, 250.0), 0, 506 - 2 - 15),
        ((60.0, 444.0), (60.0, 1000.0), 1, 460 - 15),
    ],
    ids=["box_4", "box_1", "border", "box_3"],
)
def test_walls_stop_discs_just_inside(start, action, coordinate, touching):
    discs = physics.at_rest([start])
    for _ in range(15):
        physics.advance(discs, np.array([action]))
    # A tenth of a pixel of depth is allowed; this share of more is pushed out in each sub-step.
    share, beyond = 1 - 0.9 ** (60 * 0.003), np.abs(action[coordinate] - touching)
    depth = np.abs(discs.position[0, coordinate] - touching)
    assert depth == pytest.approx((9e-5 * beyond + 0.1 * share) / (9e-5 + share), rel=1e-6)


def test_how_a_disc_moves_does_not_depend_on_its_company():
    rng = np.random.default_rng(0)
    starts = rng.uniform(22, 489, (25, 2))
    together = physics.at_rest(starts)
    alone = [physics.at_rest(start[np.newaxis]) for start in starts]
    for _ in range(5):
        targets = rng.uniform(0, 512, (25, 2))
        physics.advance(together, targets)
        for disc, target in zip(alone, targets, strict=True):
            physics.advance(disc, target[np.newaxis])
    for name in ("position", "push", "anchor"):
        parts = np.concatenate([getattr(disc, name) for disc in alone])
        np.testing.assert_array_equal(getattr(together, name), parts)


def test_ways_to_move_agree_where_all_apply():
    """Free discs may be moved as if walls were near, and those at one wall as if at several."""
    rng = np.random.default_rng(1)
    free, leaning = np.array([[420.0, 250.0]] * 8), np.array([[56.0, 300.0]] * 8)
    near = np.tile(np.arange(8) == 7, (8, 1))
    for start, ways in ((free, ("_glide", "_squeeze")), (leaning, ("_lean", "_squeeze"))):
        both = [physics.at_rest(start + rng.uniform(0, 1e-3, (8, 2))) for _ in range(1)] * 2
        both[1] = both[0].copy()
        targets = rng.uniform(0, 512, (8, 2)) * (0.5, 1)
        for discs, way in zip(both, ways, strict=True):
            getattr(physics, way)(discs, targets, near)
        for name in ("position", "push", "anchor"):
            np.testing.assert_allclose(*(getattr(discs, name) for discs in both), atol=1e-10)


def test_a_disc_that_leaves_two_walls_behind_moves_as_a_free_one():
    """Both walls of the corridor's corner are in reach, but not on the way."""
    start, target = np.array([57.7, 444.07]), np.array([450.0, 440.0])
    discs = physics.at_rest([start])
    physics.advance(discs, target[np.newaxis])
    expected = target + (start - target) * (1 - 9e-5) ** 100
    np.testing.assert_allclose(discs.position[0], expected, rtol=0, atol=1e-9)


def test_a_centre_inside_a_box_leaves_through_the_nearest_side():
    discs = physics.at_rest([[225.0, 396.0]])
    for _ in range(20):
        physics.advance(discs, np.array([[225.0, 396.0]]))
    assert discs.position[0] == pytest.approx([225, 400 + 15 - 0.1], abs=0.3)


def test_start_squares_touch_nothing():
    grid = np.stack(np.meshgrid(np.arange(60.0, 80), np.arange(60.0, 80)), -1).reshape(-1, 2)
    assert not physics.at_rest(grid).push.any()
    assert layout.GOAL_RADIUS == pytest.approx(30.77, abs=5e-3)
