"""Exported policies act in a process that has only TensorFlow."""

import json

import numpy as np
import pytest
import tensorflow as tf
from tf_agents.policies import policy_saver

from ibc.agents import greedy_policy, ibc_policy, mdn_agent, mse_agent
from tests import agent_testing, commands

# Acts on zeros, every action going on from the state that the one before it left.
_LOAD = """
import json, sys, time
sys.modules.update(dict.fromkeys(["ibc", "tf_agents", "tensorflow_probability"]))
import collections
import tensorflow as tf

TimeStep = collections.namedtuple("TimeStep", "step_type reward discount observation")
actions = {}
for path in sys.argv[1:]:
    policy = tf.saved_model.load(path)
    observation = {"alpha": tf.zeros([4, 2, 3]), "goal": tf.zeros([4, 2, 2])}
    state, times, actions[path] = policy.get_initial_state(batch_size=4), [], []
    for index in range(30):
        step_type = tf.fill([4], min(index, 1))
        step = TimeStep(step_type, tf.zeros([4]), tf.ones([4]), observation)
        start = time.perf_counter()
        action, state, _ = policy.action(step, state)
        actions[path].append(action.numpy().tolist())
        times.append(time.perf_counter() - start)
    milliseconds = 1e3 * sorted(times)[len(times) // 2]
    print(f"{path}: {milliseconds:.2f} ms per action of four rows", file=sys.stderr)
print(json.dumps(actions))
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Exports policies; returns them with the actions [30, 4, 2] of a process without ibc."""
    specs = agent_testing.TIME_STEP_SPEC, agent_testing.space()
    energy, regression = agent_testing.mlp_energy(), agent_testing.mlp_regression()
    density = agent_testing.mlp_mixture()
    for network in (energy, regression, density):
        network.create_variables()
    implicit = ibc_policy.IbcPolicy(*specs, energy, num_action_samples=64, use_dfo=True)
    near_the_last = dict(use_langevin=False, warm_start_fraction=1.0, warm_start_std=0.01)
    goal = agent_testing.GoalNetwork(20.0)
    from_the_last = ibc_policy.IbcPolicy(*specs, goal, num_action_samples=1, **near_the_last)
    mixture = mdn_agent.MdnPolicy(*specs, density)
    of_modes = mdn_agent.MdnPolicy(*specs, density, greedy_samples=False)
    policies = dict(
        implicit=implicit,
        implicit_greedy=greedy_policy.SeededGreedyPolicy(implicit),
        implicit_warm=greedy_policy.SeededGreedyPolicy(from_the_last),
        explicit=mse_agent.MsePolicy(*specs, regression),
        mixture=mixture,
        mixture_mode=greedy_policy.SeededGreedyPolicy(of_modes),
        mixture_greedy=greedy_policy.SeededGreedyPolicy(mixture),
    )
    folder = tmp_path_factory.mktemp("policies")
    for name, policy in policies.items():
        policy_saver.PolicySaver(policy, batch_size=None).save(str(folder / name))
    paths = [str(folder / name) for name in policies]
    run = commands.python("-c", _LOAD, *paths, cwd=folder)
    assert run.returncode == 0, run.stderr[-3000:]
    print("\n".join(line for line in run.stderr.splitlines() if "ms per action" in line))
    actions = json.loads(run.stdout)
    return {name: (policies[name], np.array(actions[str(folder / name)])) for name in policies}


def test_actions_are_within_the_specs_bounds(exported):
    for name, (_, actions) in exported.items():
        assert actions.shape == (30, 4, 2)
        assert np.all((actions >= 0) & (actions <= 1)), name


@pytest.mark.parametrize("name", ["explicit", "mixture_mode"])
def test_deterministic_policies_act_as_before_export(exported, name):
    policy, actions = exported[name]
    time_step = tf.nest.map_structure(tf.zeros_like, agent_testing.time_step(4))
    expected = np.broadcast_to(policy.action(time_step).action, actions.shape)
    np.testing.assert_allclose(actions, expected, rtol=1e-5)


def test_a_warm_start_goes_on_from_the_action_before(exported):
    _, actions = exported["implicit_warm"]
    steps = np.abs(np.diff(actions, axis=0))
    assert 0 < steps.max() < 0.08
    # The first action of every row is anywhere.
    assert np.abs(np.diff(actions[0], axis=0)).max() > 0.1
