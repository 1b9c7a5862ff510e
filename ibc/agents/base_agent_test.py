"""What all agents share: seeded losses, the optimizer step, and TF-Agents' learner."""

import textwrap

import numpy as np
import pytest
import tensorflow as tf
from tf_agents.train import learner

from ibc.agents import ibc_agent, mse_agent
from tests import agent_testing, commands


def _ebm_agent(network=None, **options):
    return agent_testing.agent(
        ibc_agent.ImplicitBCAgent,
        network or agent_testing.mlp_energy(rate=0.1),
        **{"num_counter_examples": 4, "fraction_langevin_samples": 0.5, **options},
    )


def _mse_agent(rate=0.0, **options):
    network = agent_testing.mlp_regression(rate=rate)
    return agent_testing.agent(mse_agent.MseBehavioralCloningAgent, network, **options)


def _flat(agent):
    """All weights in one vector, float64."""
    values = agent_testing.weights(agent)
    return np.concatenate([value.ravel() for value in values]).astype(np.float64)


def _copy_weights(source, target):
    target.cloning_network.set_weights(source.cloning_network.get_weights())


def test_loss_is_a_function_of_seed_step_and_weights():
    agent, experience = _ebm_agent(), agent_testing.batch()
    twin = _ebm_agent()
    _copy_weights(agent, twin)
    first = agent.loss(experience, training=True).loss.numpy()
    assert twin.loss(experience, training=True).loss.numpy() == first
    assert agent.loss(experience, training=True).loss.numpy() == first
    agent.train_step_counter.assign(1)
    assert agent.loss(experience, training=True).loss.numpy() != first
    other = _ebm_agent(seed=1)
    _copy_weights(twin, other)
    assert other.loss(experience, training=True).loss.numpy() != first


def test_stopping_and_resuming_changes_nothing():
    whole = _ebm_agent()
    stopped = _ebm_agent()
    _copy_weights(whole, stopped)
    batches = [agent_testing.batch(seed=seed) for seed in range(4)]
    for experience in batches:
        whole.train(experience)
    for experience in batches[:2]:
        stopped.train(experience)
    resumed = _ebm_agent(train_step_counter=agent_testing.step_counter(2))
    _copy_weights(stopped, resumed)
    for experience in batches[2:]:
        resumed.train(experience)
    np.testing.assert_array_equal(whole.train_step_counter, resumed.train_step_counter)
    agent_testing.assert_close(agent_testing.weights(resumed), agent_testing.weights(whole))


def test_step_is_gradient_descent_on_the_loss():
    agent, experience = _mse_agent(), agent_testing.batch()
    start = agent_testing.weights(agent)
    variables = agent.cloning_network.variables
    loss_info = agent.train(experience)
    assert agent.train_step_counter.numpy() == 1
    moved = [(old - new.numpy()) / 0.1 for old, new in zip(start, variables, strict=True)]
    agent.cloning_network.set_weights(start)
    assert agent.loss(experience).loss.numpy() == pytest.approx(loss_info.loss.numpy())
    head, epsilon = variables[-1], 1e-2
    for index in range(2):
        values = []
        for sign in (1, -1):
            shifted = start[-1].copy()
            shifted[index] += sign * epsilon
            head.assign(shifted)
            values.append(agent.loss(experience).loss.numpy())
        slope = (values[0] - values[1]) / (2 * epsilon)
        assert moved[-1][index] == pytest.approx(slope, rel=1e-2, abs=1e-4)


@pytest.mark.parametrize("compiled", [False, True])
def test_non_finite_loss_names_the_step_and_keeps_the_weights(compiled):
    agent = _mse_agent()
    train = tf.function(agent.train) if compiled else agent.train
    observation, action = agent_testing.batch()
    train((observation, action))
    train((observation, action))
    before = agent_testing.weights(agent)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"not finite at training step\D*2"):
        train((observation, tf.fill([8, 2], np.nan)))
    agent_testing.assert_close(agent_testing.weights(agent), before)
    assert agent.train_step_counter.numpy() == 2


def test_example_weights():
    agent, (observation, action) = _mse_agent(), agent_testing.batch()
    predicted = agent.cloning_network.regress(observation).numpy().astype(np.float64)
    errors = ((predicted - action.numpy()) ** 2).mean(-1)
    weights = np.arange(8, dtype=np.float32)
    loss = agent.loss((observation, action), weights=tf.constant(weights)).loss
    assert loss.numpy() == pytest.approx((errors * weights).mean(), rel=1e-5)


@pytest.mark.parametrize("summarize", [False, True])
def test_norms_of_gradients_and_on_request_of_variables_are_reported(summarize):
    agent = _mse_agent(summarize_grads_and_vars=summarize)
    experience = agent_testing.batch()
    start, extra, end = _flat(agent), agent.train(experience).extra, _flat(agent)
    moved = np.linalg.norm((start - end) / np.float32(0.1))
    assert extra["gradients_norm"].numpy() == pytest.approx(moved, rel=1e-3)
    assert ("variables_norm" in extra) == summarize
    if summarize:
        assert extra["variables_norm"].numpy() == pytest.approx(np.linalg.norm(end), rel=1e-5)
    assert np.linalg.norm(start) != np.linalg.norm(end)


@pytest.mark.parametrize("kind", [tf.keras.optimizers.legacy.Adam, tf.keras.optimizers.AdamW])
def test_the_learning_rate_is_that_of_the_latest_step(kind):
    rate = tf.keras.optimizers.schedules.PolynomialDecay(0.5, 5, 0.0)
    network = agent_testing.mlp_regression(rate=0.0)
    agent = agent_testing.agent(mse_agent.MseBehavioralCloningAgent, network, kind(rate))
    for expected in (0.5, 0.4, 0.3):
        agent.train(agent_testing.batch())
        assert agent.learning_rate == pytest.approx(expected)


def test_trains_in_tf_agents_learner(tmp_path):
    agent, experience = _ebm_agent(), agent_testing.batch()
    dataset = tf.data.Dataset.from_tensors((experience, ())).repeat()
    trainer = learner.Learner(
        str(tmp_path), agent.train_step_counter, agent, lambda: dataset, checkpoint_interval=2
    )
    loss_info = trainer.run(iterations=3)
    assert np.isfinite(loss_info.loss)
    assert loss_info.extra["ebm_total_loss"].numpy() == pytest.approx(loss_info.loss.numpy())
    assert agent.train_step_counter.numpy() == 3
    assert list(tmp_path.glob("train/checkpoints/*"))


def test_xla_takes_the_same_step():
    plain, compiled = _mse_agent(), _mse_agent(jit_compile=True)
    _copy_weights(plain, compiled)
    experience = agent_testing.batch()
    for _ in range(2):
        expected, found = plain.train(experience), compiled.train(experience)
        assert found.loss.numpy() == pytest.approx(expected.loss.numpy(), rel=1e-5)
    agent_testing.assert_close(*map(agent_testing.weights, (compiled, plain)), 1e-4, 1e-6)


def test_xla_repeats_itself_with_chains_and_dropout():
    agent = _ebm_agent(jit_compile=True)
    start, results = agent_testing.weights(agent), []
    for step in (0, 0, 1):
        agent.cloning_network.set_weights(start)
        agent.train_step_counter.assign(step)
        agent.train(agent_testing.batch())
        results.append(_flat(agent))
    np.testing.assert_array_equal(results[0], results[1])
    assert not np.array_equal(results[0], results[2])


_TWO_REPLICAS = """
    import ibc
    import numpy as np
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    from ibc.agents import base_agent_test
    from tests import agent_testing

    experience = agent_testing.batch(8)
    single = base_agent_test._mse_agent(rate=0.3)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    def make_ebm():
        network = agent_testing.mlp_energy(dense_layer_type="spectral_norm")
        return base_agent_test._ebm_agent(network=network)

    single_ebm = make_ebm()
    with strategy.scope():
        shared = base_agent_test._mse_agent(rate=0.3)
        ebm = make_ebm()
    base_agent_test._copy_weights(single, shared)
    base_agent_test._copy_weights(single_ebm, ebm)

    def half(context):
        rows = slice(4 * context.replica_id_in_sync_group, 4 + 4 * context.replica_id_in_sync_group)
        return tf.nest.map_structure(lambda values: values[rows], experience)

    halves = strategy.experimental_distribute_values_from_function(half)

    def totals(agent):
        step = tf.function(lambda batch: strategy.run(agent.train, args=(batch,)), autograph=False)
        sum_up = lambda value: strategy.reduce(tf.distribute.ReduceOp.SUM, value, axis=None)
        return lambda batch: tf.nest.map_structure(sum_up, step(batch))

    train = totals(shared)
    for _ in range(2):
        expected, found = single.train(experience), train(halves)
        np.testing.assert_allclose(found.loss, expected.loss, rtol=1e-5)
        np.testing.assert_allclose(found.extra["mse_total_loss"], expected.loss, rtol=1e-5)
    for one, other in zip(single.cloning_network.variables, shared.cloning_network.variables):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    train = totals(ebm)
    for _ in range(2):
        # Counter-examples belong to examples, whichever replica has them.
        expected, found = single_ebm.train(experience), train(halves)
        np.testing.assert_allclose(found.loss, expected.loss, rtol=1e-5)
    assert ebm.train_step_counter.numpy() == 2
    print("two replicas agree with one")
"""


def test_two_replicas_take_the_step_of_one():
    script = textwrap.dedent(_TWO_REPLICAS)
    run = commands.python_at_once("-c", script)
    assert "two replicas agree with one" in run.stdout, run.stderr[-3000:]
