import numpy as np
import pytest
import tensorflow as tf

from ibc.ncsn import energy_learner
from ibc.networks import pair_energy
from tests import near_golden


def _learner(sigmas, version="v2", observes=False, mask=None, **objective):
    architecture = pair_energy.Architecture(
        2, (6, 9), 12, (7, 5), version, tuple(map(float, sigmas)), mask=mask
    )
    pair = [pair_energy.PairEnergy(architecture) for _ in range(2)]
    return energy_learner.EnergyLearner(*pair, energy_learner.Objective(**objective), observes)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_six_recorded_steps(golden, version):
    recorded = np.load(golden(f"near/energy_{version}.npz"))
    learner = _learner(recorded["sigmas"], version, learning_rate=1e-2, average_rate=0.9)
    for energy in (learner.trained, learner.averaged):
        near_golden.load(energy.network.weights, near_golden.weights(recorded))
    for step in range(6):
        told = learner.make_step(
            tf.constant(recorded[f"train_x{step}"]),
            tf.constant(recorded[f"train_labels{step}"]),
            tf.constant(recorded[f"train_noise{step}"]),
        )
        near_golden.assert_near(told.loss, recorded["train_losses"][step])
        near_golden.assert_near(
            told.gradient_norm, recorded["train_grad_norms_before_clip"][step], rtol=1e-3
        )
    for energy, kind in ((learner.trained, "after"), (learner.averaged, "ema")):
        expected = near_golden.weights(recorded, f"train_{kind}_var")
        for variable, value in zip(energy.network.weights, expected, strict=True):
            # Adam's first steps are signs of gradients, whatever their size.
            near_golden.assert_near(variable, value, atol=2e-5)


def _rows(count=64):
    return tf.random.stateless_normal([count, 4], [7, 7]) * 3 + 5


def test_many_steps_do_not_depend_on_how_they_are_split():
    whole, split = (_learner([1.0, 0.1], observes=True) for _ in range(2))
    whole.train(_rows(), 16, 6, 3)
    for steps in (1, 2, 3):
        split.train(_rows(), 16, steps, 3)
    assert whole.step.numpy() == split.step.numpy() == 6
    for one, two in zip(whole.averaged.variables, split.averaged.variables, strict=True):
        np.testing.assert_array_equal(one, two)
    assert whole.averaged.normalizer.count.numpy() == 1 + 6 * 16


def test_the_loss_falls_and_the_average_follows():
    learner = _learner([1.0, 0.3], learning_rate=1e-2, average_rate=0.9)
    learner.trained.normalizer.set_exact(_rows(512).numpy())
    first = learner.train(_rows(512), 64, 5, 0).loss
    last = [learner.train(_rows(512), 64, 60, 0).loss for _ in range(3)][-1]
    assert last < 0.85 * first
    for average, weight in zip(
        learner.averaged.network.weights, learner.trained.network.weights, strict=True
    ):
        assert 0 < np.abs(average - weight).max() < 0.5


def test_masked_features_change_nothing():
    learner = _learner([1.0, 0.1], mask=(True, False, True, True))
    inputs, levels = _rows(8), tf.zeros([8], tf.int32)
    noise = tf.random.stateless_normal([8, 4], [1, 1])
    hidden = tf.constant([0.0, 1.0, 0.0, 0.0])
    loss = learner.loss(learner.trained, inputs, levels, noise)
    assert loss == learner.loss(learner.trained, inputs + 9 * hidden, levels, noise + 9 * hidden)


@pytest.mark.parametrize("kernel", ["gaussian", "uniform"])
def test_energy_matching_with_a_penalty_trains(kernel):
    learner = _learner([1.0, 0.1], loss="energy", kernel=kernel, regularise=True)
    assert np.isfinite(learner.train(_rows(), 16, 3, 0).loss)


def test_unknown_objectives_are_said():
    with pytest.raises(ValueError, match=r"training\.loss must be one of"):
        energy_learner.Objective(loss="mse")
