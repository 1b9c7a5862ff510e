"""Push-T against gym-pusht, the published recordings, and geometry."""

import sys
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils import env_checker
from tf_agents.environments import utils

from ibc.environments import suite
from ibc.environments.pusht import keypoints, pusht

pytest.importorskip("gym_pusht")

_RED = (255, 0, 0)


@pytest.fixture
def published(golden):
    """The published environment's recordings."""
    return np.load(golden("sequences/pusht.npz"))


def _rollout(env, actions):
    """Returns observations after each action and the rewards."""
    steps = [env.step(action) for action in actions]
    return [step[0] for step in steps], np.array([step[1] for step in steps])


def test_published_starts_are_the_numbers_of_resets(published):
    flat, state = (pusht.PushTEnv(observation=name) for name in ("flat", "state"))
    for number, seed in enumerate(published["seeds"]):
        assert seed == pusht.TEST_SEED + number
        for env, name in ((flat, "reset_observation"), (state, "reset_state")):
            env.reset(seed=number)
            expected = published[name][number].copy()
            expected[4] %= 2 * np.pi if name == "reset_state" else np.inf
            np.testing.assert_allclose(env.compute_state(), expected, rtol=0, atol=1e-9)


def test_published_rollouts_are_repeated(published):
    env = pusht.PushTEnv(observation="flat")
    for row, seed in enumerate(published["rollout_seeds"]):
        env.reset(seed=int(seed) - pusht.TEST_SEED)
        expected = published["rollout_observation"][row]
        np.testing.assert_allclose(env.compute_state(), expected[0], rtol=0, atol=1e-9)
        for step, action in enumerate(published["rollout_action"][row]):
            _, reward, terminated, *_ = env.step(action)
            np.testing.assert_allclose(env.compute_state(), expected[step + 1], rtol=0, atol=1e-9)
            assert reward == pytest.approx(published["rollout_reward"][row, step], abs=1e-9)
            assert terminated == published["rollout_done"][row, step]


@pytest.mark.parametrize("episode", [0, 1])
def test_recorded_demonstrations_are_repeated(published, golden, episode):
    demos = np.load(golden("../data/pusht_demos.npz"))
    steps = slice(*np.append(0, demos["episode_ends"])[episode : episode + 2])
    states, actions = demos["state"][steps], demos["action"][steps]
    env = pusht.PushTEnv()
    env.restore({"agent_pos": states[0, :2], "block_pose": states[0, 2:]})
    expected = published[f"demo{episode}_reward"]
    _, rewards = _rollout(env, actions[: len(expected)])
    np.testing.assert_allclose(rewards, expected, rtol=0, atol=1e-9)
    assert env.max_reward == rewards.max() and env.final_reward == rewards[-1]


def test_chunks_see_the_largest_reward_since_the_reset(published):
    """The published wrapper's facts: two frames, chunks of 8 executed step by step, 21 steps."""
    env = suite.load("PUSHT", history_length=2, max_episode_steps=21)
    env.seed(1)
    step, rewards = env.reset(), []
    for number, chunk in enumerate(published["chunk_action"]):
        windows = np.concatenate([step.observation[k] for k in ("keypoints", "agent_pos")], -1)
        expected = published["chunk_observation"][number]
        # Actions were float64 numbers, here they are float32.
        np.testing.assert_allclose(windows, expected, rtol=0, atol=1e-3)
        for action in chunk:
            if not step.is_last():
                step = env.step(np.float32(action))
                rewards.append(float(step.reward))
        assert env.max_reward == pytest.approx(published["chunk_reward"][number], abs=1e-5)
        assert bool(step.is_last()) == published["chunk_done"][number]
    np.testing.assert_allclose(rewards, published["chunk_rewards_of_steps"], rtol=0, atol=1e-5)


def test_the_state_is_gym_pushts():
    ours = pusht.PushTEnv(observation="state")
    theirs = gymnasium.make("gym_pusht/PushT-v0").unwrapped
    start = np.array([300.0, 200.0, 220.0, 300.0, 1.0])
    seen, _ = ours.reset(options={"reset_to_state": start})
    expected, _ = theirs.reset(options={"reset_to_state": start})
    np.testing.assert_array_equal(seen, np.float32(expected))
    for target in ([250.0, 300.0], [200.0, 320.0], [400.0, 100.0]):
        seen, *told = ours.step(np.array(target))
        expected, *results = theirs.step(np.array(target))
        np.testing.assert_array_equal(seen, np.float32(expected))
        assert told[:2] == results[:2]
        assert told[3]["coverage"] == results[3]["coverage"]


def test_observations_are_parts_of_each_other():
    envs = {name: pusht.PushTEnv(observation=name) for name in ("keypoints", "flat", "image")}
    for env in envs.values():
        env.reset(seed=3)
    rng = np.random.RandomState(0)
    for _ in range(5):
        action = rng.uniform(100, 400, 2)
        seen = {name: env.step(action)[0] for name, env in envs.items()}
        parts = seen["keypoints"]
        np.testing.assert_array_equal(
            seen["flat"], np.concatenate([parts["keypoints"], parts["agent_pos"]])
        )
        np.testing.assert_array_equal(seen["image"]["agent_pos"], parts["agent_pos"])
        pose = envs["flat"].block_pose
        expected = keypoints.keypoints_of(pose).ravel()
        np.testing.assert_array_equal(parts["keypoints"], expected.astype(np.float32))


def test_training_starts_are_counted_from_zero():
    env, drawn = pusht.PushTEnv(first_seed=0), np.random.RandomState(5)
    env.reset(seed=5)
    np.testing.assert_array_equal(env.agent_pos, drawn.randint(50, 450, 2))
    # What no seed is given for goes on with the same random numbers.
    drawn.randint(100, 400, 2), drawn.randn()
    env.reset()
    np.testing.assert_array_equal(env.agent_pos, drawn.randint(50, 450, 2))
    env.reset(seed=2**32 - 1)  # As seeds of recordings may be.


@pytest.mark.parametrize("key", ["block_pose", "keypoints"])
def test_recorded_states_are_restored(key):
    env = pusht.PushTEnv()
    rng = np.random.RandomState(1)
    for _ in range(20):
        pose = rng.uniform((200, 200, 0), (300, 300, 2 * np.pi))
        told = {"block_pose": pose, "keypoints": keypoints.keypoints_of(pose).ravel()}
        seen = env.restore({"agent_pos": np.array([30.0, 40.0]), key: told[key]})
        np.testing.assert_allclose(env.agent_pos, [30, 40], rtol=0, atol=1e-9)
        np.testing.assert_allclose(seen["keypoints"], told["keypoints"], rtol=0, atol=1e-4)
        np.testing.assert_allclose(env.compute_state()["keypoints"], told["keypoints"], atol=1e-9)


@pytest.mark.parametrize(
    ("observation", "found"),
    [({"agent_pos": np.zeros(2)}, "agent_pos"), ({}, "no keys"), (np.zeros(20), "no keys")],
)
def test_what_tells_too_little_is_not_restored(observation, found):
    with pytest.raises(ValueError, match=f"block_pose or keypoints, but this one has {found}"):
        pusht.PushTEnv().restore(observation)


def test_a_block_on_its_goal_ends_the_episode():
    env = pusht.PushTEnv()
    env.restore({"agent_pos": np.array([30.0, 40.0]), "block_pose": keypoints.GOAL_POSE})
    assert not env.succeeded and env.max_reward == 0
    _, reward, terminated, truncated, told = env.step(env.agent_pos)
    assert (reward, terminated, truncated) == (1.0, True, False)
    assert env.succeeded and told["coverage"] == pytest.approx(1.0)
    env.reset(seed=0)
    assert not env.succeeded and env.max_reward == env.final_reward == 0


def test_what_starts_score_by_themselves():
    env, best = pusht.PushTEnv(), []
    for number in range(50):
        env.reset(seed=number)
        for _ in range(3):
            env.step(env.agent_pos)
        best.append(env.max_reward)
    assert np.mean(best) == pytest.approx(0.0755, abs=5e-5)


def test_standing_still_is_counted_in_steps():
    env = pusht.PushTEnv()
    env.restore({"agent_pos": [100.0, 100.0], "block_pose": [400.0, 400.0, 0.0]})
    for target in ([100, 100], [100, 100], [100, 100], [300, 100]):
        env.step(np.float32(target))
    assert env.standing_still == 3 / 4
    env.reset(seed=0)
    assert env.standing_still == 0


def test_moved_sideways_the_block_covers_what_geometry_says():
    """A turned frame: shifting by s along the bar uncovers s·30 of it and s·90 of the stem."""
    env = pusht.PushTEnv()
    shift = 12.0
    along = np.array([np.cos(np.pi / 4), np.sin(np.pi / 4), 0.0])
    env.restore(
        {"agent_pos": np.array([30.0, 40.0]), "block_pose": keypoints.GOAL_POSE + shift * along}
    )
    _, reward, *_, told = env.step(env.agent_pos)
    assert told["coverage"] == pytest.approx(1 - shift * 120 / (120 * 30 + 30 * 90), abs=1e-6)
    assert reward == pytest.approx(told["coverage"] / 0.95)


def test_images_have_no_mark_of_the_action_but_pictures_have():
    env = pusht.PushTEnv(observation="image", render_mode="rgb_array")
    env.reset(seed=0)
    before = env.render()
    seen, *_ = env.step(np.array([400.0, 400.0]))
    after = env.render()
    assert seen["image"].shape == (96, 96, 3) and seen["image"].dtype == np.uint8
    assert after.shape == (680, 680, 3) and after.dtype == np.uint8
    marked = [(picture == _RED).all(-1) for picture in (before, seen["image"], after)]
    assert [found.any() for found in marked] == [False, False, True]
    rows, columns = np.nonzero(marked[2])
    scale = 680 / 512
    assert (rows.mean(), columns.mean()) == pytest.approx((400 * scale, 400 * scale), abs=2)
    env.reset(seed=0)
    np.testing.assert_array_equal(env.render(), before)


@pytest.mark.parametrize("env_id", ["PushT-v0", "PushTRgb-v0"])
def test_gymnasium_and_tf_agents_accept_the_environment(env_id):
    env = gymnasium.make(env_id, render_mode="rgb_array").unwrapped
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Actions are pixels.
        warnings.filterwarnings("ignore", ".*recommend using a symmetric and normalized space")
        env_checker.check_env(env)
    images = "Rgb" in env_id
    loaded = suite.load("PUSHT", use_image_obs=images, max_episode_steps=3)
    utils.validate_py_environment(loaded, episodes=1)
    assert gymnasium.spec(env_id).max_episode_steps == 300


@pytest.mark.parametrize("action", [np.zeros(3), np.zeros((1, 2)), [0.0, np.nan], [np.inf, 0.0]])
def test_unusable_actions_are_refused(action):
    env = pusht.PushTEnv()
    env.reset(seed=0)
    with pytest.raises(ValueError, match="needs actions of 2 finite numbers"):
        env.step(action)


@pytest.mark.parametrize("state", [np.zeros(4), [1.0, 2.0, 3.0, 4.0, np.nan]])
def test_unusable_starts_are_refused(state):
    with pytest.raises(ValueError, match="starts from a state of 5 finite numbers"):
        pusht.PushTEnv().reset(options={"reset_to_state": state})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"observation": "pixels"}, "observation must be one of keypoints, image, flat, state"),
        ({"render_mode": "human"}, "render_mode must be None or 'rgb_array', got 'human'"),
        ({"first_seed": -1}, "first_seed must be a whole number of at least 0, got -1"),
    ],
)
def test_unusable_parameters_are_refused(arguments, message):
    with pytest.raises(ValueError, match=f"PushTEnv.{message}"):
        pusht.PushTEnv(**arguments)


def test_a_missing_simulator_is_named_with_the_way_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "gym_pusht.envs", None)
    with pytest.raises(ImportError, match=r"Push-T needs gym-pusht .*'ibc-tf\[pusht\]'"):
        suite.load("PUSHT")


def test_plans_are_lines_from_the_disc_over_a_picture_without_the_cross():
    env = pusht.PushTEnv(render_mode="rgb_array")
    env.reset(seed=0)
    env.step(np.array([300.0, 200.0]))
    shown = env.render()
    picture, lines = env.plan_scene(np.array([[[0, 0], [512, 256]], [[128, 64], [64, 32]]]))
    assert np.any(np.all(shown == _RED, axis=-1)) and not np.any(np.all(picture == _RED, axis=-1))
    np.testing.assert_array_equal(env.render(), shown)
    assert picture.shape == (680, 680, 3)
    np.testing.assert_allclose(lines[:, 0], np.tile(env.agent_pos * 680 / 512, (2, 1)))
    np.testing.assert_allclose(lines[:, 1:], [[[0, 0], [680, 340]], [[170, 85], [85, 42.5]]])
    # The disc is blue where the lines begin.
    column, row = lines[0, 0].astype(int)
    red, green, blue = picture[row, column].astype(int)
    assert blue > red + 50 and blue > green + 50
