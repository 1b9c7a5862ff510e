import gymnasium
import numpy as np
import pytest

from ibc.environments import bodies


def _body(env_id):
    env = gymnasium.make(env_id)
    return env, bodies.Body(env, env_id)


def test_joints_of_the_half_cheetah_are_those_that_it_observes():
    env, body = _body("HalfCheetah-v4")
    assert (body.state_size, body.root) == (17, {"rootx", "rootz", "rooty"})
    # How far it has got is not observed, its velocity is.
    assert body.joints["rootx"] == (8,) and body.joints["bthigh"] == (2, 11)
    front, back = body.features(["f*"]), body.features(["bthigh", "bshin", "bfoot"])
    assert sorted({*front} & {*back}) == [0, 1, 8, 9, 10]
    assert sorted({*front} | {*back}) == list(range(17))
    data = env.unwrapped.data
    env.reset(seed=1)
    seen = env.step(np.full(6, 0.3, np.float32))[0]
    assert seen[body.joints["fshin"][0]] == data.joint("fshin").qpos[0]
    assert seen[body.joints["fshin"][1]] == data.joint("fshin").qvel[0]


@pytest.mark.parametrize("env_id", ["Hopper-v5", "Humanoid-v5", "HalfCheetah-v4"])
def test_a_body_is_placed_where_it_was_observed(env_id):
    env, body = _body(env_id)
    env.reset(seed=3)
    env.step(env.action_space.sample())
    seen = env.unwrapped._get_obs()
    data = env.unwrapped.data
    before = data.qpos.copy(), data.qvel.copy()
    env.reset(seed=4)
    body.place(seen)
    np.testing.assert_allclose(env.unwrapped._get_obs()[: body.state_size], seen[: body.state_size])
    unseen = len(data.qpos) + len(data.qvel) - body.state_size
    np.testing.assert_allclose(data.qpos[unseen:], before[0][unseen:])
    np.testing.assert_allclose(data.qvel, before[1])


def test_parts_are_where_the_simulation_has_them():
    env, body = _body("HalfCheetah-v4")
    seen = [env.reset(seed=5)[0]]
    data = env.unwrapped.data
    ways = [0.0]
    for _ in range(20):
        seen.append(env.step(np.sin(np.arange(6)).astype(np.float32))[0])
        ways.append(float(data.qpos[0]))
    _, other = _body("HalfCheetah-v4")
    found = other.positions(np.stack(seen))
    assert found.shape == (21, 7, 2)
    body.place(seen[-1])
    expected = data.xpos[1:, [0, 2]] - data.xpos[1, [0, 2]]
    np.testing.assert_allclose(found[-1] - found[-1, 0], expected, atol=1e-6)
    # The way is the sum of velocities, of which the simulation makes five steps in each.
    assert found[-1, 0, 0] == pytest.approx(ways[-1] - ways[0], abs=0.1)
    held = other.positions(np.stack(seen[::2]), repeat=2)
    assert held[-1, 0, 0] == pytest.approx(2 * other.seconds * np.sum(seen[:-1:2], axis=0)[8])


def test_a_body_in_space_has_three_coordinates():
    env, body = _body("Ant-v5")
    seen = np.stack([env.reset(seed=0)[0], env.step(np.zeros(8, np.float32))[0]])
    assert body.positions(seen).shape == (2, 13, 3)


def test_what_is_no_body_and_no_joint_is_refused():
    for env_id in ("Pendulum-v1", "Reacher-v4"):
        with pytest.raises(ValueError, match=f"task {env_id} is no body of MuJoCo that observes"):
            _body(env_id)
    with pytest.raises(ValueError, match="there is no joint 'arm': give some of rootx, rootz"):
        _body("Hopper-v4")[1].features(["arm"])
