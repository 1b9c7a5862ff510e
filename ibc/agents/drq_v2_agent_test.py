"""DrQ-v2 computes what the published agent computes, and learns of what it is given."""

import numpy as np
import pytest
import tensorflow as tf
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import policy_step, trajectory
from tf_agents.trajectories import time_step as ts

from ibc.agents import drq_v2_agent, noise_schedule
from ibc.networks import drq_networks
from tests import video_golden

_ACTION = tensor_spec.BoundedTensorSpec([2], tf.float32, -1, 1)
_PIXELS = tensor_spec.TensorSpec([84, 84, 9], tf.uint8)
_STATES = tensor_spec.TensorSpec([6], tf.float32)
_OFFSETS = {"encoder": 100, "actor": 200, "critic": 300, "target": 400}
_KINDS = ("pixels", "states")


def make(kind: str, **options) -> drq_v2_agent.DrqV2Agent:
    """Returns a small agent of `pixels` or `states`."""
    if kind == "pixels":
        encoder = drq_networks.PixelEncoder((84, 84, 9))
    else:
        encoder = drq_networks.StateEncoder(6, 12)
    actor, critic, target = (
        network(encoder.size, 2, feature_dim=10, hidden_size=16)
        for network in (drq_networks.Actor, drq_networks.Critic, drq_networks.Critic)
    )
    return drq_v2_agent.DrqV2Agent(
        ts.time_step_spec(_PIXELS if kind == "pixels" else _STATES),
        _ACTION,
        encoder,
        actor,
        critic,
        target,
        drq_v2_agent.DrqOptions(**options),
    )


def _layers(network, prefix: str, names=(0, 2, 4)):
    for number, kernel, bias in zip(names, network.kernels, network.biases, strict=True):
        yield f"{prefix}.{number}.weight", kernel
        yield f"{prefix}.{number}.bias", bias


def _norm(module, prefix: str):
    yield f"{prefix}.weight", module.scale
    yield f"{prefix}.bias", module.offset


def _entries(part: str, network):
    """Yields the published state dictionary's names, and our variables."""
    if part == "encoder":
        if isinstance(network, drq_networks.PixelEncoder):
            yield from _layers(network, "convnet", (0, 2, 4, 6))
            return
        yield from _layers(network.layers[0], "encoder", (0,))
        yield from _norm(network.norm, "encoder.1")
        yield "encoder.1.running_mean", network.norm.mean
        yield "encoder.1.running_var", network.norm.variance
        yield "encoder.1.num_batches_tracked", None
        yield from _layers(network.layers[1], "encoder", (3,))
        return
    yield from _layers(network.trunk.layer, "trunk", (0,))
    yield from _norm(network.trunk, "trunk.1")
    heads = {"policy": network.head} if part == "actor" else {}
    if part != "actor":
        heads = dict(zip(("Q1", "Q2"), network.heads, strict=True))
    for name, head in heads.items():
        yield from _layers(head, name)


def _parts(agent):
    networks = (agent.encoder, agent.actor, agent.critic, agent.target_critic)
    return dict(zip(_OFFSETS, networks, strict=True))


def _recorded(golden, kind: str):
    recorded = np.load(golden(f"video_imitation/drqv2_{kind}.npz"))
    agent = make(kind)
    for part, network in _parts(agent).items():
        video_golden.fill_entries(_entries(part, network), _OFFSETS[part])
    agent.std.assign(noise_schedule.parse("linear(1.0,0.1,500000)")(int(recorded["step"])))
    return recorded, agent, _batch(recorded, kind)


def _batch(recorded, kind: str) -> drq_v2_agent.Batch:
    if kind == "pixels":
        observation, following = (
            recorded[f"blocks_{name}"].repeat(6, 2).repeat(6, 3).transpose(0, 2, 3, 1)
            for name in ("obs", "next")
        )
    else:
        observation, following = recorded["state"], recorded["next_state"]
    flat = recorded["reward"][:, 0], recorded["discount"][:, 0]
    values = observation, recorded["action"], *flat, following
    return drq_v2_agent.Batch(*map(tf.constant, values))


def _draws(recorded, update: int, rows: int) -> drq_v2_agent.Draws:
    def found(name: str):
        key = f"draw{update}_{name}"
        return recorded[key] if key in recorded.files else np.zeros([rows, 2])

    offsets = (tf.constant(found(f"offsets_{which}"), tf.int32) for which in ("obs", "next"))
    noise = (tf.constant(found(f"eps_{which}"), tf.float32) for which in ("next", "actor"))
    return drq_v2_agent.Draws(*offsets, *noise)


@pytest.mark.parametrize("kind", _KINDS)
def test_networks_are_the_published_ones(golden, kind):
    recorded, agent, batch = _recorded(golden, kind)
    encoding = agent.encoder(batch.observation)
    shown = encoding[:, ::980] if kind == "pixels" else encoding
    near = dict(rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(shown, recorded["repr"], **near)
    np.testing.assert_allclose(tf.norm(encoding, axis=1), recorded["repr_norm"], **near)
    np.testing.assert_allclose(agent.actor.trunk(encoding), recorded["actor_trunk"], **near)
    np.testing.assert_allclose(agent.actor(encoding), recorded["mu"], **near)
    for name, critic in (("q", agent.critic), ("q_target", agent.target_critic)):
        values = tf.stack(critic(encoding, batch.action), 1)
        np.testing.assert_allclose(values, recorded[name], **near)


@pytest.mark.parametrize("kind", _KINDS)
def test_two_updates_are_the_published_ones(golden, kind):
    recorded, agent, batch = _recorded(golden, kind)
    rows = len(batch.reward)
    first = _draws(recorded, 0, rows)
    encoding = _encoding(agent, batch, first)
    actor = [tf.identity(weight) for weight in agent.actor.weights]
    _check_update(recorded, 0, agent.update(batch, first))
    _check_gradients(recorded, agent, encoding, actor, first)
    _check_update(recorded, 1, agent.update(batch, _draws(recorded, 1, rows)))
    encoding = agent.encoder(batch.observation)
    found = {
        "mu": agent.actor(encoding),
        "q": tf.stack(agent.critic(encoding, batch.action), 1),
        "q_target": tf.stack(agent.target_critic(encoding, batch.action), 1),
    }
    for name, value in found.items():
        np.testing.assert_allclose(value, recorded[f"after_{name}"], rtol=1e-3, atol=2e-4)
    if kind == "states":
        norm = agent.encoder.norm
        # A bias before a normalization has no gradient: Adam makes steps of 1e-4 of what rounding
        # leaves, in either direction, and the running mean follows by a tenth.
        np.testing.assert_allclose(
            norm.mean, recorded["encoder_after|encoder.1.running_mean"], 0, 4e-5
        )
        np.testing.assert_allclose(
            norm.variance, recorded["encoder_after|encoder.1.running_var"], 1e-4
        )


def _check_update(recorded, update: int, info: drq_v2_agent.DrqInfo) -> None:
    for name, value in info._asdict().items():
        np.testing.assert_allclose(value, recorded[f"update{update}|{name}"], rtol=1e-3, atol=2e-5)


def _encoding(agent, batch, draws) -> tf.Tensor:
    """What the actor's loss of an update sees; leaves running moments as they are."""
    moments = []
    if isinstance(agent.encoder, drq_networks.StateEncoder):
        moments = [agent.encoder.norm.mean, agent.encoder.norm.variance]
    before = [tf.identity(moment) for moment in moments]
    encoding = agent.encoder(agent._shifted(batch.observation, draws.offsets), training=True)
    for moment, value in zip(moments, before, strict=True):
        moment.assign(value)
    return encoding


def _check_gradients(recorded, agent, encoding, actor, draws) -> None:
    """Compares gradients of the first update, as Adam's first averages tell them.

    The recorded ones of the critic include what the actor's loss left there.
    """
    after = [tf.identity(weight) for weight in agent.actor.weights]
    for weight, before in zip(agent.actor.weights, actor, strict=True):
        weight.assign(before)
    with tf.GradientTape() as tape:
        action = agent._noisy(agent.actor(encoding), draws.noise)
        loss = -tf.reduce_mean(agent.critic.lower(encoding, action))
    left = tape.gradient(loss, agent.critic.weights)
    for weight, value in zip(agent.actor.weights, after, strict=True):
        weight.assign(value)
    gradients = {}
    for optimizer, weights in (
        (agent.critic_optimizer, agent.critic_weights),
        (agent.actor_optimizer, agent.actor.weights),
    ):
        for weight, average in zip(weights, optimizer._momentums, strict=True):
            gradients[weight.ref()] = average / (1 - optimizer.beta_1)
    for weight, gradient in zip(agent.critic.weights, left, strict=True):
        gradients[weight.ref()] += gradient
    compared = 0
    for part in ("encoder", "actor", "critic"):
        for name, variable in _entries(part, _parts(agent)[part]):
            key = f"gradient_after_update0|{part}|{name}"
            if key in recorded.files:
                norm, product = video_golden.summary(gradients[variable.ref()])
                expected = recorded[key]
                np.testing.assert_allclose(norm, expected[0], rtol=2e-3, atol=1e-5)
                assert abs(product - expected[1]) <= 2e-3 * expected[0] + 1e-5, name
                compared += 1
    assert compared == sum(name.startswith("gradient") for name in recorded.files)


def transitions(kind: str, rows: int = 6) -> drq_v2_agent.Batch:
    """Returns transitions of noise."""
    random = np.random.default_rng(0)
    if kind == "pixels":
        seen = random.integers(0, 256, [2, rows, 84, 84, 9], np.uint8)
    else:
        seen = random.normal(size=[2, rows, 6]).astype(np.float32)
    action = random.uniform(-1, 1, [rows, 2]).astype(np.float32)
    reward = random.normal(size=rows).astype(np.float32)
    discount = np.full(rows, 0.97, np.float32)
    return drq_v2_agent.Batch(*map(tf.constant, (seen[0], action, reward, discount, seen[1])))


def test_trains_on_transitions_of_tf_agents_as_it_updates():
    batch = transitions("states")
    agents = [make("states") for _ in range(2)]
    step = ts.restart(batch.observation, 6)
    end = ts.TimeStep(step.step_type, batch.reward, batch.discount, batch.next_observation)
    experience = trajectory.Transition(step, policy_step.PolicyStep(batch.action), end)
    found = agents[0].train(experience)
    expected = agents[1].update(batch, agents[1].draws(6))
    np.testing.assert_allclose(found.loss, expected.critic_loss + expected.actor_loss, rtol=1e-5)
    for one, other in zip(agents[0].variables, agents[1].variables, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert agents[0].train_step_counter == 1
    np.testing.assert_array_equal(agents[0].draws(6).noise, agents[1].draws(6).noise)
    with pytest.raises(ValueError, match="leave out weights"):
        agents[0].train(experience, weights=tf.ones([6]))


def test_values_come_to_what_is_paid():
    agent, batch = make("states", learning_rate=3e-3), transitions("states")
    batch = batch._replace(discount=tf.zeros([6]))
    update = tf.function(lambda: agent.update(batch, agent.draws(6)))
    losses = [float(update().critic_loss) for _ in range(300)]
    assert losses[-1] < 0.02 * losses[0]


def test_policies_act_within_bounds_with_noise_and_without():
    agent = make("pixels")
    step = ts.restart(transitions("pixels").observation, 6)
    greedy = agent.policy.action(step).action
    np.testing.assert_array_equal(greedy, agent.policy.action(step).action)
    agent.std.assign(5.0)
    one, again, other = (agent.collect_policy.action(step, seed=[1, n]).action for n in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert np.any(one != other) and 0.999998 < np.abs(one).max() < 1
    agent.std.assign(0.0)
    np.testing.assert_allclose(agent.collect_policy.action(step).action, greedy, atol=2e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(learning_rate=0.0), "drq.learning_rate must be a positive"),
        (dict(target_share=2.0), "drq.target_share must be at most 1"),
        (dict(pad=-1), "drq.pad must be a whole number of at least 0"),
    ],
)
def test_wrong_numbers_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        drq_v2_agent.DrqOptions(**options)


def test_pictures_that_are_too_small_are_refused():
    with pytest.raises(ValueError, match="14×14 pixels are too small"):
        drq_networks.PixelEncoder((14, 14, 3))
    assert drq_networks.PixelEncoder((15, 15, 3)).size == 32
