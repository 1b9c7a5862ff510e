import numpy as np
import pytest
import tensorflow as tf

from ibc.networks import noise_conditioned_energy as energies
from tests import near_golden


def _network(version="v2", **options):
    sigmas = energies.noise_levels(version, 2.0, 0.01, 5)
    sizes = {"encoder": [6, 9], "latent": 12, "decoder": [7, 5]} | options
    return energies.NoiseConditionedEnergy(4, sigmas=sigmas, version=version, **sizes)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_recorded_energies_and_scores(golden, version):
    recorded = np.load(golden(f"near/energy_{version}.npz"))
    network = energies.NoiseConditionedEnergy(4, [6, 9], 12, [7, 5], recorded["sigmas"], version)
    near_golden.load(network.weights, near_golden.weights(recorded))
    found, scores = network.score(tf.constant(recorded["x"]), tf.constant(recorded["labels"]))
    near_golden.assert_near(found, recorded["energy"][:, 0])
    near_golden.assert_near(scores, recorded["score"])
    for level, expected in zip(recorded["eval_labels"], recorded["eval_energies"], strict=True):
        mean = tf.reduce_mean(network(tf.constant(recorded["x"]), int(level)))
        near_golden.assert_near(mean, expected)


def test_recorded_levels(golden):
    recorded = np.load(golden("near/schedules.npz"))
    geometric = energies.noise_levels("v2", 20, 0.01, 50)
    near_golden.assert_near(geometric, recorded["geom_20_001_50"])
    linear = energies.noise_levels("v1", 10, 0.01, 10)
    near_golden.assert_near(linear, recorded["lin_10_001_10"])
    for count, name in ((50, "geom_20_001_50"), (10, "lin_10_001_10")):
        assert energies.evaluated_levels(count) == list(recorded[f"{name}_eval_labels"])


def test_few_levels_are_all_evaluated():
    assert [energies.evaluated_levels(count) for count in (1, 3, 4)] == [
        [0],
        [0, 1, 2],
        [*range(4)],
    ]


@pytest.mark.parametrize("version", energies.VERSIONS)
def test_gradients_are_those_of_differences(version):
    network = _network(version)
    rows = tf.random.stateless_normal([8, 4], [1, 2])
    levels = tf.constant([0, 1, 2, 3, 0, 1, 2, 3])
    found, scores = network.score(rows, levels)
    assert found.shape == [8] and np.isfinite(found).all()
    step = 1e-2 * tf.one_hot([2] * 8, 4)
    slope = (network(rows + step, levels) - network(rows - step, levels)) / 2e-2
    np.testing.assert_allclose(scores[:, 2], slope, rtol=2e-2, atol=2e-3)


def test_only_level_input_orders_pairs_by_level():
    rows = tf.random.stateless_normal([200, 4], [3, 4])
    orders = {}
    for version in ("v2", "level_input"):
        network = _network(version)
        orders[version] = [np.argsort(network(rows, level)) for level in (0, 4)]
    assert (orders["v2"][0] == orders["v2"][1]).all()
    assert (orders["level_input"][0] != orders["level_input"][1]).any()


def test_kernels_follow_the_seed_and_biases_are_small():
    first, same, other = (_network(seed=seed) for seed in (0, 0, 1))
    for one, two, three in zip(first.kernels, same.kernels, other.kernels, strict=True):
        assert (one.numpy() == two.numpy()).all() and (one.numpy() != three.numpy()).any()
        assert np.abs(one).max() <= (6 / sum(one.shape)) ** 0.5
    assert all((bias.numpy() == np.float32(0.01)).all() for bias in first.biases)


@pytest.mark.parametrize(
    ("version", "options", "said"),
    [
        ("v3", {}, "model.version must be one of"),
        ("v1", {"latent": 7}, "even number of at least 4"),
        ("v2", {"encoder": [0]}, "model.units must be a whole number"),
    ],
)
def test_what_cannot_be_built_is_said(version, options, said):
    with pytest.raises(ValueError, match=said):
        _network(version, **options)
