"""What is shown of planning, against an energy whose least is known and an affine map by hand."""

import numpy as np
import pytest
import tensorflow as tf
from tf_agents.specs import tensor_spec

from ibc.agents import (
    autoregressive_agent,
    ibc_policy,
    mdn_agent,
    mse_agent,
    receding_horizon,
    sequence_coding,
)
from ibc.environments import suite
from ibc.eval import plan_pictures, plans
from ibc.networks import energy_network, mlp_ebm, mlp_explicit
from ibc.pictures import plane
from ibc.samplers import action_space

pytest.importorskip("gym_pusht")

P, K, ACTION_STEPS, STEPS = 3, 4, 2, 5
RNG = np.random.default_rng(0)
LEAST = np.float32([0.8, -1.4, 0.3, 0.5])
MEAN = RNG.normal(size=2 * P).astype(np.float32)
AXES = np.linalg.qr(RNG.normal(size=[2 * P, 2 * P]))[0][:, :K].astype(np.float32)
SPREAD = np.float32([30, 20, 10, 5])
BOUNDS = np.float32([2, 3, 2, 2])


class Bowl(energy_network.EnergyNetwork):
    """E = 3 |a − LEAST|², whatever is observed."""

    def encode(self, observation, training=False):
        return tf.zeros([tf.shape(tf.nest.flatten(observation)[0])[0], 1])

    def score(self, encoding, actions, training=False):
        return -3.0 * tf.reduce_sum(tf.square(actions - LEAST), axis=-1)


@pytest.fixture(scope="module")
def environment():
    loaded = suite.load("PUSHT", history_length=2, max_episode_steps=STEPS)
    yield loaded
    loaded.close()


@pytest.fixture(scope="module")
def episode(environment):
    """The plannings of an episode, where the disc was before each step, and what was executed."""
    positions, targets, step_on = [], [], environment.step

    def step(action):
        positions.append(suite.gym_env(environment).agent_pos)
        targets.append(action)
        return step_on(action)

    environment.step = step
    moments = list(plans.along_episode(environment, implicit(environment), seed=3))
    del environment.step
    assert len(targets) == STEPS
    return moments, positions, targets


def coding() -> sequence_coding.SequenceCoding:
    scales = {"agent_pos": (1 / 256, -1.0), "keypoints": (1 / 256, -1.0)}
    return sequence_coding.SequenceCoding(
        scales, MEAN, AXES, SPREAD, 2, reference="agent_pos", relative_actions=True
    )


def policy_of(environment, policy_class, make_network, **options):
    """Returns a policy over chunks of three targets, around the planner of a class."""
    of_environment = tf.nest.map_structure(tensor_spec.from_spec, environment.time_step_spec())
    space = action_space.ActionSpace(
        tf.TensorSpec([K], tf.float32), tf.constant(-BOUNDS), tf.constant(BOUNDS)
    )
    map_to = coding()
    features = {
        key: tf.TensorSpec(spec.shape, tf.float32)
        for key, spec in of_environment.observation.items()
    }
    network = make_network(features, tf.TensorSpec([K], tf.float32))
    network.create_variables()
    planner = policy_class(
        of_environment, space, network, clip=False, obs_norm_layer=map_to.features, **options
    )
    return receding_horizon.RecedingHorizonPolicy(
        of_environment,
        tensor_spec.from_spec(environment.action_spec()),
        planner,
        map_to,
        P,
        ACTION_STEPS,
    )


def implicit(environment):
    return policy_of(
        environment,
        ibc_policy.IbcPolicy,
        lambda *specs: Bowl(*specs, name="Bowl"),
        num_action_samples=200,
        use_dfo=True,
        use_langevin=False,
    )


def test_an_energy_is_least_in_the_picture_where_it_is(episode):
    moments, *_ = episode
    assert [moment.step for moment in moments] == [0, 2, 4]
    for moment in moments:
        first, second, energy = moment.plans.landscape
        np.testing.assert_allclose(first, np.linspace(-2, 2, plane.GRID), rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(second, np.linspace(-3, 3, plane.GRID), rtol=1e-6, atol=1e-6)
        rest = np.sum((moment.plans.chosen[2:] - LEAST[2:]) ** 2)
        squares = (first[np.newaxis] - LEAST[0]) ** 2 + (second[:, np.newaxis] - LEAST[1]) ** 2
        np.testing.assert_allclose(energy, 3 * (squares + rest), rtol=1e-4, atol=1e-4)
        row, column = np.unravel_index(np.argmin(energy), energy.shape)
        assert abs(second[row] - LEAST[1]) <= 3 / (plane.GRID - 1)
        assert abs(first[column] - LEAST[0]) <= 2 / (plane.GRID - 1)
        distances = np.sum((moment.plans.samples - LEAST) ** 2, axis=-1)
        assert np.argmin(distances) == np.argmin(
            np.sum((moment.plans.samples - moment.plans.chosen) ** 2, axis=-1)
        )


def test_lines_are_the_plans_that_are_executed(episode):
    """Chunk = position now + mean + axes · (spread · plan), in 680 pixels for 512."""
    moments, positions, targets = episode
    for moment in moments:
        now, found = positions[moment.step], moment.plans
        every_plan = np.vstack([found.samples, found.chosen])
        chunks = now + (MEAN + every_plan * SPREAD @ AXES.T).reshape(-1, P, 2)
        np.testing.assert_allclose(found.sample_chunks, chunks[:-1], rtol=1e-4)
        np.testing.assert_allclose(found.chosen_chunk, chunks[-1], rtol=1e-4)
        assert moment.lines.shape == (200, 1 + P, 2) and moment.picture.shape == (680, 680, 3)
        np.testing.assert_allclose(moment.lines[:, 1:], chunks[:-1] * 680 / 512, rtol=1e-4)
        np.testing.assert_allclose(moment.chosen_line[0], now * 680 / 512, rtol=1e-6)
        done = targets[moment.step : moment.step + ACTION_STEPS]
        np.testing.assert_array_equal(found.chosen_chunk[: len(done)], done)


@pytest.mark.parametrize(
    ("policy_class", "network", "options", "count"),
    [
        (mse_agent.MsePolicy, mlp_explicit.MLPMSE, {}, 1),
        (mdn_agent.MdnPolicy, mlp_explicit.MLPMDN, {}, 64),
        pytest.param(
            autoregressive_agent.AutoregressivePolicy,
            mlp_ebm.AutoregressiveEBM,
            {"num_action_samples": 32},
            32,
            marks=pytest.mark.slow,
        ),
    ],
)
def test_policies_without_an_energy_show_what_they_have(
    environment, policy_class, network, options, count
):
    policy = policy_of(environment, policy_class, lambda *specs: network(*specs), **options)
    moment = next(plans.along_episode(environment, policy, seed=0))
    assert moment.plans.landscape is None and len(moment.lines) == count
    spread = np.std(moment.plans.samples, axis=0)
    assert np.all(spread > 0) if count > 1 else np.all(spread == 0)
    figure = plan_pictures.draw(moment, ACTION_STEPS, "number")
    assert len(figure.axes) == 1


def test_pictures_of_an_episode_are_written(episode, environment, tmp_path, monkeypatch):
    monkeypatch.setattr(plans, "along_episode", lambda *_: episode[0])
    plan_pictures.write(implicit(environment), environment, 7, tmp_path / "pictures")
    names = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert names == [f"seed_7_plan_{step:03}.png" for step in (0, 2, 4)]
    picture = tf.io.decode_png((tmp_path / "pictures" / names[0]).read_bytes()).numpy()
    orange, blue = (np.all(np.abs(picture[..., :3] - np.array(color)) < 12, axis=-1)
                    for color in ((232, 83, 47), (74, 144, 211)))  # fmt: skip
    middle = picture.shape[1] // 2
    # The plan on both sides, the least energy on the left alone.
    assert orange[:, :middle].any() and orange[:500, middle:].any() and blue[:, :middle].any()
