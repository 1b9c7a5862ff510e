"""The implicit agent's loss against float64 recomputation from the actions it scored."""

import inspect
import pathlib

import gin
import numpy as np
import pytest
import tensorflow as tf

from ibc.agents import ibc_agent, mcmc
from ibc.losses import ebm_losses
from ibc.samplers import action_space, dfo
from ibc.samplers import sampler as sampler_lib
from tests import agent_testing

WEIGHT = 1.5
EXPERIENCE = OBSERVATION, ACTION = agent_testing.batch()
ALWAYS_REPORTED = (
    "energy_true_action",
    "energy_counter_examples",
    "counter_examples_above_true_action",
    "gradients_norm",
)
GOALS = OBSERVATION["goal"].numpy()[:, -1:].astype(np.float64)


def _agent(network=None, **options):
    network = network or agent_testing.GoalNetwork(WEIGHT)
    options = {"num_counter_examples": 6, **options}
    return agent_testing.agent(ibc_agent.ImplicitBCAgent, network, **options)


def _train(agent):
    """Trains one step eagerly; returns the loss info, what was scored, and the gradient."""
    network = agent.cloning_network
    before = network.weight.numpy()
    network.encodings, network.scored = 0, []
    info = agent.train(EXPERIENCE)
    gradient = (before - network.weight.numpy()) / 0.1
    return info, network.scored, gradient


def _distances(actions):
    return actions.astype(np.float64) - GOALS


def _info_nce(offsets, weight):
    scores = -weight * (offsets**2).sum(-1)
    return (np.log(np.exp(scores).sum(1)) - scores[:, -1]).mean()


def _penalty(offsets, weight):
    return (np.maximum(0, 2 * weight * np.abs(offsets).max(-1) - 1) ** 2).mean()


def _slope(function, weight, epsilon=1e-6):
    return (function(weight + epsilon) - function(weight - epsilon)) / (2 * epsilon)


@pytest.mark.parametrize("penalized", [False, True])
@pytest.mark.parametrize("fraction", [0.0, 0.5, 1.0])
def test_loss_and_gradient(fraction, penalized):
    agent = _agent(fraction_langevin_samples=fraction, add_grad_penalty=penalized)
    info, scored, gradient = _train(agent)
    in_training = [actions for training, actions in scored if training]
    assert len(in_training) == 1 and in_training[0].shape == (8, 7, 2)
    np.testing.assert_array_equal(in_training[0][:, -1], ACTION)
    offsets = _distances(in_training[0])

    def loss(weight):
        return _info_nce(offsets, weight) + (_penalty(offsets, weight) if penalized else 0)

    assert info.loss.numpy() == pytest.approx(loss(WEIGHT), rel=1e-5)
    assert info.extra["ebm_total_loss"].numpy() == pytest.approx(loss(WEIGHT), rel=1e-5)
    energies = WEIGHT * (offsets**2).sum(-1)
    for name, expected in (
        ("energy_true_action", energies[:, -1].mean()),
        ("energy_counter_examples", energies[:, :-1].mean()),
        ("counter_examples_above_true_action", (energies[:, :-1] < energies[:, -1:]).mean()),
        ("gradients_norm", abs(gradient)),
    ):
        assert info.extra[name].numpy() == pytest.approx(expected, rel=1e-3), name
    assert gradient == pytest.approx(_slope(loss, WEIGHT), rel=1e-3)
    if penalized:
        assert info.extra["grad_loss"].numpy() == pytest.approx(_penalty(offsets, WEIGHT), rel=1e-5)


def test_penalty_on_the_whole_chain():
    gin.parse_config("""
        grad_penalty.only_apply_final_grad_penalty = False
        langevin_actions_given_obs.num_iterations = 4
    """)
    agent = _agent(run_full_chain_under_gradient=True)
    info, scored, gradient = _train(agent)
    chain = np.stack([actions for training, actions in scored if not training])
    assert chain.shape == (4, 8, 6, 2)
    final = _distances(next(actions for training, actions in scored if training))
    visited = np.stack([_distances(actions) for actions in chain])

    def loss(weight):
        return _info_nce(final, weight) + _penalty(visited, weight)

    assert info.loss.numpy() == pytest.approx(loss(WEIGHT), rel=1e-5)
    assert gradient == pytest.approx(_slope(loss, WEIGHT), rel=1e-3)


def _noiseless_chain(samples, weight, rates):
    """Langevin steps on −weight · |a − goal|², in float64."""
    spec = agent_testing.SAMPLING_SPEC
    limit = 0.1 * 0.5 * (spec.maximum - spec.minimum)
    for rate in rates.astype(np.float64):
        delta = np.clip(rate * 0.5 * 2 * weight * (samples - GOALS), -limit, limit)
        samples = np.clip(samples - delta, spec.minimum, spec.maximum)
    return samples


@pytest.mark.parametrize("compiled", [False, True])
def test_cd_kl_is_differentiated_through_the_chain(compiled):
    gin.parse_config("""
        langevin_actions_given_obs.noise_scale = 0.0
        langevin_actions_given_obs.num_iterations = 4
    """)
    options = dict(ebm_loss_type="cd_kl", add_grad_penalty=False, fraction_langevin_samples=1.0)
    agent = _agent(**options)
    info, scored, gradient = _train(agent)
    if compiled:
        agent = _agent(**options)
        info = tf.function(agent.train)(EXPERIENCE)
        gradient = (WEIGHT - agent.cloning_network.weight.numpy()) / 0.1
    start = scored[0][1].astype(np.float64)
    rates = mcmc.polynomial(0.1, 1e-5, 2.0, 4)
    fixed = _noiseless_chain(start, WEIGHT, rates)
    true = _distances(ACTION.numpy()[:, None])

    def contrast(weight):
        squares = ((fixed - GOALS) ** 2).sum(-1) - (true**2).sum(-1)
        return (-weight * squares).mean()

    def divergence(weight):
        samples = _noiseless_chain(start, weight, rates)
        pairs = ((samples[:, :, None] - samples[:, None]) ** 2).sum(-1)
        frozen = -WEIGHT * ((samples - GOALS) ** 2).sum(-1)
        return np.exp(-0.1 * pairs).mean() - frozen.mean()

    through_chain = _slope(divergence, WEIGHT)
    assert abs(through_chain) > 0.05 * abs(gradient)
    assert info.extra["cd_loss"].numpy() == pytest.approx(contrast(WEIGHT), rel=1e-4)
    assert info.extra["kl_loss"].numpy() == pytest.approx(divergence(WEIGHT), rel=1e-4)
    assert info.loss.numpy() == pytest.approx(contrast(WEIGHT) + divergence(WEIGHT), rel=1e-4)
    assert gradient == pytest.approx(_slope(contrast, WEIGHT) + through_chain, rel=1e-3)


@pytest.mark.parametrize("name", ["cd", "clipped_cd", "soft_clipped_cd"])
def test_counter_examples_are_constants_of_the_other_losses(name):
    agent = _agent(ebm_loss_type=name, add_grad_penalty=False, fraction_langevin_samples=0.5)
    info, scored, gradient = _train(agent)
    offsets = _distances(scored[-1][1])
    samples = scored[-1][1][:, :-1].astype(np.float64)
    distances = ((samples - ACTION.numpy()[:, None]) ** 2).sum(-1)
    outside = distances > 0.2 if "clipped" in name else np.ones_like(distances)

    def loss(weight):
        scores = -weight * (offsets**2).sum(-1)
        differences = scores[:, :-1] - scores[:, -1:]
        inside = np.abs(-differences - distances) if "soft" in name else 0.0
        return np.where(outside, differences, inside).mean()

    assert info.loss.numpy() == pytest.approx(loss(WEIGHT), rel=1e-4)
    assert gradient == pytest.approx(_slope(loss, WEIGHT), rel=1e-3)
    assert {"cd_loss", "ebm_total_loss"} <= set(info.extra)


def test_observations_are_encoded_once_per_step():
    agent = _agent(fraction_langevin_samples=0.5, fraction_dfo_samples=0.5)
    _train(agent)
    assert agent.cloning_network.encodings == 1


def test_fractions_of_counter_examples():
    gin.parse_config("langevin_actions_given_obs.noise_scale = 0.0")
    agent = _agent(
        num_counter_examples=100, fraction_dfo_samples=0.25, fraction_langevin_samples=0.25
    )
    _, scored, _ = _train(agent)
    shapes = [actions.shape[1] for training, actions in scored if not training]
    assert shapes == [25] * 3 + [25] * 25
    counters = scored[-1][1][:, :100]
    minimum, maximum = agent_testing.SAMPLING_SPEC.minimum, agent_testing.SAMPLING_SPEC.maximum
    assert np.all(counters >= minimum) and np.all(counters <= maximum)
    untouched = (counters[:, :50] - minimum) / (maximum - minimum)
    np.testing.assert_allclose(untouched.mean((0, 1)), 0.5, atol=5 / np.sqrt(12 * 400))


def test_reported_averages():
    gin.parse_config("langevin_actions_given_obs.num_iterations = 3")
    agent = _agent(compute_mse=True)
    info, scored, _ = _train(agent)
    chain = [_distances(actions) for training, actions in scored if not training]
    energies = [-WEIGHT * (offsets**2).sum(-1).mean() for offsets in chain]
    norms = [2 * WEIGHT * np.abs(offsets).max(-1).mean() for offsets in chain]
    for name, values in (("energies", energies), ("grad_norms", norms)):
        averages = [np.mean(values), values[0], values[-1]]
        for span, expected in zip(("overall", "first", "final"), averages, strict=True):
            assert info.extra[f"{span}_{name}_avg"].numpy() == pytest.approx(expected, rel=1e-4)
    counters = scored[-1][1][:, :-1].astype(np.float64)
    expected = ((counters - ACTION.numpy()[:, None]) ** 2).mean()
    assert info.extra["mse_counter_examples"].numpy() == pytest.approx(expected, rel=1e-5)


def test_nothing_is_reported_that_was_not_asked_for():
    agent = _agent(return_full_chain=False, add_grad_penalty=False)
    info, _, _ = _train(agent)
    assert set(info.extra) == {"ebm_total_loss", *ALWAYS_REPORTED}


def test_temperature_and_validation_loss():
    agent = _agent(softmax_temperature=4.0, fraction_langevin_samples=0.0, add_grad_penalty=False)
    agent.cloning_network.scored = []
    info = agent.loss(EXPERIENCE)
    (training, actions), *others = agent.cloning_network.scored
    assert not training and not others
    expected = _info_nce(_distances(actions), WEIGHT / 4)
    assert info.loss.numpy() == pytest.approx(expected, rel=1e-5)


def test_a_sampler_of_ones_own_makes_every_counter_example():
    def to_the_maximum(score_fn, starts, space, key):
        moved = tf.zeros_like(starts) + space.maximum
        return sampler_lib.Samples(moved, chain="of another kind")

    info, ((_, scored),), _ = _train(_agent(sampler=to_the_maximum))
    np.testing.assert_allclose(scored[:, :-1], np.broadcast_to([1.0, 1.5], [8, 6, 2]))
    np.testing.assert_allclose(scored[:, -1], ACTION)
    assert {"grad_loss", "ebm_total_loss", *ALWAYS_REPORTED} == set(info.extra)


@pytest.mark.parametrize(("loss", "steps"), [("info_nce", 25), ("cd_kl", 3)])
def test_spectral_norm_network_trains(loss, steps):
    gin.parse_config(f"langevin_actions_given_obs.num_iterations = {steps}")
    network = agent_testing.mlp_energy(dense_layer_type="spectral_norm")
    agent = _agent(network, ebm_loss_type=loss, late_fusion=True)
    before = network.non_trainable_variables[0].numpy()
    assert np.all(np.isfinite(agent_testing.losses(agent, EXPERIENCE, 3)))
    assert np.isfinite(agent.loss(EXPERIENCE).loss)
    assert not np.array_equal(before, network.non_trainable_variables[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(fraction_dfo_samples=-0.1), "fraction_dfo_samples must be in"),
        (dict(fraction_langevin_samples=1.1), "fraction_langevin_samples must be in"),
        (dict(fraction_dfo_samples=0.6, fraction_langevin_samples=0.6), "together"),
        (dict(ebm_loss_type="hinge"), r"'clipped_cd', 'info_nce', 'soft_clipped_cd'\], .*'hinge'"),
        (dict(ebm_loss_type="cd_kl", fraction_langevin_samples=0.0), "fraction_langevin_samples"),
        (dict(grad_norm_type="3"), "'3'"),
        (dict(sampler="x"), "ImplicitBCAgent.sampler must be a sampler, .* got 'x'"),
        (dict(sampler=dfo.IterativeDFO), "with its brackets, got <class"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        _agent(**options)


@pytest.mark.parametrize(
    "options", [dict(), dict(run_full_chain_under_gradient=True, fraction_langevin_samples=0.0)]
)
def test_chain_penalty_needs_a_chain_under_gradient(options):
    gin.parse_config("grad_penalty.only_apply_final_grad_penalty = False")
    with pytest.raises(ValueError, match="run_full_chain_under_gradient"):
        _agent(**options)


def test_sampling_spec_must_fit_the_action():
    spec = agent_testing.SAMPLING_SPEC
    wrong = tf.nest.map_structure(lambda s: type(s)([3], s.dtype, -1.0, 1.0), spec)
    with pytest.raises(ValueError, match=r"\(3,\).*\[2\]"):
        action_space.ActionSpace.bounded(agent_testing.ACTION_SPEC, wrong)


def _frames_since(name):
    """Files of this project on the stack, from the latest call of a function on."""
    root, files = pathlib.Path(__file__).parents[2], []
    for frame in inspect.stack()[2:]:
        path = pathlib.Path(frame.filename)
        if path.is_relative_to(root) and ".venv" not in path.parts:
            files.append(path.relative_to(root).as_posix())
        if frame.function == name:
            return files
    return []


def test_between_losses_and_their_parts_are_agent_samplers_and_losses_alone(monkeypatch):
    stacks, info_nce = [], ebm_losses.info_nce

    class Network(agent_testing.GoalNetwork):
        def score(self, *arguments, **keywords):
            stacks.append(_frames_since("_losses"))
            return super().score(*arguments, **keywords)

    def watched(*arguments):
        stacks.append(_frames_since("_losses"))
        return info_nce(*arguments)

    monkeypatch.setattr(ebm_losses, "info_nce", watched)
    agent = _agent(Network(WEIGHT), fraction_dfo_samples=0.5, fraction_langevin_samples=0.5)
    stacks.clear()
    _train(agent)
    assert len(stacks) == 30 and all(stacks)
    rooms = {file.rpartition("/")[0] for files in stacks for file in files}
    assert rooms == {"ibc/agents", "ibc/samplers", "ibc/losses"}
    assert max(map(len, stacks)) <= 9
