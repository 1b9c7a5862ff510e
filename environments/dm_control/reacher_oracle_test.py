import gin
import numpy as np
import pytest

from ibc.environments import suite, tasks
from ibc.environments.dm_control import reacher_oracle

pytest.importorskip("dm_control", reason="the control suite's tasks need dm-control")


def _tip(angles) -> np.ndarray:
    shoulder, elbow = angles
    return 0.12 * np.array(
        [np.cos(shoulder) + np.cos(shoulder + elbow), np.sin(shoulder) + np.sin(shoulder + elbow)]
    )


def test_angles_bring_the_tip_to_the_target_by_the_nearer_way():
    rng = np.random.RandomState(0)
    for _ in range(200):
        direction, reach = rng.uniform(-np.pi, np.pi), rng.uniform(0.05, 0.2)
        target = reach * np.array([np.cos(direction), np.sin(direction)])
        angles = rng.uniform([-7, np.deg2rad(-160)], [7, np.deg2rad(160)])
        goal = reacher_oracle.nearest_angles(target, angles)
        np.testing.assert_allclose(_tip(goal), target, atol=1e-12)
        assert abs(goal[1]) <= np.deg2rad(160) and abs(goal[0] - angles[0]) <= np.pi
        # The other elbow, the shoulder turned by as much to either side of the direction.
        toward = np.arctan2(target[1], target[0]) + goal[1] / 2
        other = np.array([toward, -goal[1]])
        np.testing.assert_allclose(_tip(other), target, atol=1e-12)
        other[0] += 2 * np.pi * np.round((angles[0] - other[0]) / (2 * np.pi))
        assert np.linalg.norm(goal - angles) <= np.linalg.norm(other - angles) + 1e-12


@pytest.mark.parametrize("name", ["REACHER_EASY", "REACHER_HARD"])
@pytest.mark.parametrize("action_repeat", [1, 2])
def test_oracle_is_on_target_at_the_end(name, action_repeat, report):
    episodes, steps = 100, 120 // action_repeat
    tasks.get_task(name).import_configurables()
    with gin.unlock_config():
        gin.bind_parameter("MujocoTaskEnv.action_repeat", action_repeat)
    try:
        env = suite.load(name, max_episode_steps=steps)
    finally:
        gin.clear_config()
    oracle = tasks.get_task(name).oracle_class("oracle")(env)
    reached, value = 0, 0.0
    for seed in range(episodes):
        env.seed(seed)
        step = env.reset()
        while not step.is_last():
            step = env.step(oracle.action(step).action)
            value += float(step.reward)
        reached += bool(suite.gymnasium_wrapper_of(env).get_info()["success"])
    report(
        f"{name} held for {action_repeat}: {reached} of {episodes}, {value / episodes:.1f} of 120"
    )
    assert reached >= 98
