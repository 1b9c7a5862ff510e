"""The implicit policy: what it picks, its seeds, its units, and what it exports."""

import gin
import numpy as np
import pytest
import tensorflow as tf
from tf_agents.policies import greedy_policy as tf_greedy_policy
from tf_agents.specs import tensor_spec

from ibc.agents import greedy_policy
from ibc.samplers import sampler as sampler_lib
from tests import agent_testing

MINIMUM, MAXIMUM = agent_testing.SAMPLING_SPEC.minimum, agent_testing.SAMPLING_SPEC.maximum


def _policy(network=None, **options):
    return agent_testing.policy(network, **{"num_action_samples": 512, **options})


def _nearest(time_step):
    return np.clip(time_step.observation["goal"].numpy()[:, -1], MINIMUM, MAXIMUM)


@pytest.mark.parametrize(
    "options",
    [
        dict(use_langevin=False),
        dict(use_langevin=False, use_dfo=True),
        dict(use_langevin=True),
        dict(use_langevin=True, use_dfo=True, optimize_again=True),
    ],
)
@pytest.mark.parametrize(
    "greedy", [greedy_policy.SeededGreedyPolicy, tf_greedy_policy.GreedyPolicy]
)
def test_greedy_action_is_near_the_best(greedy, options):
    time_step = agent_testing.time_step(5)
    tf.random.set_seed(0)
    action = greedy(_policy(num_action_samples=2048, **options)).action(time_step).action
    assert action.dtype == tf.float32 and action.shape == (5, 2)
    np.testing.assert_allclose(action, _nearest(time_step), atol=0.15)


def test_a_sampler_of_ones_own_is_the_only_one():
    def downwards(score_fn, starts, space, key):
        return sampler_lib.Samples(tf.zeros_like(starts) + space.minimum)

    policy = _policy(sampler=downwards, use_dfo=True)
    action = greedy_policy.SeededGreedyPolicy(policy).action(agent_testing.time_step(3)).action
    np.testing.assert_allclose(action, np.broadcast_to(MINIMUM, [3, 2]))
    with pytest.raises(ValueError, match=r"IbcPolicy\.sampler must be a sampler"):
        _policy(sampler=3)


def test_greedy_takes_the_most_probable_sample():
    policy, time_step = _policy(use_langevin=False), agent_testing.time_step(4)
    seed = tf.constant([1, 2])
    distribution = policy.seeded_distribution(time_step, seed).action
    samples = distribution.mapped_values.numpy()
    errors = ((samples - time_step.observation["goal"].numpy()[:, -1:]) ** 2).sum(-1)
    best = samples[np.arange(4), errors.argmin(1)]
    action = greedy_policy.SeededGreedyPolicy(policy).action(time_step, seed=seed).action
    np.testing.assert_array_equal(action, best)
    np.testing.assert_array_equal(distribution.mode(), best)


def test_samples_follow_the_boltzmann_distribution():
    """Without refinement the samples are importance-weighted: the moments of exp(score)."""
    network = agent_testing.GoalNetwork(4.0)
    time_step = agent_testing.time_step(1)._replace(
        observation={"alpha": tf.zeros([1, 2, 3]), "goal": tf.fill([1, 2, 2], 0.2)}
    )
    policy = _policy(network, use_langevin=False, num_action_samples=40000)
    distribution = policy.distribution(time_step).action
    drawn = distribution.sample(40000, seed=3).numpy()[:, 0]
    assert drawn.shape == (40000, 2)
    grid = np.linspace(MINIMUM, MAXIMUM, 20001)
    density = np.exp(-4.0 * (grid - 0.2) ** 2)
    density /= density.sum(0)
    mean = (density * grid).sum(0)
    variance = (density * (grid - mean) ** 2).sum(0)
    np.testing.assert_allclose(drawn.mean(0), mean, atol=0.02)
    np.testing.assert_allclose(drawn.var(0), variance, rtol=0.05)


@pytest.mark.parametrize("greedy", [False, True])
def test_an_action_is_a_function_of_its_own_seed(greedy):
    policy = _policy(use_dfo=True, num_action_samples=64)
    policy = greedy_policy.SeededGreedyPolicy(policy) if greedy else policy
    observation, _ = agent_testing.batch(3)
    act = tf.function(policy.action, autograph=False)
    seeds = tf.constant([[1, 1], [2, 2], [3, 3]])

    def action(rows):
        part = tf.nest.map_structure(lambda values: tf.gather(values, rows), observation)
        time_step = agent_testing.time_step(len(rows))._replace(observation=part)
        return act(time_step, seed=tf.gather(seeds, rows)).action.numpy()

    agent_testing.assert_rows_are_independent(action)


def test_shared_seed_and_unseeded_actions():
    policy, time_step = _policy(num_action_samples=64), agent_testing.time_step()
    act = tf.function(policy.action, autograph=False)
    seed = tf.constant([1, 2])
    np.testing.assert_array_equal(
        act(time_step, seed=seed).action, act(time_step, seed=seed).action
    )
    assert not np.array_equal(act(time_step).action, act(time_step).action)
    repeated = []
    for _ in range(2):
        tf.random.set_seed(4)
        repeated.append(policy.action(time_step).action.numpy())
    np.testing.assert_array_equal(*repeated)


def test_observations_are_normalized_and_actions_denormalized():
    plain, time_step = _policy(), agent_testing.time_step()
    scaled = _policy(
        obs_norm_layer=lambda nest: tf.nest.map_structure(lambda x: x / 2 - 1, nest),
        act_denorm_layer=lambda action: 3 * action + 1,
    )
    raw = tf.nest.map_structure(lambda x: 2 * (x + 1), time_step.observation)
    seed = tf.constant([1, 2])
    expected = 3 * plain.action(time_step, seed=seed).action + 1
    found = scaled.action(time_step._replace(observation=raw), seed=seed).action
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("clip", [True, False])
def test_clip(clip):
    narrow = tensor_spec.BoundedTensorSpec([2], tf.float32, 0.0, 0.01)
    policy = _policy(action_spec=narrow, clip=clip)
    action = policy.action(agent_testing.time_step()).action
    assert np.all((action >= 0) & (action <= 0.01)) == clip


def test_action_of_another_shape():
    spec = tensor_spec.BoundedTensorSpec([1, 2], tf.float64, -9.0, 9.0)
    time_step = agent_testing.time_step()
    action = _policy(action_spec=spec).action(time_step).action
    assert action.shape == (3, 1, 2) and action.dtype == tf.float64


def test_second_chain_sharpens():
    gin.parse_config("langevin_actions_given_obs.num_iterations = 10")
    network, time_step = agent_testing.GoalNetwork(1.0), agent_testing.time_step(20)

    def spread(**options):
        distribution = _policy(network, **options).distribution(time_step).action
        return np.abs(distribution.mapped_values - _nearest(time_step)[:, None]).mean()

    again = dict(optimize_again=True, again_stepsize_init=0.5, again_stepsize_final=0.5)
    assert spread(**again, inference_langevin_noise_scale=0.0) < 0.5 * spread()


def test_nested_and_discrete_actions_are_refused():
    for spec in (
        {"arm": agent_testing.WIDE_SPEC},
        tensor_spec.BoundedTensorSpec([2], tf.int32, 0, 3),
    ):
        with pytest.raises(ValueError, match="one tensor of real numbers"):
            _policy(action_spec=spec)
