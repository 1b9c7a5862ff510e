"""The maze's environments against the published recordings, and against each other."""

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils import env_checker
from tf_agents.environments import utils

from ibc.environments import suite
from ibc.environments.maze import layout, maze, maze_vector, mazes
from ibc.environments.maze import task as maze_tasks

_ENDED = ("const_-1_1_seed0", "const_1_1_seed0", "corridor_seed3", "held_actions_seed2")


@pytest.mark.parametrize("run", [*_ENDED, "random_seed0", "random_seed1"])
def test_recorded_episodes_are_repeated(golden, run):
    recorded = {
        name: np.load(golden("near/env_maze.npz"))[f"{run}/{name}"]
        for name in ("obs", "actions", "rewards", "dones")
    }
    env = maze.MazeEnv(time_limit_terminates=True)
    env.reset(seed=int(run[-1]))
    np.testing.assert_array_equal(env.compute_state(), recorded["obs"][0])
    for step, action in enumerate(recorded["actions"]):
        _, reward, terminated, truncated, _ = env.step(action)
        assert (reward, terminated) == (recorded["rewards"][step], recorded["dones"][step])
        assert not truncated
    np.testing.assert_allclose(env.position, recorded["obs"][-1], rtol=0, atol=1e-9)
    assert env.corridor == (run == "corridor_seed3")
    assert env.succeeded == (recorded["rewards"][-1] == 1000)


@pytest.mark.parametrize(
    ("switch", "expected"), [(False, (False, True)), (True, (True, False))], ids=["ours", "theirs"]
)
def test_time_limit_interrupts_or_ends(switch, expected):
    env = maze.MazeEnv(time_limit_terminates=switch)
    env.reset(seed=0)
    # Round and round, so that nothing is stuck.
    ends = []
    for step in range(mazes.MAX_STEPS):
        turn = 2 * np.pi * step / 130
        _, reward, *end, _ = env.step(0.6 + 0.3 * np.array([np.cos(turn), -1.0 - np.sin(turn)]))
        ends.append(tuple(end))
        assert reward == 0
    assert set(ends[:-1]) == {(False, False)} and ends[-1] == expected


def test_stuck_discs_end_after_their_patience():
    env = maze.MazeEnv()
    env.reset(options={"position": [300.0, 250.0]})
    at_rest = env.position / 256 - 1
    for step in range(1, 252):
        _, reward, terminated, *_ = env.step(at_rest)
        assert terminated == (step == 251) and reward == (-500 if terminated else 0)


@pytest.mark.parametrize("env_id", ["Maze-v0", "MazeGoal-v0"])
def test_rows_of_many_are_single_environments(env_id):
    """Rows play what single environments of their seeds do, next episodes included."""
    maze_tasks.register()
    many = gymnasium.make_vec(env_id, num_envs=3, tell_dtw=True)
    ones = [gymnasium.make(env_id).unwrapped for _ in range(3)]
    seen, _ = many.reset(seed=5)
    np.testing.assert_array_equal(seen, [env.reset(seed=5 + n)[0] for n, env in enumerate(ones)])
    actions, ended = np.array([[1.0, 1.0], [-0.7, 1.0], [0.4, -0.2]]), np.zeros(3, int)
    for _ in range(170):
        seen, rewards, terminated, truncated, infos = many.step(actions)
        for row, env in enumerate(ones):
            own, reward, *ends, _ = env.step(actions[row])
            np.testing.assert_array_equal(infos["final_obs"][row], own)
            assert (rewards[row], terminated[row], truncated[row]) == (reward, *ends)
            assert infos["succeeded"][row] == env.succeeded
            if any(ends):
                ended[row] += 1
                np.testing.assert_array_equal(infos["paths"][row], env.episode.path)
                assert infos["corridor"][row] == env.corridor
                assert infos["dtw_to_demos"][row] == env.dtw_to_demos
                own, _ = env.reset()
            np.testing.assert_array_equal(seen[row], own)
        np.testing.assert_array_equal(infos["_final_obs"], terminated | truncated)
    assert ended.any()


def test_many_are_truncated_at_their_limit_and_start_anew():
    env = maze_vector.MazeVectorEnv(num_envs=2, max_episode_steps=5)
    env.reset(seed=0)
    for step in range(1, 11):
        seen, _, terminated, truncated, infos = env.step(np.zeros((2, 2)))
        assert not terminated.any() and truncated.all() == (step % 5 == 0)
        assert (infos["episode_length"] == (step - 1) % 5 + 1).all()
        assert (np.abs(seen - infos["final_obs"]).max() > 1) == truncated.all()
    published = maze_vector.MazeVectorEnv(max_episode_steps=1, time_limit_terminates=True)
    _, _, terminated, truncated, _ = published.step(np.zeros((1, 2)))
    assert terminated.all() and not truncated.any()


def test_states_are_gone_back_to_with_what_is_drawn_after_them():
    env = maze_vector.MazeVectorEnv(num_envs=4, max_episode_steps=7, goal="random")
    env.reset(seed=1)
    actions = np.random.default_rng(0).uniform(-1, 1, (20, 4, 2))
    for action in actions[:5]:
        env.step(action)
    state = env.get_state()
    first = [env.step(action)[0] for action in actions]
    for replayed in (env, maze_vector.MazeVectorEnv(4, goal="random", max_episode_steps=7)):
        replayed.set_state(state)
        again = [replayed.step(action)[0] for action in actions]
        np.testing.assert_array_equal(first, again)


def test_copies_of_a_state_can_be_tried_beside_each_other():
    env = maze.MazeEnv()
    env.reset(seed=0)
    for _ in range(30):
        env.step(np.array([1.0, 0.2]))
    state = env.get_state()
    tried = mazes.Mazes(3)
    tried.state = state.take([0, 0, 0])
    actions = np.array([[1.0, 1.0], [0.0, 0.0], [-1.0, 1.0]])
    tried.step(actions)
    assert env.get_state().steps == 30
    for action, position in zip(actions, tried.positions, strict=True):
        env.set_state(state)
        env.step(action)
        np.testing.assert_array_equal(env.position, position)


def test_goals_at_random_lie_in_the_corridor_and_are_seen_by_their_way():
    rng = np.random.default_rng(0)
    goals = np.stack([mazes.draw_goal(rng) for _ in range(2000)])
    x, y = goals.T
    first = (x >= 55) & (x <= 85) & (y >= 155) & (y <= 445)
    second = (x >= 85) & (x <= 335) & (y >= 415) & (y <= 445)
    assert (first | second).all()
    assert first.mean() == pytest.approx(290 / 540, abs=0.04)
    env = maze.MazeEnv(goal="random", distance_reward=2.0)
    seen, _ = env.reset(seed=3)
    np.testing.assert_allclose(seen[:2] + seen[2:], env.goal, atol=1e-4)
    _, reward, *_ = env.step(np.zeros(2))
    distance = np.linalg.norm(env.position - env.goal)
    assert reward == pytest.approx(-2 * distance / np.linalg.norm(layout.GOAL))
    np.testing.assert_allclose(env.restore(seen), seen, atol=1e-4)


def test_goals_given_are_reached_within_their_radius():
    env = maze.MazeEnv(goal="random")
    env.reset(options={"position": [70, 200], "goal": [70, 240]})
    _, reward, terminated, *_ = env.step(np.array([70, 512]) / 256 - 1)
    assert (reward, terminated) == (0, False)
    for _ in range(5):
        _, reward, terminated, *_ = env.step(np.array([70, 512]) / 256 - 1)
        if terminated:
            break
    assert terminated and reward == 1000 and env.succeeded and not env.corridor


@pytest.mark.parametrize("env_id", ["Maze-v0", "MazeGoal-v0"])
def test_gymnasium_and_tf_agents_accept_the_environment(env_id):
    maze_tasks.register()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env_checker.check_env(gymnasium.make(env_id, render_mode="rgb_array").unwrapped)
    loaded = suite.load({"Maze-v0": "MAZE", "MazeGoal-v0": "MAZE_GOAL"}[env_id])
    utils.validate_py_environment(loaded, episodes=1)


def test_what_is_out_of_range_is_named():
    for make in (maze.MazeEnv, maze_vector.MazeVectorEnv):
        with pytest.raises(ValueError, match=r"goal must be one of fixed, random, got 'far'"):
            make(goal="far")
        with pytest.raises(ValueError, match="distance_reward must not be a negative number"):
            make(distance_reward=-1.0)
        with pytest.raises(ValueError, match="render_mode must be None or 'rgb_array'"):
            make(render_mode="human")
    env = maze.MazeEnv()
    for action in (np.zeros(3), [np.nan, 0.0]):
        with pytest.raises(ValueError, match=r"needs finite actions of shape \[2\]"):
            env.step(action)
    with pytest.raises(ValueError, match="position must be two numbers from 0 to 512"):
        env.reset(options={"position": [-1, 3]})
    with pytest.raises(ValueError, match="restored from observations of 2 numbers"):
        env.restore(np.zeros(4))
    with pytest.raises(ValueError, match="needs 2 seeds, got 3"):
        maze_vector.MazeVectorEnv(num_envs=2).reset(seed=[1, 2, 3])
