"""Energies around demonstrations, where they can be computed by hand; and their picture."""

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

from ibc.ncsn import distances
from ibc.networks import pair_energy

_SIGMAS = (2.0, 1.0, 0.5, 0.2, 0.1)


@pytest.fixture
def energy(monkeypatch):
    """Returns an energy whose network is −(level + 1)·|x|² of standardised inputs."""
    mask = (True, True, True, False)
    made = pair_energy.PairEnergy(pair_energy.Architecture(2, sigmas=_SIGMAS, mask=mask))

    def squares(inputs, level):
        return -(level + 1.0) * tf.reduce_sum(tf.square(inputs), -1, keepdims=True)

    monkeypatch.setattr(made, "network", squares)
    return made


def test_energies_fall_as_computed_by_hand(energy):
    pairs = np.random.default_rng(0).normal(size=(4000, 4)).astype(np.float32)
    energy.normalizer.set_exact(pair_energy.pair_form(*np.split(pairs, 2, 1), "difference").numpy())
    seen = energy.inputs(tf.constant(pairs)).numpy()
    for level in (0, 3):
        mean, deviation = distances.falling(energy, pairs, level)
        # Each of three numbers that are seen gets a variance of r²/3.
        own = np.square(seen[::3]).sum(-1)
        np.testing.assert_allclose(mean[0], -(level + 1) * own.mean(), rtol=1e-4)
        np.testing.assert_allclose(deviation[0], (level + 1) * own.std(), rtol=1e-4)
        expected = -(level + 1) * (own.mean() + distances.RADII**2)
        np.testing.assert_allclose(mean, expected, rtol=0.05)


def test_the_picture_has_a_panel_for_each_level(energy, tmp_path):
    pairs = np.random.default_rng(1).normal(size=(50, 4)).astype(np.float32)
    energy.normalizer.set_exact(pairs)
    panels = []
    for levels in ((0, 2, 4), (2,)):
        distances.draw(tmp_path / "d.png", energy, pairs, levels)
        drawn = np.array(PIL.Image.open(tmp_path / "d.png"))[..., :3]
        lines = (drawn == (31, 119, 180)).all(-1).any(0)
        # Within a panel its columns have gaps of a few pixels, between panels wide ones.
        panels.append(1 + np.sum(np.diff(np.flatnonzero(lines)) > 20))
    assert panels == [3, 1]
