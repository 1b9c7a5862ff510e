import numpy as np
import pytest
import tensorflow as tf

from ibc.networks import pair_energy
from tests import near_golden


def _energy(**parts):
    given = {"encoder": (6,), "latent": 8, "decoder": (5,), "sigmas": (1.0, 0.1)} | parts
    return pair_energy.PairEnergy(pair_energy.Architecture(2, **given), {"task": "MAZE"})


def test_recorded_energies_of_rollouts(golden):
    recorded = np.load(golden("near/rollout_energy_composition.npz"))
    sigmas = np.load(golden("near/schedules.npz"))["geom_20_001_50"]
    energy = _energy(
        encoder=(6, 9), latent=12, decoder=(7, 5), sigmas=tuple(map(float, sigmas)), form="concat"
    )
    near_golden.deterministic(energy.network.weights)
    energy.normalizer.mean.assign(recorded["mean"])
    energy.normalizer.var.assign(recorded["var"])
    for level in (0, 3):
        found = energy(tf.constant(recorded["paired_obs"]), level)
        near_golden.assert_near(found, recorded[f"level{level}"][..., 0])


def test_forms():
    first, second = tf.constant([[1.0, 2.0]]), tf.constant([[4.0, 1.0]])
    assert pair_energy.pair_form(first, second, "concat").numpy().tolist() == [[1, 2, 4, 1]]
    assert pair_energy.pair_form(first, second, "difference").numpy().tolist() == [[1, 2, 3, -1]]
    with pytest.raises(ValueError, match="pair_features must be one of"):
        pair_energy.pair_form(first, second, "sum")


def test_files_hold_all_of_it(tmp_path):
    energy = _energy(mask=(True, False, True, True))
    energy.normalizer.set_exact(np.random.default_rng(0).normal(size=[50, 4]))
    energy.save(tmp_path / "run" / "energy")
    pairs = np.random.default_rng(1).normal(size=[3, 5, 4]).astype(np.float32)
    for folder in (tmp_path / "run", tmp_path / "run" / "energy"):
        found = pair_energy.load(folder)
        assert found.architecture == energy.architecture
        assert found.description == {"task": "MAZE"}
        np.testing.assert_array_equal(found(pairs, 1), energy(pairs, 1))


def test_masked_features_are_not_seen():
    energy = _energy(mask=(True, True, False, False))
    pairs = np.float32([[1, 2, 3, 4], [1, 2, -7, 0]])
    found = energy(pairs, 0)
    assert found[0] == found[1]
    with pytest.raises(ValueError, match="feature_mask has 3 entries"):
        _energy(mask=(True, True, False))


def test_missing_and_damaged_energies_are_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="train one with `python ibc"):
        pair_energy.load(tmp_path)
    _energy().save(tmp_path / "energy")
    (tmp_path / "energy" / "weights.npz").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="is damaged"):
        pair_energy.load(tmp_path)
