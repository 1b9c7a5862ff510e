"""Exported policies act in a process that has only TensorFlow."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from tf_agents.policies import policy_saver

from ibc.agents import agent_testing, greedy_policy, ibc_policy, mdn_policy, mse_policy

_LOAD = """
import json, sys
import tensorflow as tf
actions = {}
for path in sys.argv[1:]:
    act = tf.saved_model.load(path).signatures["action"]
    specs = act.structured_input_signature[1]
    inputs = {
        name: tf.zeros([4, *spec.shape[1:]], spec.dtype) for name, spec in specs.items()
    }
    actions[path] = act(**inputs)["action"].numpy().tolist()
others = ("ibc", "tf_agents", "tensorflow_probability")
assert not [name for name in sys.modules if name.split(".")[0] in others]
print(json.dumps(actions))
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Exports policies; returns them with the actions of a fresh process on zero inputs."""
    specs = agent_testing.TIME_STEP_SPEC, agent_testing.ACTION_SPEC
    energy, regression = agent_testing.mlp_energy(), agent_testing.mlp_regression()
    density = agent_testing.mlp_mixture()
    for network in (energy, regression, density):
        network.create_variables()
    implicit = ibc_policy.IbcPolicy(
        *specs, agent_testing.SAMPLING_SPEC, energy, num_action_samples=64, use_dfo=True
    )
    policies = dict(
        implicit_greedy=greedy_policy.SeededGreedyPolicy(implicit),
        explicit=mse_policy.MsePolicy(*specs, regression),
        mixture=mdn_policy.MdnPolicy(*specs, density),
        mixture_mode=greedy_policy.SeededGreedyPolicy(
            mdn_policy.MdnPolicy(*specs, density, greedy_samples=False)
        ),
        mixture_greedy=greedy_policy.SeededGreedyPolicy(mdn_policy.MdnPolicy(*specs, density)),
    )
    folder = tmp_path_factory.mktemp("policies")
    for name, policy in policies.items():
        policy_saver.PolicySaver(policy, batch_size=None).save(str(folder / name))
    paths = [str(folder / name) for name in policies]
    run = subprocess.run(
        [sys.executable, "-c", _LOAD, *paths], capture_output=True, text=True, cwd=folder
    )
    assert run.returncode == 0, run.stderr[-3000:]
    actions = json.loads(run.stdout)
    return {name: (policies[name], np.array(actions[str(folder / name)])) for name in policies}


@pytest.mark.parametrize(
    "name", ["implicit_greedy", "explicit", "mixture", "mixture_mode", "mixture_greedy"]
)
def test_actions_are_within_the_specs_bounds(exported, name):
    _, actions = exported[name]
    assert actions.shape == (4, 2)
    assert np.all((actions >= 0) & (actions <= 1))


@pytest.mark.parametrize("name", ["explicit", "mixture_mode"])
def test_deterministic_policies_act_as_before_export(exported, name):
    policy, actions = exported[name]
    time_step = tf.nest.map_structure(tf.zeros_like, agent_testing.time_step(4))
    np.testing.assert_allclose(policy.action(time_step).action, actions, rtol=1e-5)
