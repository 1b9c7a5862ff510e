import gin
import numpy as np
import pytest

from ibc.environments.block_pushing import block_pushing
from ibc.environments.block_pushing.simulation import bullet
from tests import environment_testing

_Task = block_pushing.BlockTaskVariant


@pytest.fixture(scope="module")
def environment():
    """Returns a function from a task to its environment, made once."""
    with environment_testing.made_once(lambda task: block_pushing.BlockPush(task=task)) as get:
        yield get


@pytest.fixture(scope="module")
def push(environment):
    """Returns a PUSH environment."""
    return environment(_Task.PUSH)


def test_seeds_replace_the_random_state(push):
    first, _ = push.reset(seed=3)
    second, _ = push.reset()
    again, _ = push.reset(seed=3)
    draws = np.random.RandomState(3)
    for observation in (first, second):
        draws.uniform(size=3)
        x, y = draws.uniform((0.3, 0.05), (0.5, 0.35))
        draws.uniform()
        np.testing.assert_allclose(observation["target_translation"], (x, y), rtol=1e-6)
    np.testing.assert_array_equal(again["block_translation"], first["block_translation"])


def test_constructor_seed_seeds_the_first_reset(push, opened):
    env = opened(block_pushing.BlockPush(seed=3))
    observation, _ = env.reset()
    expected, _ = push.reset(seed=3)
    np.testing.assert_array_equal(observation["target_translation"], expected["target_translation"])


@pytest.mark.parametrize("task", [_Task.PUSH, _Task.REACH, _Task.INSERT])
def test_reward_is_the_best_fraction_so_far(task, environment):
    env = environment(task)
    env.reset(seed=0)
    mover = "effector" if task is _Task.REACH else "block"
    goal = env.get_goal_translation()[:2]

    def distance() -> float:
        return np.linalg.norm(env.compute_state()[f"{mover}_translation"] - goal)

    initial, smallest, rewards = distance(), np.inf, []
    # Through the block, then away from it and from the goal.
    moves = [(0.012, 0.03)] * 14 + [(-0.03, -0.03)] * 3
    for move in moves:
        _, reward, terminated, _, _ = env.step(np.array(move))
        smallest = min(smallest, distance())
        assert reward == pytest.approx(max(0.0, 1 - smallest / initial), abs=1e-12)
        assert env.goal_distance == pytest.approx(distance(), abs=1e-15)
        assert not terminated
        assert not env.succeeded
        rewards.append(reward)
    assert rewards[0] >= 0.0
    assert rewards[-1] == max(rewards) > 0.05
    assert distance() > smallest


def test_reaching_the_goal_ends_the_episode_with_reward_1(push):
    push.reset(seed=0)
    x, y, _ = push.get_goal_translation()
    push.scene.place(push.scene.blocks[0], bullet.from_yaw((x + 0.015, y, 0.02), 0.0))
    _, reward, terminated, truncated, _ = push.step(np.zeros(2))
    assert 0.5 < reward < 1.0
    assert not terminated
    assert not push.succeeded
    push.set_goal_dist_tolerance(0.02)
    assert push.succeeded
    _, reward, terminated, truncated, _ = push.step(np.zeros(2))
    assert (reward, terminated, truncated) == (1.0, True, False)
    push.set_goal_dist_tolerance(0.01)


def test_reach_target_is_behind_the_block(environment):
    env = environment(_Task.REACH)
    for seed in range(3):
        env.reset(seed=seed)
        state = env.compute_state()
        block, target = state["block_translation"], state["target_translation"]
        behind = env.reach_target_translation
        assert np.linalg.norm(behind - block) == pytest.approx(0.05)
        # On the line through both, on the far side of the block.
        assert np.linalg.norm(behind - target) == pytest.approx(
            np.linalg.norm(block - target) + 0.05
        )
        np.testing.assert_array_equal(env.get_goal_translation(), (*behind, 0.0))


def test_goal_of_push_is_the_target(push):
    push.reset(seed=0)
    goal = push.get_goal_translation()
    np.testing.assert_array_equal(goal[:2], push.compute_state()["target_translation"])
    assert goal[2] == 0.02
    assert push.reach_target_translation is None


def test_commands_add_up_and_stop_at_the_workspace(push):
    push.reset(seed=0)
    np.testing.assert_array_equal(push.compute_state()["effector_target_translation"], (0.3, -0.4))
    push.step(np.array([0.02, -0.01], np.float32))
    np.testing.assert_allclose(
        push.compute_state()["effector_target_translation"], (0.32, -0.41), atol=1e-8
    )
    push.step(np.array([0.0, -0.1]))
    push.step(np.array([-0.5, 0.0]))
    state = push.compute_state()
    np.testing.assert_array_equal(state["effector_target_translation"], (0.15, -0.5))
    assert push.scene.commanded_effector.translation[2] == 0.06


def test_absolute_actions_are_positions(opened):
    env = opened(block_pushing.BlockPush(abs_action=True, effector_height=0.08))
    env.reset(seed=0)
    observation, *_ = env.step(np.array([0.35, -0.3]))
    np.testing.assert_allclose(observation["effector_target_translation"], (0.35, -0.3))
    assert env.scene.commanded_effector.translation == (0.35, -0.3, 0.08)
    np.testing.assert_allclose(env.action_space.low, (0.15, -0.5))
    np.testing.assert_allclose(env.action_space.high, (0.7, 0.5))


def test_control_frequency_sets_the_steps_per_action(opened):
    env = opened(block_pushing.BlockPush(control_frequency=20.0))
    env.reset(seed=0)
    env.step(np.zeros(2))
    assert env.scene.moves[-1][1] == 12
    assert env.metadata["render_fps"] == env.control_frequency == 20.0


def test_observation_bounds(push):
    space = push.observation_space
    np.testing.assert_allclose(space["effector_translation"].low, (0.05, -0.6))
    np.testing.assert_allclose(space["effector_target_translation"].high, (0.8, 0.6))
    np.testing.assert_allclose(space["block_translation"].high, (5.0, 5.0))
    np.testing.assert_allclose(space["target_orientation"].low, (-2 * np.pi,))
    np.testing.assert_allclose(push.action_space.high, (0.1, 0.1))


def test_parameters_are_bound_by_gin(opened):
    gin.parse_config(["BlockPush.goal_dist_tolerance = 0.5", "BlockPush.control_frequency = 12"])
    env = opened(block_pushing.BlockPush())
    assert (env.goal_dist_tolerance, env.control_frequency) == (0.5, 12)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("control_frequency", 0),
        ("control_frequency", 7.0),
        ("goal_dist_tolerance", -0.01),
        ("effector_height", float("nan")),
        ("visuals_mode", "pretty"),
        ("render_mode", "human"),
        ("image_height", (0, 10)),
        ("image_size", 240),
        ("task", _Task.PUSH_NORMALIZED),
        ("task", "push"),
    ],
)
def test_bad_parameter_is_named(name, value):
    argument = name.replace("height", "size") if name.startswith("image") else name
    with pytest.raises(ValueError, match=rf"BlockPush\.{name} must .* got "):
        block_pushing.BlockPush(**{argument: value})


def test_bad_tolerance_is_refused(push):
    with pytest.raises(ValueError, match=r"BlockPush\.goal_dist_tolerance must be a positive"):
        push.set_goal_dist_tolerance(0.0)
