import numpy as np
import pytest
import tensorflow as tf

from ibc.networks import pair_energy
from ibc.rewards import annealers, composition, near
from tests import near_golden


def _energy(sigmas=(1.0, 0.1), **parts):
    given = {"encoder": (6, 9), "latent": 12, "decoder": (7, 5), "form": "concat"} | parts
    return pair_energy.PairEnergy(
        pair_energy.Architecture(2, sigmas=tuple(map(float, sigmas)), **given)
    )


def test_recorded_composition(golden):
    recorded = np.load(golden("near/rollout_energy_composition.npz"))
    sigmas = np.load(golden("near/schedules.npz"))["geom_20_001_50"]
    energies = [_energy(sigmas) for _ in range(2)]
    for k, energy in enumerate(energies):
        scale = float(recorded["compose_scale"]) if k else 1.0
        near_golden.deterministic(energy.network.weights, scale)
        energy.normalizer.mean.assign(recorded[f"compose_mean{k}"])
        energy.normalizer.var.assign(recorded[f"compose_var{k}"])
    samples = [recorded[f"compose_samples_{name}"] for name in "ab"]
    scales = composition.scales(energies, samples, published=True)
    near_golden.assert_near(scales, recorded["compose_scaling"])
    level = int(recorded["compose_level"])
    weights = tf.constant(recorded["compose_weights"])
    for weighting, name in (
        (composition.Constant((0.5, 0.5)), "equal"),
        (lambda pairs, frame: weights, "weighted"),
    ):
        composed = composition.ComposedEnergy(energies, scales, weighting)
        found = composed(tf.constant(recorded["compose_x"]), level)
        near_golden.assert_near(found, recorded[f"compose_{name}"][:, 0])


def test_weights_by_distance_and_by_schedule():
    near = composition.ByDistance((0.0, 0.0), 2.0, (1.0, 0.0), (0.0, 1.0))
    pairs = tf.constant([[9.0, 9, 0, 0], [9, 9, 1, 0], [9, 9, 0, 5]])
    np.testing.assert_allclose(near(pairs, 0), [[1, 0], [0.5, 0.5], [0, 1]])
    schedule = composition.BySchedule((1.0, 0.0), (0.0, 1.0), 100)
    for frame, expected in ((0, [1, 0]), (25, [0.75, 0.25]), (1000, [0, 1])):
        np.testing.assert_allclose(schedule(pairs, frame), expected)


def test_a_schedule_goes_on_with_the_run():
    energies = [_energy(), _energy()]
    for weight in energies[1].network.weights:
        weight.assign(0.5 * weight)
    schedule = composition.BySchedule((1.0, 0.0), (0.0, 1.0), 100)
    composed = composition.ComposedEnergy(energies, (1.0, 1.0), schedule)
    reward = near.NearReward(composed, annealers.Annealer(2))
    pairs = np.float32(np.random.default_rng(0).normal(size=[3, 2, 4]))
    for frame, of in ((0, energies[0]), (100, energies[1])):
        found = reward.rollout(pairs, np.zeros([3, 2], np.float32), frame=frame).energy
        np.testing.assert_allclose(found, of(pairs, 0), rtol=1e-5)


def test_what_does_not_fit_is_said():
    weighting = composition.Constant((0.5, 0.5))
    with pytest.raises(ValueError, match="same levels"):
        composition.ComposedEnergy([_energy(), _energy((1.0,))], (1, 1), weighting)
    with pytest.raises(ValueError, match="2 energies, but 1 scales"):
        composition.ComposedEnergy([_energy(), _energy()], (1,), weighting)
    three = composition.ComposedEnergy([_energy()] * 3, (1, 1, 1), weighting)
    with pytest.raises(ValueError, match="3 energies, but 2 weights"):
        three(tf.zeros([1, 4]), 0)
