"""Measures of motions against the published ones, and motions of known measures."""

import dataclasses

import numpy as np
import pytest

from ibc.eval import motion_metrics


@pytest.fixture
def published(golden):
    """The published measures' inputs and outputs."""
    with np.load(golden("near/metrics.npz")) as file:
        return {name: file[name] for name in file}


def test_published_derivatives_are_repeated(published):
    seconds, path = float(published["dt"]), published["trajectory"]
    for order, name in enumerate(("velocity", "acceleration", "jerk"), start=1):
        found = motion_metrics.derivative(path, seconds, order)
        np.testing.assert_allclose(found, published[name], rtol=1e-9, atol=1e-9)
    short = motion_metrics.derivative(path[:1], seconds)
    np.testing.assert_array_equal(short, published["short_series_derivative"])


def test_published_measures_are_repeated(published):
    seconds = float(published["dt"])
    poses = motion_metrics.Motion(published["pose"], seconds, root=2).poses
    np.testing.assert_allclose(poses, published["relative_pose_root2"], atol=1e-12)
    lengths = [
        motion_metrics.spectral_arc_length(axis, seconds) for axis in published["velocity"].T
    ]
    np.testing.assert_allclose(lengths, published["sparc_per_axis_of_velocity"], rtol=1e-9)
    # A root that stays, and a body whose pose is the published path.
    motion, demonstration = (
        motion_metrics.Motion(np.stack([0 * path, path], axis=1), seconds)
        for path in (published["trajectory"], published["demonstration"])
    )
    error = motion_metrics.dtw_pose_error(motion, [demonstration])
    assert error == pytest.approx(float(published["dtw"]) / 2, rel=1e-9)
    moving = motion_metrics.Motion(published["trajectory"][:, np.newaxis], seconds)
    found = motion_metrics.measure(moving, [moving])
    np.testing.assert_allclose(
        dataclasses.astuple(found), [0, *published["mean_norms"], np.mean(lengths)], rtol=1e-9
    )


def test_a_circle_has_the_speed_of_its_radius():
    angles = np.linspace(0, 6 * np.pi, 3000)
    circle = 2 * np.stack([np.cos(angles), np.sin(angles)], -1)[:, np.newaxis]
    motion = motion_metrics.Motion(circle, angles[1])
    found = motion_metrics.measure(motion, [motion])
    sizes = (found.root_body_velocity, found.root_body_acceleration, found.root_body_jerk)
    np.testing.assert_allclose(sizes, [2, 2, 2], rtol=1e-3)


def test_smooth_motion_has_the_shorter_arc():
    time = np.arange(0, 2, 0.02)
    bell = np.exp(-((time - 1) ** 2) / 0.08)
    shaky = bell + 0.3 * np.sin(2 * np.pi * 6 * time)
    smooth, rough = (motion_metrics.spectral_arc_length(each, 0.02) for each in (bell, shaky))
    assert rough < smooth < 0
    assert motion_metrics.spectral_arc_length(np.zeros(20), 0.02) == 0


def test_poses_do_not_depend_on_where_the_root_is_nor_on_pace():
    bodies = np.random.default_rng(0).normal(size=(12, 3, 2))
    shifted = np.repeat(bodies + np.linspace(0, 5, 12)[:, None, None], 2, axis=0)
    motions = [motion_metrics.Motion(each, 0.1, root=1) for each in (bodies, shifted)]
    assert motion_metrics.dtw_pose_error(*motions[:1], motions[1:]) == pytest.approx(0, abs=1e-9)


def test_paths_are_compared_at_their_points_nine_apart():
    line = np.stack([np.linspace(0, 90, 400), np.zeros(400)], -1)
    beside = line + np.array([0, 2])
    eleven_pairs = np.sqrt(11 * 4)
    assert motion_metrics.path_dtw(line, [beside, line]) == pytest.approx(eleven_pairs / 2)
    # Rests and pace don't matter.
    rested = np.repeat(beside[::7], 3, axis=0)
    assert motion_metrics.path_dtw(line, [rested]) == pytest.approx(eleven_pairs)


def test_means_are_of_each_number():
    two = [motion_metrics.MotionMeasures(*(np.arange(5) + offset)) for offset in (0.0, 2.0)]
    assert dataclasses.astuple(motion_metrics.mean_of(two)) == (1, 2, 3, 4, 5)


def test_what_cannot_be_measured_is_named():
    good = motion_metrics.Motion(np.zeros((4, 2, 3)), 0.1)
    with pytest.raises(ValueError, match=r"finite positions \[T, B, D\] of bodies, got \[4, 2\]"):
        motion_metrics.Motion(np.zeros((4, 2)), 0.1)
    with pytest.raises(ValueError, match="finite positions"):
        motion_metrics.Motion(np.full((4, 2, 3), np.nan), 0.1)
    with pytest.raises(ValueError, match=r"a root from 0 to 1, got 0\.1 and 2"):
        motion_metrics.Motion(np.zeros((4, 2, 3)), 0.1, root=2)
    with pytest.raises(ValueError, match="there are none"):
        motion_metrics.dtw_pose_error(good, [])
    with pytest.raises(ValueError, match="of one size D"):
        motion_metrics.dtw_pose_error(good, [motion_metrics.Motion(np.zeros((4, 3, 3)), 0.1)])
    with pytest.raises(ValueError, match="there are none"):
        motion_metrics.path_dtw(np.zeros((3, 2)), [])
    with pytest.raises(ValueError, match="no motion was measured"):
        motion_metrics.mean_of([])
