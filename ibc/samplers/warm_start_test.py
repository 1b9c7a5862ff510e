"""Warm starts: off they change nothing; on, they save iterations and forget at episodes' starts."""

import gin
import numpy as np
import pytest
import tensorflow as tf
from tf_agents.policies import greedy_policy as tf_greedy_policy
from tf_agents.trajectories import time_step as ts

from ibc.agents import greedy_policy, mcmc
from ibc.samplers import warm_start
from ibc.utils import keys
from tests import agent_testing

MINIMUM, MAXIMUM = agent_testing.SAMPLING_SPEC.minimum, agent_testing.SAMPLING_SPEC.maximum
SEED = tf.constant([3, 4])
KEY, SPACE = keys.Key(SEED), agent_testing.space()


def _policy(weight=20.0, **options):
    defaults = dict(num_action_samples=64, use_dfo=True, use_langevin=False)
    return agent_testing.policy(agent_testing.GoalNetwork(weight), **{**defaults, **options})


def _time_step(goals, first=False):
    goals = tf.convert_to_tensor(goals, tf.float32)
    observation = {
        "alpha": tf.zeros([len(goals), 2, 3]),
        "goal": tf.repeat(goals[:, tf.newaxis], 2, axis=1),
    }
    if first:
        return ts.restart(observation, len(goals))
    return ts.transition(observation, tf.zeros(len(goals)))


def _moving_goals(steps=40, rows=16):
    """Goals on circles, 0.03 apart from step to step: [steps, rows, 2]."""
    angles = np.linspace(0, 2 * np.pi, rows, endpoint=False) + 0.06 * np.arange(steps)[:, None]
    return 0.3 + 0.5 * np.stack([np.cos(angles), np.sin(angles)], axis=-1)


def _mean_error(policy, goals):
    policy = greedy_policy.SeededGreedyPolicy(policy)
    act = tf.function(policy.action, autograph=False)
    state, errors = policy.get_initial_state(goals.shape[1]), []
    for index, now in enumerate(goals):
        step = act(_time_step(now, index == 0), state, tf.constant([index, 0]))
        state = step.state
        errors.append(np.linalg.norm(step.action - now, axis=-1))
    return np.mean(errors[1:])


def test_without_a_warm_start_nothing_changes():
    policy, time_step = _policy(), agent_testing.time_step()
    goal = time_step.observation["goal"][:, -1]
    seeds = tf.random.split(SEED, 4)
    bounds = tf.constant(MINIMUM), tf.constant(MAXIMUM)
    samples, logits = mcmc.iterative_dfo(
        lambda actions: agent_testing.GoalNetwork(20.0).score(goal, actions),
        mcmc.uniform_actions(3, 64, *bounds, seeds[0]),
        *bounds,
        seeds[1],
    )
    best = tf.gather(samples, tf.argmax(logits, axis=1), batch_dims=1)
    step = greedy_policy.SeededGreedyPolicy(policy).action(time_step, seed=SEED)
    np.testing.assert_array_equal(step.action, best)
    assert policy.policy_state_spec == () and policy.get_initial_state(3) == ()
    assert step.state == () and policy.action(time_step, seed=SEED).state == ()


@pytest.mark.parametrize("seed", [SEED, tf.constant([[1, 1], [2, 2], [3, 3]])])
def test_the_first_step_is_that_of_a_cold_policy(seed):
    time_step = agent_testing.time_step()
    cold = greedy_policy.SeededGreedyPolicy(_policy()).action(time_step, seed=seed)
    warm_policy = greedy_policy.SeededGreedyPolicy(_policy(warm_start_fraction=0.5))
    for state in (tf.zeros([3, 2]), tf.fill([3, 2], 0.7)):
        warm = warm_policy.action(time_step, state, seed=seed)
        np.testing.assert_array_equal(warm.action, cold.action)


def test_samples_lie_around_the_previous_action():
    uniform = SPACE.uniform(2, 4000, KEY)
    previous = tf.constant([[0.1, 0.2], [MAXIMUM[0], 0.2]])
    start = warm_start.WarmStart(0.5, 0.05)
    mixed = start.near_previous(uniform, previous, tf.constant([False, False]), SPACE, KEY).numpy()
    np.testing.assert_array_equal(mixed[:, 2000:], uniform[:, 2000:])
    np.testing.assert_allclose(mixed[0, :2000].mean(0), previous[0], atol=0.005)
    np.testing.assert_allclose(mixed[0, :2000].std(0), 0.05, atol=0.003)
    # Half of a Gaussian around the bound is on the bound.
    assert abs(np.mean(mixed[1, :2000, 0] == MAXIMUM[0]) - 0.5) < 0.05
    assert mixed[..., 0].max() == MAXIMUM[0]


def test_rows_begin_episodes_each_for_itself():
    uniform, start = SPACE.uniform(2, 8, KEY), warm_start.WarmStart(0.01, 1e-6)
    mixed = start.near_previous(uniform, tf.zeros([2, 2]), tf.constant([True, False]), SPACE, KEY)
    np.testing.assert_array_equal(mixed[0], uniform[0])
    np.testing.assert_allclose(mixed[1, 0], [0, 0], atol=1e-5)
    np.testing.assert_array_equal(mixed[1, 1:], uniform[1, 1:])


@pytest.mark.parametrize("greedy", [False, True])
def test_the_state_is_the_chosen_normalized_action(greedy):
    policy = _policy(
        weight=1.0, warm_start_fraction=0.5, act_denorm_layer=lambda action: 30 * action + 1
    )
    policy = greedy_policy.SeededGreedyPolicy(policy) if greedy else policy
    step = policy.action(agent_testing.time_step(), policy.get_initial_state(3), SEED)
    # Units of the environment are clipped, the state is not.
    np.testing.assert_allclose(step.action, np.clip(30 * step.state + 1, -9, 9), atol=1e-4)
    assert np.any(np.abs(30 * step.state + 1) > 9)


def test_tf_agents_greedy_policy_carries_the_state():
    policy = tf_greedy_policy.GreedyPolicy(_policy(warm_start_fraction=0.5))
    step = policy.action(agent_testing.time_step(), policy.get_initial_state(3))
    np.testing.assert_array_equal(step.action, step.state)
    following = policy.action(_time_step(np.zeros([3, 2])), step.state)
    assert following.state.shape == (3, 2)


@pytest.mark.parametrize("sampler", ["dfo", "langevin"])
def test_half_the_iterations_find_as_much(sampler):
    """The energy's peak moves slowly; a warm start is as near with half of the work."""
    if sampler == "dfo":
        options = dict(num_action_samples=32)
        names = "iterative_dfo.num_iterations = {}\niterative_dfo.iteration_std = {}"
        full, half = names.format(6, 0.33), names.format(3, 0.05)
    else:
        options = dict(num_action_samples=4, use_dfo=False, use_langevin=True, weight=2.0)
        name = "langevin_actions_given_obs.num_iterations = {}"
        full, half = name.format(20), name.format(10)
    goals = _moving_goals()
    gin.parse_config(full)
    with_all = _mean_error(_policy(**options), goals)
    gin.parse_config(half)
    with_half = _mean_error(_policy(**options), goals)
    warm = _mean_error(_policy(**options, warm_start_fraction=0.5, warm_start_std=0.05), goals)
    assert warm <= with_all
    assert warm < 0.7 * with_half


def test_a_peak_that_jumps_is_still_found():
    goals = np.tile(np.array([[[-0.8, 1.2]], [[0.8, -0.2]]]), (10, 1, 1))
    policy = _policy(num_action_samples=256, warm_start_fraction=0.5)
    assert _mean_error(policy, goals) < 0.15


def test_rows_depend_on_their_own_state_seed_and_observation():
    policy = greedy_policy.SeededGreedyPolicy(_policy(warm_start_fraction=0.5))
    act = tf.function(policy.action, autograph=False)
    goals = np.array([[0.1, 0.2], [-0.5, 1.0], [0.9, 0.3]])
    states = tf.constant([[0.0, 0.1], [-0.4, 0.9], [0.2, 0.2]])
    seeds = tf.constant([[1, 1], [2, 2], [3, 3]])

    def action(rows):
        return act(
            _time_step(goals[rows]), tf.gather(states, rows), tf.gather(seeds, rows)
        ).action.numpy()

    agent_testing.assert_rows_are_independent(action)


@pytest.mark.parametrize(
    "options, message",
    [
        (dict(warm_start_fraction=1.5), r"warm_start_fraction must be in \[0, 1\], got 1.5"),
        (dict(warm_start_fraction=-0.5), r"warm_start_fraction must be in \[0, 1\], got -0.5"),
        (dict(warm_start_fraction="half"), r"warm_start_fraction must be in .*, got 'half'"),
        (dict(warm_start_std=0.0), "warm_start_std must be a positive number, got 0.0"),
        (dict(warm_start_std=float("nan")), "warm_start_std must be a positive number, got nan"),
    ],
)
def test_bad_values_are_named(options, message):
    with pytest.raises(ValueError, match=f"IbcPolicy.{message}"):
        _policy(**options)


def test_a_forgotten_state_is_named():
    policy = _policy(warm_start_fraction=0.5)
    with pytest.raises(ValueError, match=r"pass policy_state, first from get_initial_state"):
        policy.action(agent_testing.time_step())
