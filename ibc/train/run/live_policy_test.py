"""A policy in training acts as its export does, and by the weights that it has."""

import numpy as np

import ibc
from ibc.agents import greedy_policy
from ibc.train.run import live_policy, policy_export, policy_parts
from tests import policy_testing

OBSERVATIONS = policy_testing.observations(3)


def _actions(policy):
    policy.reset()
    return np.array([policy(observation) for observation in OBSERVATIONS])


def test_it_acts_as_the_export_until_weights_change(tmp_path):
    policy = policy_testing.make("energy_sampling")
    greedy = greedy_policy.SeededGreedyPolicy(policy)
    policy_export.saver(greedy).save(str(tmp_path))
    policy_parts.describe(greedy).write(tmp_path)
    live, exported = live_policy.of(policy, seed=4), ibc.load_policy(tmp_path, seed=4)
    np.testing.assert_allclose(_actions(live), _actions(exported), atol=1e-6)
    for each in (live, exported):
        each.reset()
    samples, same = live.samples(OBSERVATIONS[0]), exported.samples(OBSERVATIONS[0])
    np.testing.assert_allclose(samples.energies, same.energies, atol=1e-5)
    for variable in policy.variables():
        if variable.dtype.is_floating:
            variable.assign(-variable)
    assert np.abs(live.samples(OBSERVATIONS[0]).energies - samples.energies).max() > 0.01
