"""Evaluating a policy that remembers its last action."""

import gin
import numpy as np
import pytest
import tensorflow as tf
from tf_agents.policies import policy_saver, tf_policy
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import policy_step
from tf_agents.trajectories import time_step as ts

from ibc.agents import greedy_policy, ibc_policy, receding_horizon, sequence_coding
from ibc.data.recording import options as recording_options
from ibc.data.recording import recorder
from ibc.eval import (
    environment_group,
    measured_environment,
    process_group,
    rollouts_test,
    seeded_policy,
)
from ibc.samplers import action_space, draws
from ibc.train.build import agent_specs
from ibc.utils import keys
from tests import agent_testing

SEEDS = [4, 0, 7, 1, 9]


def _policy(warm_start_fraction):
    time_step_spec, action_spec = agent_specs.of_environment(rollouts_test.load())
    return ibc_policy.IbcPolicy(
        time_step_spec,
        action_space.ActionSpace.bounded(action_spec, action_spec),
        agent_testing.GoalNetwork(20.0, time_step_spec.observation, "pos_second_goal"),
        num_action_samples=4,
        use_langevin=False,
        warm_start_fraction=warm_start_fraction,
    )


def _outcomes(act, width, num_processes=0):
    if num_processes:
        group = process_group.ProcessGroup("PARTICLE", rollouts_test.load, width, num_processes, ())
    else:
        group = environment_group.LocalGroup([rollouts_test.load() for _ in range(width)])
    outcomes = sorted(rollouts_test.played(group, SEEDS, act))
    group.close()
    return outcomes


@pytest.mark.parametrize("warm_start_fraction", [0.0, 0.5])
def test_results_do_not_depend_on_environments_side_by_side(warm_start_fraction):
    act = seeded_policy.greedy_act_fn(_policy(warm_start_fraction))
    alone = _outcomes(act, 1)
    for width in (2, 5, 1):
        assert _outcomes(act, width) == alone
    for width in (2, 3, 4, 20):
        assert _outcomes(act, width, 2) == alone


_CHUNK_STEPS, _ACTION_STEPS = 4, 3


class _Planner(tf_policy.TFPolicy):
    """Plans to stay near where the agent is, with noise of the row's seed."""

    def __init__(self, time_step_spec):
        size = 2 * _CHUNK_STEPS
        super().__init__(time_step_spec, tensor_spec.BoundedTensorSpec([size], tf.float32, -9, 9))

    def seeded_distribution(self, time_step, seed, policy_state=()):
        here = tf.tile(time_step.observation["pos_agent"][:, -1], [1, _CHUNK_STEPS])
        planned = here + 0.3 * draws.normal_like(here, keys.of(seed))
        return policy_step.PolicyStep(greedy_policy.distributions.point(planned), policy_state)


def _length(seed: int) -> int:
    """Steps of an episode; most end within a chunk."""
    return 5 + seed % 5


def _load_short():
    """An environment whose episodes are of different lengths."""
    environment = rollouts_test.load()
    begin, step, left = environment.seed, environment._step, []

    def seed(number):
        left[:] = [_length(number)]
        return begin(number)

    def short_step(action):
        after = step(action)
        left[0] -= 1
        return after if left[0] else ts.termination(after.observation, after.reward)

    environment.seed, environment._step = seed, short_step
    return environment


def _actions(width: int, **options: object) -> dict[tuple[int, int], list[float]]:
    """Returns (seed, step) → action of episodes by chunks."""
    time_step_spec, action_spec = agent_specs.of_environment(rollouts_test.load())
    size = 2 * _CHUNK_STEPS
    coding = sequence_coding.SequenceCoding({}, np.zeros(size), np.eye(size), np.ones(size), 2)
    steps = _CHUNK_STEPS, _ACTION_STEPS
    policy = receding_horizon.RecedingHorizonPolicy(
        time_step_spec, action_spec, _Planner(time_step_spec), coding, *steps, **options
    )
    act, found = seeded_policy.greedy_act_fn(policy), {}

    def recorded(time_step, seeds, wave=0):
        actions = act(time_step, seeds, wave)
        for (seed, step), action in zip(seeds.tolist(), actions.tolist(), strict=True):
            # A row without an episode goes on counting.
            if step < _length(seed):
                found.setdefault((seed, step), action)
        return actions

    group = environment_group.LocalGroup([_load_short() for _ in range(width)])
    outcomes = rollouts_test.played(group, SEEDS, recorded)
    group.close()
    assert {seed: metrics["AverageEpisodeLength"] for seed, metrics in outcomes} == {
        seed: _length(seed) for seed in SEEDS
    }
    return found


@pytest.mark.parametrize(
    "options", [{}, {"latency_steps": 1}, {"temporal_ensemble": 0.5}], ids=["plain", "late", "mean"]
)
def test_episodes_that_end_within_a_chunk_leave_others_plans_alone(options):
    alone = _actions(1, **options)
    assert len(alone) == sum(map(_length, SEEDS))
    for width in (2, 3, 5):
        found = _actions(width, **options)
        assert found.keys() == alone.keys()
        # Averages over batches of another size are rounded otherwise.
        np.testing.assert_allclose([found[key] for key in alone], list(alone.values()), atol=1e-6)


def test_each_wave_has_a_state_of_its_own():
    policy = _policy(0.5)
    environment = environment_group.LocalGroup([rollouts_test.load()])

    def actions(act, wave, seed):
        """Yields the actions at the start of an episode."""
        environment.start(0, {0: measured_environment.Assignment(seed)})
        first = environment.receive().time_step
        later = first._replace(step_type=np.ones_like(first.step_type))
        for step in range(4):
            yield act(later if step else first, np.array([[seed, step]], np.int32), wave)

    def expected(seed):
        return list(actions(seeded_policy.greedy_act_fn(policy), 0, seed))

    act = seeded_policy.greedy_act_fn(policy)
    in_turn = list(zip(actions(act, 0, 4), actions(act, 1, 7), strict=True))
    np.testing.assert_array_equal(in_turn, list(zip(expected(4), expected(7), strict=True)))


def test_a_policy_is_traced_once_for_each_batch_size():
    policy, batch_sizes = _policy(0.5), []
    traced = policy.seeded_distribution

    def counted(time_step, *arguments):
        batch_sizes.append(time_step.step_type.shape[0])
        return traced(time_step, *arguments)

    policy.seeded_distribution = counted
    act = seeded_policy.greedy_act_fn(policy)
    for width in (2, 5, 2):
        _outcomes(act, width)
    assert batch_sizes == [2, 5]


def test_actions_start_from_the_ones_before():
    """Four samples find the goal by and by if each action starts from the last."""

    def distance(warm_start_fraction):
        outcomes = _outcomes(seeded_policy.greedy_act_fn(_policy(warm_start_fraction)), 5)
        return np.mean([metrics["AverageFinalSecondGoalDistance"] for _, metrics in outcomes])

    assert distance(0.5) < 0.6 * distance(0.0)


def test_policy_eval_runs_the_exported_policy(tmp_path):
    tf.random.set_seed(0)

    def distance(warm_start_fraction):
        path = str(tmp_path / f"policy_{warm_start_fraction}")
        policy = greedy_policy.SeededGreedyPolicy(_policy(warm_start_fraction))
        policy_saver.PolicySaver(policy, batch_size=None).save(path)
        options = recording_options.EvaluationOptions(
            task="PARTICLE", saved_model_path=path, history_length=2, num_episodes=6
        )
        result = recorder.run(options)
        gin.clear_config()
        return result.metrics["AverageFinalSecondGoalDistance"]

    assert distance(0.5) < 0.6 * distance(0.0)
