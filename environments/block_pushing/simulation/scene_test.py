"""Tests that an episode is the same whatever came before it, and of real-time pacing."""

import math

import gymnasium
import numpy as np
import pytest

from ibc.environments.block_pushing import block_pushing, block_pushing_multimodal
from ibc.environments.block_pushing.simulation import bullet, scene, xarm_sim_robot


def _start(height: float) -> scene.Start:
    return scene.Start(
        (0.3, -0.4, height),
        (bullet.from_yaw((0.35, -0.2, 0.0), 1.5),),
        (bullet.from_yaw((0.4, 0.2, 0.02), math.pi),),
    )


def _run_into_block(env: gymnasium.Env, seed: int, steps: int) -> np.ndarray:
    """Runs an episode that pushes the block about, hard; returns its states [steps, n]."""
    env.reset(seed=seed)
    rng = np.random.RandomState(seed + 1000)
    states = []
    for _ in range(steps):
        state = env.compute_state()
        states.append(np.concatenate(list(state.values())))
        way = state["block_translation"] - state["effector_target_translation"]
        distance = np.linalg.norm(way)
        env.step(way / distance * min(0.03, distance) + rng.uniform(-0.02, 0.02, 2))
    return np.array(states)


def test_a_seed_means_the_same_episode_after_any_other(opened):
    """The first episode changes the order of contacts, on which the second depends."""
    fresh, used = opened(block_pushing.BlockPush()), opened(block_pushing.BlockPush())
    _run_into_block(used, 115, 30)
    np.testing.assert_array_equal(_run_into_block(used, 14, 12), _run_into_block(fresh, 14, 12))


def test_a_seed_means_the_same_episode_with_two_blocks(opened):
    """Where the blocks are loaded they overlap, so even the reset depends on the order."""
    fresh, used = map(opened, (block_pushing_multimodal.BlockPushMultimodal() for _ in range(2)))
    used.reset(seed=0)
    for action in np.random.RandomState(0).uniform(-0.02, 0.02, (30, 2)):
        used.step(action)
    fresh.reset(seed=1)
    used.reset(seed=1)
    for key, value in fresh.compute_state().items():
        np.testing.assert_array_equal(used.compute_state()[key], value)


def test_an_environment_with_one_block_is_rebuilt_only_when_it_must_be(monkeypatch, opened):
    env = opened(block_pushing.BlockPush())
    rebuilt = []
    build = env.scene._build
    monkeypatch.setattr(env.scene, "_build", lambda: (rebuilt.append(True), build()))
    for seed in range(5):
        env.reset(seed=seed)
        env.step(np.array([0.03, 0.03]))
    assert not rebuilt
    _run_into_block(env, 115, 30)
    env.reset(seed=0)
    assert rebuilt == [True]


def test_new_environments_are_alike(opened):
    first, second = opened(block_pushing.BlockPush(seed=1)), opened(block_pushing.BlockPush(seed=2))
    for key, value in first.compute_state().items():
        np.testing.assert_array_equal(value, second.compute_state()[key])


def test_saved_state_is_where_later_episodes_start(opened):
    env = opened(block_pushing.BlockPush())
    env.reset(seed=0)
    for _ in range(3):
        env.step(np.array([0.02, 0.02]))
    joints, _ = env.robot.joint_states()
    env.save_state()
    env.scene._restore_saved()
    np.testing.assert_array_equal(env.robot.joint_states()[0], joints)
    env.reset(seed=1)
    env.scene._restore_saved()
    np.testing.assert_array_equal(env.robot.joint_states()[0], joints)


@pytest.mark.parametrize(
    ("tool", "height"), [("suction", 0.06), ("cylinder", 0.07), ("cylinder_real", 0.16)]
)
def test_every_tool_hangs_at_the_last_link_and_pushes_the_block(tool, height, opened):
    table = opened(scene.Scene(("zone.urdf",), ("block.urdf",), _start(height), end_effector=tool))
    hanging = table.pose_of(table.robot.end_effector).translation
    # The frame of the link, not its centre of mass; the tool's weight pulls at the constraint.
    link_frame = table.client.getLinkState(table.robot.body, 6)[4]
    np.testing.assert_allclose(hanging, link_frame, atol=3e-3)
    table.move_effector((0.35, -0.28, height), 120)
    before = table.pose_of(table.blocks[0]).translation
    table.move_effector((0.35, -0.15, height), 240)
    after = table.pose_of(table.blocks[0]).translation
    assert after[1] > before[1] + 0.03


def test_robot_without_a_tool_starts_at_its_home_pose():
    client = bullet.connect()
    robot = xarm_sim_robot.XArmSimRobot(client)
    positions, velocities = robot.joint_states()
    np.testing.assert_allclose(np.degrees(positions), (0, -20, -80, 0, 100, -30), atol=1e-9)
    np.testing.assert_array_equal(velocities, np.zeros(6))
    assert robot.end_effector is None
    for options in ({"end_effector": "hook"}, {"color": "pink"}):
        with pytest.raises(ValueError, match=r"must be .* got '(hook|pink)'"):
            xarm_sim_robot.XArmSimRobot(client, **options)
    client.disconnect()


def test_inverse_kinematics_brings_the_last_link_to_a_pose(opened):
    table = opened(scene.Scene(("zone.urdf",), ("block.urdf",), _start(0.06)))
    for xy in ((0.3, -0.3), (0.4, 0.0), (0.5, 0.2)):
        table.command_effector((*xy, 0.06))
        wanted = table.commanded_effector
        table.robot.reset_joints(table.robot.inverse_kinematics(wanted))
        # Link poses are those of the latest simulation step unless they are asked for.
        state = table.client.getLinkState(table.robot.body, 6, computeForwardKinematics=True)
        np.testing.assert_allclose(state[4], wanted.translation, atol=3e-3)
        assert abs(np.dot(state[5], wanted.quaternion)) == pytest.approx(1.0, abs=1e-4)


_STEPS = 24


class _Clock:
    """Stands in for the module `time`."""

    def __init__(self):
        self.now = 100.0
        self.sleeps = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = _Clock()
    monkeypatch.setattr(scene, "time", clock)
    return clock


@pytest.fixture
def pacer():
    return scene.Pacer(1 / 240)


def _environment_step(pacer, clock, work=0.0):
    start = clock.now
    for _ in pacer.ticks(_STEPS):
        clock.now += work / _STEPS
    return clock.now - start


def test_a_step_takes_as_long_as_in_the_simulation(clock, pacer):
    for work in (0.0, 0.03, 0.09):
        assert _environment_step(pacer, clock, work) == pytest.approx(0.1)


def test_time_of_the_caller_counts(clock, pacer):
    _environment_step(pacer, clock)
    start = clock.now
    for thinking in (0.04, 0.09, 0.0):
        clock.now += thinking
        _environment_step(pacer, clock, work=0.01)
    assert clock.now - start == pytest.approx(0.3)


def test_pauses_are_spread_evenly(clock, pacer):
    _environment_step(pacer, clock)
    clock.sleeps.clear()
    clock.now += 0.04
    _environment_step(pacer, clock)
    assert clock.sleeps == pytest.approx([0.06 / _STEPS] * _STEPS)


def test_what_is_too_slow_is_not_slowed_down(clock, pacer):
    assert _environment_step(pacer, clock, work=0.5) == pytest.approx(0.5)
    clock.now += 0.2
    assert _environment_step(pacer, clock) == 0.0


def test_a_restart_forgets_the_time_between_episodes(clock, pacer):
    _environment_step(pacer, clock)
    clock.now += 5.0
    pacer.restart()
    assert _environment_step(pacer, clock) == pytest.approx(0.1)
