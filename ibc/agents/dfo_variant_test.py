"""`IbcPolicy.dfo_variant`, and noise on demonstrated actions: the published formulation."""

import numpy as np
import pytest
import tensorflow as tf

from ibc.agents import greedy_policy, ibc_agent, ibc_policy
from ibc.samplers import published_dfo
from ibc.utils import keys
from tests import agent_testing

SEED = tf.constant([3, 4])


def _policy(variant, **options):
    return ibc_policy.IbcPolicy(
        agent_testing.TIME_STEP_SPEC,
        agent_testing.space(tf.TensorSpec([2])),
        agent_testing.GoalNetwork(20.0),
        **{
            "num_action_samples": 64,
            "use_dfo": True,
            "use_langevin": False,
            "dfo_variant": variant,
            "clip": False,
            **options,
        },
    )


def _chosen(variant, time_step, seed):
    """What the sampler chooses, from the keys that the policy hands out."""
    key, space = keys.Key(seed), agent_testing.space()
    goal = time_step.observation["goal"][:, -1]
    found = published_dfo.VARIANTS[variant]()(
        lambda actions: agent_testing.GoalNetwork(20.0).score(goal, actions),
        space.uniform(3, 64, key.split(1)[0]),
        space,
        key.split(2)[1],
    )
    return tf.gather(found.actions, found.chosen, batch_dims=1)


@pytest.mark.parametrize("variant", ["andy", "kevin"])
def test_greedy_and_sampling_policies_act_by_what_the_sampler_chooses(variant):
    policy, time_step = _policy(variant), agent_testing.time_step()
    greedy = greedy_policy.SeededGreedyPolicy(policy).action(time_step, seed=SEED).action
    distribution = policy.seeded_distribution(time_step, SEED).action
    assert distribution.mapped_values.shape == (3, 64, 2)
    np.testing.assert_array_equal(greedy, _chosen(variant, time_step, SEED))
    np.testing.assert_array_equal(greedy, distribution.mode())
    for seed in range(5):
        np.testing.assert_array_equal(distribution.sample(seed=seed), greedy)
    # A sampling policy splits its seed in two; whatever it draws is what was chosen.
    for_samples = keys.Key(SEED).split(2)[0]
    drawn = policy.action(time_step, seed=SEED).action
    of_the_same = greedy_policy.SeededGreedyPolicy(policy).action(time_step, seed=for_samples.seed)
    np.testing.assert_array_equal(drawn, of_the_same.action)


def test_andy_seldom_acts_by_the_most_probable_sample_and_kevin_always():
    time_step = agent_testing.time_step()
    for variant, always in (("andy", False), ("kevin", True)):
        policy, best = _policy(variant), []
        for seed in range(20):
            step = policy.seeded_distribution(time_step, tf.constant([seed, 0])).action
            scores = agent_testing.GoalNetwork(20.0).score(
                time_step.observation["goal"][:, -1], step.mapped_values
            )
            chosen = np.argmax(step.logits, axis=-1)
            best.extend(chosen == np.argmax(scores, axis=-1))
        assert np.all(best) == always
        assert always or np.mean(best) < 0.5


def test_ibc_is_what_there_is_without_a_variant():
    time_step = agent_testing.time_step()
    found = _policy("ibc").seeded_distribution(time_step, SEED).action
    plain = ibc_policy.IbcPolicy(
        agent_testing.TIME_STEP_SPEC,
        agent_testing.space(tf.TensorSpec([2])),
        agent_testing.GoalNetwork(20.0),
        num_action_samples=64,
        use_dfo=True,
        use_langevin=False,
    ).seeded_distribution(time_step, SEED)
    np.testing.assert_array_equal(found.mapped_values, plain.action.mapped_values)
    np.testing.assert_array_equal(found.logits, plain.action.logits)


def test_a_warm_start_goes_on_from_what_was_chosen():
    policy = _policy("andy", warm_start_fraction=0.5)
    state = policy.get_initial_state(3)
    step = policy.action(agent_testing.time_step(), state, SEED)
    np.testing.assert_array_equal(step.state, step.action)


@pytest.mark.parametrize(
    ("variant", "options", "message"),
    [
        ("dandy", {}, "dfo_variant is 'dandy'; choose one of ibc, andy, kevin"),
        ("andy", {"use_dfo": False}, "needs IbcPolicy.use_dfo = True"),
        ("kevin", {"use_langevin": True}, "IbcPolicy.use_langevin = False, but got True and True"),
    ],
)
def test_what_cannot_choose_is_refused(variant, options, message):
    with pytest.raises(ValueError, match=message):
        _policy(variant, **options)


def _agent(**options):
    return ibc_agent.ImplicitBCAgent(
        agent_testing.TIME_STEP_SPEC,
        agent_testing.space(),
        agent_testing.GoalNetwork(),
        tf.keras.optimizers.SGD(0.1),
        num_counter_examples=8,
        fraction_langevin_samples=0.0,
        add_grad_penalty=False,
        train_step_counter=agent_testing.step_counter(),
        **options,
    )


def _scored(agent):
    """Returns the demonstrated actions as they were scored in training, [B, 2]."""
    agent.loss(agent_testing.batch(2000), training=True)
    actions = np.concatenate(
        [actions for training, actions in agent.cloning_network.scored if training is not False]
    )
    return actions[:, :-1], actions[:, -1]


def test_demonstrated_actions_get_noise_that_counter_examples_do_not():
    _, action = agent_testing.batch(2000)
    negatives, plain = _scored(_agent())
    np.testing.assert_array_equal(plain, action)
    of_noisy, noisy = _scored(_agent(positive_noise_std=1e-2))
    np.testing.assert_array_equal(of_noisy, negatives)
    noise = noisy - action.numpy()
    np.testing.assert_allclose(noise.std(axis=0), 1e-2, rtol=0.05)
    np.testing.assert_allclose(noise.mean(axis=0), 0, atol=1e-3)
    assert abs(np.corrcoef(noise.T)[0, 1]) < 0.1


def test_noise_follows_from_the_step():
    first, second = _agent(positive_noise_std=0.1), _agent(positive_noise_std=0.1)
    np.testing.assert_array_equal(_scored(first)[1], _scored(second)[1])
    second.train_step_counter.assign(1)
    second.cloning_network.scored.clear()
    assert not np.allclose(_scored(_agent(positive_noise_std=0.1))[1], _scored(second)[1])


def test_negative_noise_is_refused():
    with pytest.raises(ValueError, match="positive_noise_std must not be a negative number"):
        _agent(positive_noise_std=-1.0)


def test_counter_examples_are_uniform_in_every_dimension_independently():
    negatives, _ = _scored(_agent())
    spec = agent_testing.SAMPLING_SPEC
    flat = negatives.reshape(-1, 2)
    unit = (flat - spec.minimum) / (np.asarray(spec.maximum) - spec.minimum)
    for dimension in range(2):
        counts = np.histogram(unit[:, dimension], 10, (0, 1))[0]
        np.testing.assert_allclose(counts / len(unit), 0.1, atol=0.01)
    assert abs(np.corrcoef(unit.T)[0, 1]) < 0.02
