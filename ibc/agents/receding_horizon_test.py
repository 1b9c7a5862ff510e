import numpy as np
import pytest
import tensorflow as tf
from tf_agents.policies import policy_saver, tf_policy
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import policy_step
from tf_agents.trajectories import time_step as ts

from ibc.agents import greedy_policy, receding_horizon, sequence_coding

TO, P = 2, 3
TIME_STEP_SPEC = ts.time_step_spec({"x": tf.TensorSpec([TO, 1], tf.float32)})
ACTION_SPEC = tensor_spec.BoundedTensorSpec([1], tf.float32, -1e6, 1e6)


class Planner(tf_policy.TFPolicy):
    """Plans x, x + 0.1, x + 0.2 from the last observation x; its state counts its plans."""

    def __init__(self):
        spec = tensor_spec.BoundedTensorSpec([P], tf.float32, -1e6, 1e6)
        super().__init__(TIME_STEP_SPEC, spec, policy_state_spec=tf.TensorSpec([], tf.int32))

    def _action(self, time_step, policy_state, seed=None):
        action = time_step.observation["x"][:, -1] + [[0.0, 0.1, 0.2]]
        return policy_step.PolicyStep(action, policy_state + 1)

    def _distribution(self, time_step, policy_state):
        step = self._action(time_step, policy_state)
        return step._replace(
            action=tf.nest.map_structure(
                lambda values: greedy_policy.distributions.point(values), step.action
            )
        )


def policy(**options) -> receding_horizon.RecedingHorizonPolicy:
    coding = sequence_coding.SequenceCoding({}, np.zeros(P), np.eye(P), np.ones(P), 1)
    options = {"chunk_steps": P, "action_steps": P, **options}
    return receding_horizon.RecedingHorizonPolicy(
        TIME_STEP_SPEC, ACTION_SPEC, Planner(), coding, **options
    )


def act(acting, xs: np.ndarray, firsts: np.ndarray) -> np.ndarray:
    """Returns the actions [steps, B] for last observations x [steps, B]."""
    state = acting.get_initial_state(xs.shape[1])
    actions = []
    for x, first in zip(xs.astype(np.float32), firsts, strict=True):
        step_type = np.where(first, ts.StepType.FIRST, ts.StepType.MID).astype(np.int32)
        observation = {"x": tf.constant(np.stack([x, x], axis=1)[..., np.newaxis])}
        zeros = tf.zeros_like(x)
        step = acting.action(ts.TimeStep(tf.constant(step_type), zeros, zeros, observation), state)
        state = step.state
        actions.append(step.action.numpy()[:, 0])
    return np.array(actions), state


TIMES = np.arange(8.0)[:, np.newaxis]
FIRST = np.arange(8)[:, np.newaxis] == 0


@pytest.mark.parametrize(
    ("action_steps", "expected"),
    [
        (3, [0, 0.1, 0.2, 3, 3.1, 3.2, 6, 6.1]),
        (2, [0, 0.1, 2, 2.1, 4, 4.1, 6, 6.1]),
        (1, [0, 1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_plans_are_executed_before_the_next(action_steps, expected):
    actions, state = act(policy(action_steps=action_steps), TIMES, FIRST)
    np.testing.assert_allclose(actions[:, 0], expected, rtol=1e-6)
    assert int(state["planner"][0]) == -(-8 // action_steps)


def test_an_episodes_end_cuts_its_plan_and_no_others():
    xs = np.stack([np.arange(8.0), 100 + np.arange(8.0)], axis=1)
    firsts = np.zeros([8, 2], bool)
    firsts[0] = True
    firsts[2, 1] = True
    both, _ = act(policy(), xs, firsts)
    for row in range(2):
        alone, _ = act(policy(), xs[:, row : row + 1], firsts[:, row : row + 1])
        np.testing.assert_array_equal(both[:, row], alone[:, 0])
    np.testing.assert_allclose(both[:, 0], [0, 0.1, 0.2, 3, 3.1, 3.2, 6, 6.1], rtol=1e-6)
    np.testing.assert_allclose(
        both[:, 1], [100, 100.1, 102, 102.1, 102.2, 105, 105.1, 105.2], rtol=1e-6
    )


def test_latency_acts_on_what_was_seen_earlier():
    """At step t the plan is made from x = t − 1, and its first action is left out."""
    actions, _ = act(policy(action_steps=2, latency_steps=1), TIMES, FIRST)
    np.testing.assert_allclose(actions[:, 0], [0.1, 0.2, 1.1, 1.2, 3.1, 3.2, 5.1, 5.2], rtol=1e-6)


def test_a_temporal_ensemble_averages_all_plans_of_a_step():
    rate = 0.5
    actions, _ = act(policy(action_steps=1, temporal_ensemble=rate), TIMES, FIRST)
    expected = []
    for t in range(8):
        # From the oldest plan on: made at t − 2, t − 1, t.
        plans = np.array([made + 0.1 * (t - made) for made in range(max(0, t - 2), t + 1)])
        weights = np.exp(-rate * np.arange(len(plans)))
        expected.append(np.sum(weights * plans) / np.sum(weights))
    np.testing.assert_allclose(actions[:, 0], expected, rtol=1e-5, atol=1e-6)


def test_an_exported_policy_gives_one_action_per_step(tmp_path):
    acting = policy(action_steps=2)
    policy_saver.PolicySaver(greedy_policy.SeededGreedyPolicy(acting)).save(str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    state, actions = loaded.get_initial_state(2), []
    for t in range(4):
        x = tf.fill([2, TO, 1], float(t))
        step_type = tf.fill([2], ts.StepType.FIRST if t == 0 else ts.StepType.MID)
        step = loaded.action(
            ts.TimeStep(tf.cast(step_type, tf.int32), tf.zeros(2), tf.ones(2), {"x": x}), state
        )
        state = step.state
        actions.append(step.action.numpy()[:, 0])
    np.testing.assert_allclose(
        actions, np.array([[0, 0], [0.1, 0.1], [2, 2], [2.1, 2.1]]), rtol=1e-6
    )


@pytest.mark.parametrize(("action_steps", "latency_steps"), [(0, 0), (4, 0), (3, 1)])
def test_more_actions_than_a_chunk_has_are_refused(action_steps, latency_steps):
    with pytest.raises(ValueError, match=f"action_steps is {action_steps}, but a chunk has"):
        policy(action_steps=action_steps, latency_steps=latency_steps)
