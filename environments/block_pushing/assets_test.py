"""Tests that the assets are what the physics depends on."""

import math
import pathlib
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from ibc.environments.block_pushing.simulation import bullet

_ASSETS = pathlib.Path(bullet.__file__).parent.parent / "assets"
_HEAD_RADIUS, _HEAD_OFFSET, _HEAD_SIDES, _HEAD_LENGTH = 4.99996, 0.00142, 64, 30.0


@pytest.fixture(scope="module")
def client():
    """Returns an empty simulation."""
    client = bullet.connect()
    yield client
    client.disconnect()


def _head_text() -> str:
    """Returns the OBJ file of the tools' head, in millimetres.

    A prism whose corners are rounded to a micrometre, and two of them moved: contacts of the
    head with a block depend on every digit.
    """
    corners = []
    for k in range(_HEAD_SIDES):
        angle = 2 * math.pi * k / _HEAD_SIDES
        x = -4.903 if k in (46, 50) else _HEAD_OFFSET + _HEAD_RADIUS * math.sin(angle)
        corners.append((x, _HEAD_OFFSET + _HEAD_RADIUS * math.cos(angle)))
    lines = [f"v {x:.3f} {y:.3f} {z:.3f}" for z in (0.0, _HEAD_LENGTH) for x, y in corners]
    for k in range(_HEAD_SIDES):
        a, b = k + 1, (k + 1) % _HEAD_SIDES + 1
        lines += [f"f {a} {a + _HEAD_SIDES} {b + _HEAD_SIDES}", f"f {a} {b + _HEAD_SIDES} {b}"]
    lines.append("f " + " ".join(str(k) for k in range(1, _HEAD_SIDES + 1)))
    lines.append("f " + " ".join(str(k) for k in range(2 * _HEAD_SIDES, _HEAD_SIDES, -1)))
    return "\n".join(lines) + "\n"


def test_head_is_the_prism_of_its_formula():
    assert (_ASSETS / "tool_head.obj").read_text() == _head_text()


def _collisions(name: str) -> list[tuple]:
    """Returns (type, sizes, origin) of every collision shape of a file."""
    found = []
    for collision in ElementTree.parse(_ASSETS / name).getroot().iter("collision"):
        shape = collision.find("geometry")[0]
        sizes = {key: value for key, value in shape.attrib.items() if key != "filename"}
        origin = collision.find("origin")
        found.append((shape.tag, sizes, "0 0 0" if origin is None else origin.get("xyz")))
    return found


@pytest.mark.parametrize(
    ("name", "length", "radius", "origin"),
    [
        ("suction", "0.028", "0.001", "0 0 0"),
        ("cylinder", "0.05", "0.005", "0 0 0"),
        # So long that it starts at the last link instead of around the end of the head.
        ("cylinder_real", "0.135", "0.0127", "0 0 0.0385"),
    ],
)
def test_tools_are_a_head_and_a_tip(name, length, radius, origin, client):
    assert _collisions(f"tool_{name}.urdf") == [
        ("mesh", {"scale": "0.001 0.001 0.001"}, "0 0 0"),
        ("cylinder", {"length": length, "radius": radius}, origin),
    ]
    body = bullet.load_asset(client, f"tool_{name}.urdf")
    assert client.getNumJoints(body) == 1
    joint = client.getJointInfo(body, 0)
    assert joint[2] == bullet.pybullet.JOINT_FIXED
    assert joint[14] == pytest.approx((0.0, 0.0, 0.029))
    for link in (-1, 0):
        dynamics = client.getDynamicsInfo(body, link)
        assert (dynamics[0], dynamics[1], dynamics[6]) == (0.1, 1.0, 1e-4)


@pytest.mark.parametrize(
    ("name", "color"), [("block", (1, 0.3412, 0.3490)), ("block2", (0.3412, 1, 0.3490))]
)
def test_blocks_are_cubes_of_their_colours(name, color, client):
    assert _collisions(f"{name}.urdf") == [("box", {"size": "0.04 0.04 0.04"}, "0 0 0")]
    body = bullet.load_asset(client, f"{name}.urdf")
    mass, friction, inertia, *_ = client.getDynamicsInfo(body, -1)
    assert (mass, friction, client.getDynamicsInfo(body, -1)[6]) == (0.01, 1.0, 1e-4)
    # PyBullet computes it from the shape, 2/12 m a², and scales it by 3.
    assert inertia == pytest.approx([3 * 0.01 * 0.04**2 / 6] * 3)
    assert client.getVisualShapeData(body)[0][7] == pytest.approx((*color, 1.0))


@pytest.mark.parametrize(("name", "color"), [("zone", (0, 1, 0)), ("zone2", (1, 0, 0))])
def test_zones_are_rings_that_nothing_touches(name, color, client):
    assert _collisions(f"{name}.urdf") == []
    body = bullet.load_asset(client, f"{name}.urdf", useFixedBase=True)
    assert client.getDynamicsInfo(body, -1)[3] == pytest.approx((-0.01, 0.0, 0.02))
    bars = client.getVisualShapeData(body)
    assert all(bar[7] == pytest.approx((*color, 1.0)) for bar in bars)
    # The corners of the bars, from above: a square of 0.12 m with a hole of 0.108 m.
    low, high = (
        np.array([np.add(bar[5], sign * np.array(bar[3]) / 2) for bar in bars]) for sign in (-1, 1)
    )
    np.testing.assert_allclose(low.min(axis=0), (-0.06, -0.06, 0.0), atol=1e-9)
    np.testing.assert_allclose(high.max(axis=0), (0.06, 0.06, 0.001), atol=1e-9)
    area = ((high - low)[:, 0] * (high - low)[:, 1]).sum()
    assert area == pytest.approx(0.12**2 - 0.108**2)


def test_slot_is_three_boxes(client):
    assert _collisions("insert_target.urdf") == [
        ("box", {"size": "0.08 0.03 0.04"}, "0.025 0 0"),
        ("box", {"size": "0.03 0.08 0.0399"}, "0 0.025 0"),
        ("box", {"size": "0.03 0.08 0.0399"}, "0.075 0.025 0"),
    ]
    body = bullet.load_asset(client, "insert_target.urdf", useFixedBase=True)
    assert client.getDynamicsInfo(body, -1)[1] == 0.3
    for shape in client.getVisualShapeData(body):
        assert shape[7] == pytest.approx((0.0, 0.3412, 0.3490, 1.0))


@pytest.mark.parametrize(
    ("name", "size"), [("workspace", (0.501, 0.999)), ("workspace_real", (0.4572, 0.6096))]
)
def test_workspaces_are_grey_rectangles_that_nothing_touches(name, size, client):
    assert _collisions(f"{name}.urdf") == []
    body = bullet.load_asset(client, f"{name}.urdf")
    (shape,) = client.getVisualShapeData(body)
    assert shape[3][:2] == pytest.approx(size)
    assert shape[7] == pytest.approx((0.2, 0.2, 0.2, 1.0))
    assert client.getDynamicsInfo(body, -1)[0] == 0.0
