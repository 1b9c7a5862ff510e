import gymnasium
import numpy as np
import pytest

from ibc.environments.dm_control import reacher, task

pytest.importorskip("dm_control", reason="the control suite's tasks need dm-control")
task.register()


def _make(kind: str) -> reacher.ReacherEnv:
    return gymnasium.make(f"Reacher{kind}-v0", disable_env_checker=True).unwrapped


def test_recorded_discs(golden):
    recorded = np.load(golden("video_imitation/distractors.npz"))
    positions, colours = reacher.discs_of(recorded["uniforms"])
    np.testing.assert_array_equal(positions, recorded["positions"])
    np.testing.assert_array_equal(colours, recorded["colors"])


def test_discs_come_and_go_and_follow_from_the_seed():
    env = _make("Hard")
    colours = []
    for seed in (1, 2, 1):
        env.reset(seed=seed)
        colours.append(env.physics.named.model.geom_rgba[["c1", "c2", "c3", "c4", "c5"]])
    np.testing.assert_array_equal(colours[0], colours[2])
    assert (colours[0] != colours[1]).any()
    seen = []
    for _ in range(40):
        env.reset()
        seen.append(env.physics.named.model.geom_rgba["c3", 3])
    assert 8 < sum(seen) < 32


@pytest.mark.parametrize("kind", ["Hard", "Hard2"])
def test_what_lies_on_the_floor_changes_no_episode(kind):
    plain, decorated = reacher.ReacherEnv("hard"), _make(kind)
    for seed in (3, None, None):
        starts = [env.reset(seed=seed)[0] for env in (plain, decorated)]
        np.testing.assert_equal(*starts)
        for _ in range(20):
            action = np.random.RandomState(0).uniform(-1, 1, 2)
            steps = [env.step(action) for env in (plain, decorated)]
            np.testing.assert_equal(steps[0][:2], steps[1][:2])


def test_floor_and_discs_are_seen():
    pictures = {}
    for kind in ("Easy", "Hard", "Hard2"):
        env = _make(kind)
        try:
            pictures[kind] = []
            for seed in range(4):
                env.reset(seed=seed)
                pictures[kind].append(env.picture(32, 32))
        except OSError as error:
            pytest.skip(str(error))
        finally:
            env.close()
    white = {kind: (np.array(found) > 250).all(-1).mean() for kind, found in pictures.items()}
    assert white["Easy"] < 0.05 < 0.5 < white["Hard"] < white["Hard2"] - 0.05


def test_tip_is_where_the_observation_says():
    env = _make("Easy")
    observation, _ = env.reset(seed=0)
    np.testing.assert_allclose(np.linalg.norm(observation["to_target"]), env.goal_distance, 1e-6)
    shoulder, elbow = env.angles
    tip = 0.12 * np.array(
        [np.cos(shoulder) + np.cos(shoulder + elbow), np.sin(shoulder) + np.sin(shoulder + elbow)]
    )
    np.testing.assert_allclose(env.target - tip, observation["to_target"], atol=1e-7)
