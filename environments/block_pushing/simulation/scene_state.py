"""Saving a scene as numbers, and going back to it, also in another process.

Positions and velocities alone would not do: how a contact goes on depends on where the bodies
have touched before, and in which order, which PyBullet does not tell. So a state also says how
the episode came to it, and is reached again by the same start and the same moves.
"""

import numpy as np

from ibc.environments.block_pushing.simulation import bullet, scene, xarm_sim_robot

# Far below what matters and far above what another machine's arithmetic makes of the moves.
_TOLERANCE = 1e-9


def capture(table: scene.Scene) -> dict:
    """Returns the state of a scene.

    Returns:
      A nest of dicts, lists and floats: `robot` (joint positions and velocities, the positions
      its motors aim at, the commanded effector pose), `end_effector` and `blocks` (poses, linear
      and angular velocities), `targets` (poses), and `episode` (how it started, and the moves
      since). Metres, radians, seconds; quaternions as x, y, z, w.
    """
    start = table.latest_start
    return {
        "robot": _capture_robot(table.robot, table.commanded_effector),
        "end_effector": _capture_body(table, table.robot.end_effector),
        "blocks": [_capture_body(table, block) for block in table.blocks],
        "targets": [_pose_to_json(target) for target in table.target_poses],
        "episode": {
            "start": {
                "effector": list(start.effector),
                "blocks": [_pose_to_json(block) for block in start.blocks],
                "targets": [_pose_to_json(target) for target in start.targets],
            },
            "moves": [[list(translation), steps] for translation, steps in table.moves],
        },
    }


def restore(table: scene.Scene, state: dict) -> None:
    """Brings a scene to a state from `capture`.

    The moves are made again. What then is not as the state says, because the state was edited
    or something else than moves led to it, is put there.

    Raises:
      ValueError: The state is that of another scene.
    """
    for name, bodies in (("blocks", table.blocks), ("targets", table.targets)):
        if len(state[name]) != len(bodies):
            raise ValueError(
                f"the state has {len(state[name])} {name} and this environment {len(bodies)}: "
                "restore it in an environment of the task it was saved in."
            )
    episode = state["episode"]
    start = scene.Start(
        effector=tuple(episode["start"]["effector"]),
        blocks=tuple(_pose_from_json(block) for block in episode["start"]["blocks"]),
        targets=tuple(_pose_from_json(target) for target in episode["start"]["targets"]),
    )
    table.replay(start, [(tuple(translation), steps) for translation, steps in episode["moves"]])
    table.place_targets([_pose_from_json(target) for target in state["targets"]])
    if not _agree(_capture_robot(table.robot, table.commanded_effector), state["robot"]):
        robot = state["robot"]
        table.robot.reset_joints(robot["joint_positions"], robot["joint_velocities"])
        table.robot.set_target_joint_positions(robot["target_joint_positions"])
        table.commanded_effector = _pose_from_json(robot["target_effector_pose"])
    bodies = (table.robot.end_effector, *table.blocks)
    for body, numbers in zip(bodies, (state["end_effector"], *state["blocks"]), strict=True):
        if not _agree(_capture_body(table, body), numbers):
            table.place(body, _pose_from_json(numbers))
            velocities = numbers["linear_velocity"], numbers["angular_velocity"]
            table.client.resetBaseVelocity(body, *velocities)


def _capture_robot(robot: xarm_sim_robot.XArmSimRobot, commanded: bullet.Pose) -> dict:
    positions, velocities = robot.joint_states()
    return {
        "joint_positions": positions,
        "joint_velocities": velocities,
        "target_joint_positions": list(robot.target_joint_positions),
        "target_effector_pose": _pose_to_json(commanded),
    }


def _capture_body(table: scene.Scene, body: int) -> dict:
    linear, angular = table.client.getBaseVelocity(body)
    velocities = {"linear_velocity": list(linear), "angular_velocity": list(angular)}
    return {**_pose_to_json(table.pose_of(body)), **velocities}


def _agree(first: dict | list | float, second: dict | list | float) -> bool:
    if isinstance(first, dict):
        return all(_agree(first[key], second[key]) for key in first)
    return np.allclose(first, second, rtol=0.0, atol=_TOLERANCE)


def _pose_to_json(place: bullet.Pose) -> dict:
    return {key: list(value) for key, value in place._asdict().items()}


def _pose_from_json(numbers: dict) -> bullet.Pose:
    return bullet.Pose(tuple(numbers["translation"]), tuple(numbers["quaternion"]))
