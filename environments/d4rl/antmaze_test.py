import glob
import os
import tempfile

import numpy as np
import pytest

from ibc.environments.d4rl import antmaze
from tests import d4rl_testing

pytest.importorskip("gymnasium_robotics")


@pytest.fixture(scope="module", params=["medium", "large"])
def env(request):
    return d4rl_testing.make(f"antmaze-{request.param}-play-v0").unwrapped


def _move(env, x, y):
    """Puts the ant to a place, metres from the start cell's centre."""
    positions = env.data.qpos.copy()
    positions[:2] = env._origin + np.array([x, y])
    env.simulator.ant_env.set_state(positions, np.zeros(14))


def test_goal_is_where_d4rl_has_it(env):
    # Columns and rows from the start cell, of 4 metres.
    columns, rows = (8, 6) if len(env.simulator.maze.maze_map) == 9 else (5, 5)
    np.testing.assert_array_equal(env.goal, (4 * columns, 4 * rows))


def test_walls_are_those_of_the_maintained_maze(env):
    from gymnasium_robotics.envs.maze import maps

    walls = np.array(env.simulator.maze.maze_map, dtype=object) == 1
    expected = maps.LARGE_MAZE if len(walls) == 9 else maps.MEDIUM_MAZE
    # Theirs has its first row where y is largest, D4RL where it is smallest.
    np.testing.assert_array_equal(walls[::-1], np.array(expected) == 1)


def test_walls_stand_where_d4rl_has_them(env):
    # Above the start cell is free space, to the left and below are walls.
    centres = {
        tuple(np.round(env.model.geom(i).pos[:2] - env._origin).astype(int))
        for i in range(env.model.ngeom)
        if env.model.geom(i).name.startswith("block_")
    }
    assert {(-4, 0), (0, -4), (-4, -4)} <= centres
    assert not {(0, 0), (4, 0), (0, 4), tuple(env.goal.astype(int))} & centres


def test_observation_is_the_state_from_the_start_cell(env):
    observation, _ = env.reset(seed=0)
    expected = np.concatenate([env.data.qpos, env.data.qvel])
    expected[:2] -= env._origin
    np.testing.assert_allclose(observation, expected, rtol=1e-6)


def test_start_has_d4rls_noise(env):
    observations = np.array([env.reset(seed=seed)[0] for seed in range(50)])
    start = np.zeros(29)
    start[2:15] = env.simulator.ant_env.init_qpos[2:]
    noise = observations - start
    assert np.abs(noise[:, :15]).max() <= 0.1 + 1e-6
    assert (noise[:, :15].std(axis=0) > 0.04).all()
    np.testing.assert_allclose(noise[:, 15:].std(axis=0), 0.1, atol=0.035)


@pytest.mark.parametrize(("distance", "is_there"), [(0.45, True), (0.55, False)])
def test_reward_and_end_within_half_a_metre(env, distance, is_there):
    env.reset(seed=0)
    _move(env, env.goal[0] - distance, env.goal[1])
    _, reward, terminated, truncated, info = env.step(np.zeros(8))
    assert (reward, terminated, info["goal_achieved"]) == (float(is_there), is_there, is_there)
    assert env.succeeded is is_there and not truncated


def test_no_model_is_left_in_the_folder_for_temporary_files():
    pattern = os.path.join(tempfile.gettempdir(), "ant_maze*.xml")
    before = glob.glob(pattern)
    antmaze.AntMazeEnv("medium")
    assert glob.glob(pattern) == before


def test_unknown_size_is_refused():
    with pytest.raises(ValueError, match="must be one of medium, large, got 'huge'"):
        antmaze.AntMazeEnv("huge")
