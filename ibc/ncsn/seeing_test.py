"""Energies around demonstrations, where they can be computed by hand; and their pictures."""

import pathlib
import shutil

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

from ibc.data import pairs as pairs_lib
from ibc.ncsn import seeing
from ibc.networks import pair_energy
from ibc.pictures import pair_distances
from tests import commands

_SIGMAS = (2.0, 1.0, 0.5, 0.2, 0.1)


@pytest.fixture
def energy(monkeypatch):
    """Returns an energy whose network is −|x|²/σ of standardised inputs."""
    mask = (True, True, True, False)
    made = pair_energy.PairEnergy(pair_energy.Architecture(2, sigmas=_SIGMAS, mask=mask))

    def squares(inputs, level):
        return -tf.reduce_sum(tf.square(inputs), -1, keepdims=True) / tf.gather(_SIGMAS, level)

    monkeypatch.setattr(made, "network", lambda rows, level: tf.squeeze(squares(rows, level), -1))
    return made


def _normal(count: int, energy: pair_energy.PairEnergy) -> np.ndarray:
    pairs = np.random.default_rng(0).normal(size=(count, 4)).astype(np.float32)
    energy.normalizer.set_exact(pair_energy.pair_form(*np.split(pairs, 2, 1), "difference").numpy())
    return pairs


def test_energies_fall_as_computed_by_hand(energy):
    pairs = _normal(4000, energy)
    own = np.square(energy.inputs(tf.constant(pairs)).numpy()[::3]).sum(-1)
    *curves, annealed = seeing.distances(energy, pairs)
    assert len(curves) == len(_SIGMAS)
    for curve, sigma in zip(curves, _SIGMAS, strict=True):
        # Each of three numbers that are seen gets a variance of r²/3.
        np.testing.assert_allclose(curve.mean[0], -own.mean() / sigma, rtol=1e-4)
        np.testing.assert_allclose(curve.deviation[0], own.std() / sigma, rtol=1e-4)
        expected = -(own.mean() + pair_distances.RADII**2) / sigma
        np.testing.assert_allclose(curve.mean, expected, rtol=0.05)
    # Who comes from far begins at the widest level, and ends at a sharper one.
    assert annealed.level[-1] == 0 and annealed.level[0] == 4
    assert (np.diff(annealed.level) <= 0).all()
    np.testing.assert_allclose(annealed.mean[0], curves[4].mean[0], rtol=1e-5)


def test_the_picture_has_a_panel_for_each_level_and_the_annealed_curve(energy, tmp_path):
    pairs = _normal(50, energy)
    split = pairs_lib.Pairs(pairs[:40], pairs[40:], ())
    seeing.draw(tmp_path, energy, split)
    drawn = np.array(PIL.Image.open(tmp_path / "distances.png"))[..., :3]
    lines = (drawn == (31, 119, 180)).all(-1)
    # Within a panel its columns have gaps of a few pixels, between panels wide ones.
    upper, lower = np.array_split(lines, 2)
    assert 1 + np.sum(np.diff(np.flatnonzero(upper.any(0))) > 20) == 4
    assert 1 + np.sum(np.diff(np.flatnonzero(lower.any(0))) > 20) == 2
    assert (drawn == (255, 127, 14)).all(-1).any()


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> pathlib.Path:
    """Trains a small energy; returns the folder that it was trained in."""
    folder = tmp_path_factory.mktemp("trained")
    ways = np.concatenate([np.linspace([0, k], [100, 2 * k], 40) for k in range(9)])
    np.savez(folder / "ways.npz", state=ways, episode_ends=np.arange(40, 361, 40))
    np.savez(folder / "other.npz", state=np.eye(4, 3), episode_ends=[4])
    small = ("model.encoder=[8]", "model.decoder=[6]", "model.latent=8", "training.n_iters=5")
    given = [f"--dataset_path={folder}/ways.npz", "--tag=a", *(f"--set={s}" for s in small)]
    given += [f"--gin_bindings=train_ncsn.root_dir = '{folder}/runs/ncsn'"]
    done = commands.in_process(
        "train_ncsn", ["--task=MAZE", *given, "--set=data.drop_repeated=False"]
    )
    assert done.status == 0
    return folder


@pytest.fixture
def run(trained, tmp_path, monkeypatch) -> pathlib.Path:
    """Copies what was trained into the present folder; returns the run's."""
    shutil.copytree(trained, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return pathlib.Path("runs/ncsn/a")


def test_a_trained_energy_is_drawn_anew(run):
    pictures = [run / "energy.png", run / "distances.png"]
    first = [path.read_bytes() for path in pictures]
    for path in pictures:
        path.unlink()
    # Of the demonstrations that the run was told by a flag.
    given = ["--task=MAZE", "--test", f"--checkpoint={run}"]
    done = commands.in_process("train_ncsn", given)
    assert (done.status, done.errors) == (0, [])
    assert done.output.split() == [f"{run}/distances.png", f"{run}/energy.png"]
    assert [path.read_bytes() for path in pictures] == first
    assert commands.in_process("train_ncsn", [*given, "--sigma_level=49"]).status == 0
    assert pictures[0].read_bytes() != first[0]
    assert pictures[1].read_bytes() == first[1]
    half = np.load("ways.npz")["state"] / 2
    np.savez("half.npz", state=half, episode_ends=np.arange(40, 361, 40))
    for other in ("--dataset_path=half.npz", "--set=dataset_path=half.npz"):
        assert commands.in_process("train_ncsn", [*given, other]).status == 0
        assert pictures[1].read_bytes() != first[1]
        assert commands.in_process("train_ncsn", given).status == 0
        assert pictures[1].read_bytes() == first[1]


def test_what_cannot_be_drawn_is_said(run):
    at, own = f"--checkpoint={run}", "--dataset_path=ways.npz"
    for arguments, said in {
        (
            "--test",
            own,
        ): "there is no run in runs/ncsn/MAZE/seed0: train one with `python ibc/train",
        (at,): "--checkpoint and --sigma_level are for --test",
        ("--test", at, "--dataset_path=other.npz"): "of 3 numbers, but the energy in runs/ncsn/a",
        ("--test", at, own, "--sigma_level=50"): "the energy has the levels 0 to 49",
        ("--test", at, own, "--gin_file=near.gin"): "leave --gin_file out",
        ("--test", at, "--task=PUSHT_STATE"): "has task 'MAZE', not 'PUSHT_STATE'",
    }.items():
        task = [] if any(a.startswith("--task") for a in arguments) else ["--task=MAZE"]
        done = commands.in_process("train_ncsn", [*task, *arguments])
        assert done.status == 1 and said in done.errors[-1], done.errors
