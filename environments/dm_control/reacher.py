"""The suite's reacher, on a white floor and with discs that distract, if so asked."""

from typing import Any
from xml.etree import ElementTree

import numpy as np

from ibc.environments.dm_control import dm_control_env

DISC_RADII = (0.07, 0.08, 0.05, 0.06, 0.09)
"""Of the five discs, in metres."""
DISC_THICKNESS = 5e-6
NUM_UNIFORMS = 6 * len(DISC_RADII)
"""Draws that discs are made of."""
_HALF_FLOOR = 0.3
_BRIGHTEST = 0.5
_WHITE = "1 1 1 1"
_TIME_LIMIT_SECONDS = 20
# Keeps the discs' draws apart from those of arm and target, which are the suite's.
_STREAM = 5


class ReacherEnv(dm_control_env.DmControlEnv):
    """A planar arm of two links whose tip has to come to a target and stay there.

    Neither floor nor discs change what happens or what is observed as numbers.
    """

    def __init__(self, task: str, white_floor: bool = False, discs: bool = False, **arguments: Any):
        """Loads the scene.

        Args:
          task: 'easy' or 'hard', with a target of 5 cm or of 1.5 cm in radius.
          white_floor: Whether the floor is white instead of a grid.
          discs: Whether five discs lie on it, of other places and colours in each episode.
          **arguments: See `MujocoTaskEnv`.
        """
        self._white_floor, self._discs = white_floor, discs
        self._of_discs = np.random.RandomState()
        super().__init__("reacher", task, **arguments)

    @property
    def target(self) -> np.ndarray:
        """Where the tip should be, float64 [2] in metres."""
        return self.physics.named.model.geom_pos["target", :2].copy()

    @property
    def angles(self) -> np.ndarray:
        """Of shoulder and elbow, float64 [2] in radians."""
        return self.physics.data.qpos.copy()

    @property
    def velocities(self) -> np.ndarray:
        """Of shoulder and elbow, float64 [2] in radians per second."""
        return self.physics.data.qvel.copy()

    @property
    def goal_distance(self) -> float:
        """Between tip and the target's centre, in metres."""
        return float(self.physics.finger_to_target_dist())

    def _load(self, domain: str, task: str) -> Any:
        module = dm_control_env.suite_module(domain)
        if not (self._white_floor or self._discs):
            return super()._load(domain, task)
        from dm_control.rl import control

        plain = super()._load(domain, task)
        xml, assets = module.get_model_and_assets()
        scene = decorated(xml, self._white_floor, self._discs)
        physics = module.Physics.from_xml_string(scene, assets)
        return control.Environment(physics, plain.task, time_limit=_TIME_LIMIT_SECONDS)

    def _begin(self, seed: int | None) -> dict[str, np.ndarray]:
        if seed is not None:
            self._of_discs.seed([seed, _STREAM])
        if self._discs:
            self._place_discs()
        return super()._begin(seed)

    def _place_discs(self) -> None:
        positions, colours = discs_of(self._of_discs.uniform(size=NUM_UNIFORMS))
        names = _disc_names()
        self.physics.named.model.geom_pos[names] = positions
        self.physics.named.model.geom_rgba[names] = colours


def decorated(xml: str | bytes, white_floor: bool, discs: bool) -> bytes:
    """Returns the reacher's scene with another floor and with discs, which are to be placed."""
    root = ElementTree.fromstring(xml)
    world = root.find("worldbody")
    if white_floor:
        ground = world.find("geom[@name='ground']")
        del ground.attrib["material"]
        ground.set("rgba", _WHITE)
    for name, radius in zip(_disc_names(), DISC_RADII, strict=True) if discs else ():
        size = f"{radius} {DISC_THICKNESS / 2}"
        # What is compiled at the origin of its body stays there.
        disc = {"type": "cylinder", "size": size, "pos": "0.1 0.1 0"}
        ElementTree.SubElement(world, "geom", {"name": name, **disc})
    return ElementTree.tostring(root)


def discs_of(uniforms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns where discs lie and how they look.

    Args:
      uniforms: Draws in [0, 1), float64 [30]: places, then which are to be seen, then colours.

    Returns:
      Positions [5, 3] in metres, and colours [5, 4]: RGB up to 0.5, opacity 0 or 1.
    """
    count = len(DISC_RADII)
    places, seen, colours = np.split(uniforms, [2 * count, 3 * count])
    heights = np.full([count, 1], DISC_THICKNESS / 2)
    positions = -_HALF_FLOOR + 2 * _HALF_FLOOR * places.reshape(count, 2)
    opacity = np.float64(seen[:, np.newaxis] >= 0.5)
    return (
        np.hstack([positions, heights]),
        np.hstack([_BRIGHTEST * colours.reshape(count, 3), opacity]),
    )


def _disc_names() -> list[str]:
    return [f"c{number}" for number in range(1, len(DISC_RADII) + 1)]
