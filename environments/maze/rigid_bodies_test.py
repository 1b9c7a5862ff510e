"""The maze's physics against Chipmunk itself, from starts that nobody has recorded."""

import itertools

import numpy as np
import pytest

from ibc.environments.maze import layout, physics

pymunk = pytest.importorskip("pymunk")

_BOXES_AS_ADDED = layout.BOXES[::-1]
_LOW, _HIGH = layout.BORDER


def _simulation(position):
    """Returns the simulation of a maze with a disc at a position, and the disc."""
    space = pymunk.Space()
    space.damping = 0
    corners = [(_LOW, _HIGH), (_LOW, _LOW), (_HIGH, _LOW), (_HIGH, _HIGH), (_LOW, _HIGH)]
    for ends in itertools.pairwise(corners):
        space.add(pymunk.Segment(space.static_body, *ends, layout.BORDER_WIDTH / 2))
    for left, top, right, bottom in _BOXES_AS_ADDED:
        box = pymunk.Body(body_type=pymunk.Body.STATIC)
        box.position = ((left + right) / 2, (top + bottom) / 2)
        space.add(box, pymunk.Poly.create_box(box, (right - left, bottom - top)))
    disc = pymunk.Body(1, float("inf"))
    disc.position = tuple(position)
    space.add(disc, pymunk.Circle(disc, layout.AGENT_RADIUS))
    space.step(0.01)
    return space, disc


@pytest.mark.parametrize(
    "region", [((50, 420), (90, 450)), ((25, 100), (130, 150)), ((320, 375), (480, 489))]
)
def test_positions_are_the_simulators(region):
    rng = np.random.default_rng(0)
    for _ in range(3):
        start = rng.uniform(*region)
        discs, (space, disc) = physics.at_rest([start]), _simulation(start)
        for step in range(25):
            if step % 8 == 0:
                target = rng.uniform(0, 512, 2)
            physics.advance(discs, target[np.newaxis])
            for _ in range(100):
                disc.velocity = tuple(0.1 * 100 * (target - disc.position) * 0.003)
                space.step(0.003)
            np.testing.assert_allclose(discs.position[0], disc.position, rtol=0, atol=1e-9)
