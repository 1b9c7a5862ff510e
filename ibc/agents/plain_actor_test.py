"""A trained actor exported as a policy of its task."""

import numpy as np
import pytest
import tensorflow as tf
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts

import ibc
from ibc.agents import greedy_policy, plain_actor
from ibc.networks import tanh_gaussian
from ibc.train.run import policy_export, policy_parts


def _policy(absorbing=True, minimum=(-2.0, 0.0), maximum=(2.0, 1.0)):
    actor = tanh_gaussian.TanhGaussian(5 + absorbing, 2, hidden_size=8, seed=0)
    spec = ts.time_step_spec(
        {
            "position": tensor_spec.TensorSpec([1, 3], tf.float32),
            "angle": tensor_spec.TensorSpec([1, 2], tf.float64),
        }
    )
    action_spec = tensor_spec.BoundedTensorSpec([2], tf.float32, minimum, maximum)
    return plain_actor.policy(spec, action_spec, actor, absorbing), actor


def _expected(actor, observation, absorbing=True):
    parts = [observation["angle"], observation["position"], np.zeros([1])[: int(absorbing)]]
    mean, _ = actor.moments(np.float32(np.concatenate(parts))[np.newaxis])
    return np.array([0, 0.5]) + np.array([2, 0.5]) * np.tanh(mean[0])


_OBSERVATION = {"position": np.array([0.3, -1.0, 2.0]), "angle": np.array([0.5, -0.2])}


def test_an_exported_policy_takes_plain_observations(tmp_path):
    policy, actor = _policy()
    greedy = greedy_policy.SeededGreedyPolicy(policy)
    policy_export.saver(greedy).save(str(tmp_path / "policy"))
    policy_parts.describe(greedy, 7).write(tmp_path / "policy")
    loaded = ibc.load_policy(tmp_path / "policy")
    loaded.reset()
    np.testing.assert_allclose(loaded(_OBSERVATION), _expected(actor, _OBSERVATION), rtol=1e-5)
    assert "absorbing" not in loaded.describe()


@pytest.mark.parametrize("absorbing", [True, False])
def test_actions_are_those_of_the_actor_in_the_tasks_units(absorbing):
    policy, actor = _policy(absorbing)
    window = {name: tf.constant(value)[None, None] for name, value in _OBSERVATION.items()}
    window["position"] = tf.cast(window["position"], tf.float32)
    action = policy.action(ts.restart(window, 1)).action
    np.testing.assert_allclose(action[0], _expected(actor, _OBSERVATION, absorbing), rtol=1e-5)


def test_a_task_without_bounds_is_refused():
    with pytest.raises(ValueError, match="Actions need finite bounds"):
        _policy(maximum=(np.inf, 1.0))
