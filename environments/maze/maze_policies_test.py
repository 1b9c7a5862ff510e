"""The maze's oracle, its shortcut, metrics and pictures."""

import itertools

import numpy as np
import PIL.Image
import pytest

from ibc.environments import suite
from ibc.environments.maze import demonstrator, layout, maze, maze_drawing, maze_paths, mazes
from ibc.environments.maze import task as maze_tasks
from tests import environment_testing


def _measured(task: str, policy: str, episodes: int) -> dict[str, float]:
    """Returns what the metrics of a task say after episodes of a policy."""
    env = suite.load(task)
    inner = suite.gym_env(env)
    found, _ = inner.get_metrics(episodes)
    described = {each.name: each for each in maze_tasks.TASKS}[task]
    acting = described.oracle_class(policy)(env, seed=0)
    for seed in range(episodes):
        env.seed(seed)
        step = env.reset()
        while not step.is_last():
            step = env.step(acting.action(step).action)
        for metric in found:
            metric(environment_testing.frame(2))
    return {metric.name: float(metric.result()) for metric in found}


def test_success_says_nothing_of_the_way():
    oracle, shortcut = (_measured("MAZE", name, 3) for name in ("oracle", "shortcut"))
    assert oracle["Goal"] == shortcut["Goal"] == 1
    assert (oracle["Corridor"], shortcut["Corridor"]) == (1, 0)
    assert oracle["DtwToDemos"] < 130 and shortcut["DtwToDemos"] > 1200
    assert oracle["AverageSuccessMetric"] == 1


def test_the_oracle_finds_goals_on_its_way():
    measured = _measured("MAZE_GOAL", "oracle", 4)
    assert measured["Goal"] == 1 and measured["DtwToDemos"] < 130


def test_scripted_demonstrations_are_as_long_as_recorded_ones():
    paths = demonstrator.paths(50, seed=3)
    lengths = [len(path) - 1 for path in paths]
    assert min(lengths) > 300 and np.median(lengths) < 470
    assert np.mean([mazes.went_through_corridor(path) for path in paths]) >= 0.98


def test_recorded_demonstrations_are_near_each_other(golden):
    file = golden("../data/maze_demos.npz")
    references = maze_paths.references(str(file))
    assert len(references) == 20
    with np.load(file) as recorded:
        episodes = np.split(recorded["state"], recorded["episode_ends"][:-1])
    others = [maze_paths.dtw_to(references, path) for path in episodes[5::60]]
    assert 80 < np.mean(others) < 130
    line = np.linspace((70, 70), (414, 413), 150)
    assert maze_paths.dtw_to(references, line) == pytest.approx(1320, rel=0.02)


def test_demonstrations_are_compared_up_to_the_goal():
    way = np.array([[0.0, 0.0], [0.0, 90.0], [0.0, 180.0], [90.0, 180.0]])
    dense = np.concatenate(
        [np.linspace(*ends, 10, endpoint=False) for ends in itertools.pairwise(way)]
    )
    short = way[:2]
    whole = maze_paths.dtw_to((dense,), short)
    assert maze_paths.dtw_to((dense,), short, np.array([0.0, 90.0])) == pytest.approx(0, abs=1e-9)
    assert whole > 100


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"state": np.zeros((3, 2))}, "expected an npz file with 'state'"),
        ({"state": np.zeros((3, 4)), "episode_ends": [3]}, r"got 'state' \[3, 4\]"),
        ({"state": np.zeros((3, 2)), "episode_ends": [2]}, "must rise from above 0 to the 3 rows"),
        ({"state": np.zeros((3, 2)), "episode_ends": [2, 2, 3]}, "must rise"),
    ],
)
def test_other_files_are_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "demos.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        maze_paths.references(tmp_path / "demos.npz")


def test_pictures_show_walls_goal_path_and_disc(tmp_path):
    env = maze.MazeEnv(render_mode="rgb_array")
    env.reset(options={"position": [300.0, 250.0]})
    for _ in range(20):
        env.step(np.array([1.0, 0.0]))
    shown = env.render()
    assert shown.shape == (512, 512, 3) and shown.dtype == np.uint8
    walls = np.any(maze_drawing.background() != 255, axis=-1)
    areas = np.prod(layout.BOXES[:, 2:] - layout.BOXES[:, :2], axis=1)
    # Two pairs of boxes overlap or touch in no pixel; the border is 4 wide.
    overlap = 20 * 20 * 0
    assert walls.sum() == pytest.approx(areas.sum() - overlap + 4 * 4 * 505, rel=0.01)
    x, y = env.position.round().astype(int)
    assert tuple(shown[y - 10, x]) == tuple(shown[y + 10, x]) != (255, 255, 255)
    changed = np.any(shown != maze_drawing.background(), axis=-1)
    assert changed[250, 320] and changed[435, 435] and not changed[100, 400]
    picture, lines = env.plan_scene(np.array([[[1.0, 0.0], [-1.0, -1.0]]]))
    np.testing.assert_allclose(lines, [[env.position, [512, 256], [0, 0]]])
    assert picture.shape == shown.shape
    env.save_episode_picture(tmp_path / "episode.png")
    env.save_episode_grid([env.episode] * 5, tmp_path / "grid.png")
    with PIL.Image.open(tmp_path / "grid.png") as grid:
        assert grid.size == (4 * 520 - 8, 2 * 520 - 8)
    with pytest.raises(ValueError, match="no episodes to draw"):
        maze_drawing.save([], tmp_path / "none.png")
    assert maze.MazeEnv().render() is None
