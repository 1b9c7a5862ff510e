import json
import pathlib

import numpy as np
import pytest

from ibc.data import pairs
from ibc.ncsn import run_config
from ibc.networks import pair_energy
from tests import commands

_SMALL = (
    "--set=model.encoder=[8]", "--set=model.decoder=[6]", "--set=model.latent=8",
    "--set=model.L=6", "--set=training.batch_size=16", "--set=training.log_freq=20",
    "--set=training.snapshot_freq=20",
)  # fmt: skip


@pytest.fixture
def demonstrations(tmp_path):
    """Ten straight ways in a plane, the last of which has rests."""
    ways = [np.linspace([0, k], [100, 2 * k], 40) for k in range(9)]
    ways.append(np.repeat(np.linspace([0, 9], [100, 18], 20), 2, axis=0))
    ends = np.cumsum([len(way) for way in ways])
    path = tmp_path / "ways.npz"
    np.savez(path, state=np.concatenate(ways), episode_ends=ends)
    return path


def _arguments(demonstrations, *more, tag="a"):
    return ["--task=MAZE", f"--dataset_path={demonstrations}", f"--tag={tag}", *_SMALL, *more]


def _weights(tag):
    return [w.numpy() for w in pair_energy.load(f"runs/ncsn/{tag}").variables]


def test_a_run_stopped_and_continued_ends_as_one_that_was_not(
    demonstrations, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    whole = commands.in_process(
        "train_ncsn", _arguments(demonstrations, "--set=training.n_iters=60", tag="whole")
    )
    assert whole.status == 0 and "AUC of held-out pairs" in whole.output
    for steps in (20, 60):
        arguments = _arguments(demonstrations, f"--set=training.n_iters={steps}", tag="parts")
        assert commands.in_process("train_ncsn", arguments).status == 0
    for one, other in zip(_weights("whole"), _weights("parts"), strict=True):
        np.testing.assert_array_equal(one, other)
    folder = tmp_path / "runs" / "ncsn" / "whole"
    results = json.loads((folder / "results.json").read_text())
    assert results["steps"] == 60 and sorted(results["auc"]) == ["0", "1", "2", "3", "4", "5"]
    assert (folder / "energy.png").stat().st_size > 10_000
    energy = pair_energy.load(folder)
    assert energy.description["task"] == "MAZE"
    train = pairs.load(str(demonstrations), pairs.PairOptions()).train
    expected = float(np.mean(energy(train, 0)))
    np.testing.assert_allclose(energy.description["mean_energy"], expected, rtol=1e-4)


@pytest.mark.parametrize(
    "more",
    [
        (
            "--set=model.ncsnv2=False",
            "--set=training.loss=energy",
            "--set=training.regularise=true",
        ),
        (
            "--set=model.level_input=True",
            "--set=data.feature_mask=[True,False,True,True]",
            "--set=data.normalisation=running",
        ),
        (
            "--gin_file=near_published.gin",
            "--set=training.n_iters=5",
        ),
    ],
)
def test_other_versions_train(demonstrations, tmp_path, monkeypatch, more):
    monkeypatch.chdir(tmp_path)
    arguments = _arguments(demonstrations, "--set=training.n_iters=5", *more)
    assert commands.in_process("train_ncsn", arguments).status == 0


def test_another_run_in_the_folder_is_refused(demonstrations, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = _arguments(demonstrations, "--set=training.n_iters=5")
    assert commands.in_process("train_ncsn", arguments).status == 0
    done = commands.in_process("train_ncsn", [*arguments, "--set=optim.lr=0.01"])
    assert done.status == 1 and "holds a run with other parameters" in done.errors[-1]
    other = demonstrations.rename(tmp_path / "other.npz")
    done = commands.in_process("train_ncsn", [*arguments, f"--dataset_path={other}"])
    assert done.status == 1 and "dataset_path was" in done.errors[-1]
    other.rename(demonstrations)
    done = commands.in_process("train_ncsn", [*arguments, "--set=optim.lr=1e6", "--tag=b"])
    assert done.status in (0, 3)


@pytest.mark.parametrize(
    ("state", "ends", "said"),
    [
        (np.zeros([50, 2]), [50], "has no pairs to learn from"),
        (np.full([50, 2], np.nan), [50], "is not finite in episode 0"),
        (np.zeros([50, 2]), [20, 60], "episode_ends must rise from above 0 to 50"),
    ],
)
def test_unusable_demonstrations_are_said(state, ends, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("bad.npz", state=state, episode_ends=ends)
    done = commands.in_process("train_ncsn", _arguments("bad.npz"))
    assert done.status == 1 and said in done.errors[-1]
    assert not (tmp_path / "runs").exists()


def test_one_episode_is_learned_from_and_not_measured_by(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("one.npz", state=np.linspace([0, 0], [100, 10], 40), episode_ends=[40])
    done = commands.in_process("train_ncsn", _arguments("one.npz", "--set=training.n_iters=5"))
    assert (done.status, done.errors) == (0, [])
    assert "Nothing was measured: no pairs are held out" in done.output
    folder = pathlib.Path("runs/ncsn/a")
    results = json.loads((folder / "results.json").read_text())
    assert results["auc"] == {} and results["pairs"] == {"train": 39, "test": 0}
    assert (folder / "energy.png").is_file() and not (folder / "distances.png").exists()
    assert np.isfinite(pair_energy.load(folder).description["mean_energy"])


def test_without_a_file_the_one_that_ships_is_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "near.gin").write_text("")
    ours = run_config.shipped_file("halfcheetah")
    assert pathlib.Path(ours).parent.name == "motions" and pathlib.Path(ours).is_file()
    assert pathlib.Path(run_config.shipped_file("my_task")).parent.name == "maze"
    assert pathlib.Path(run_config.shipped_file("MAZE_GOAL")).parent.name == "maze"


def _cheetah(place, joints, size=17):
    states = np.random.default_rng(0).normal(size=[60, size])
    np.savez("demos.npz", state=np.float32(states), episode_ends=[20, 40, 60])
    given = ["--task=halfcheetah", f"--set=data.joints={joints}", *_SMALL, "--tag=a"]
    given += ["--dataset_path=demos.npz", "--set=training.n_iters=5", "--set=model.decoder=[]"]
    return commands.in_process("train_ncsn", given)


def test_joints_are_seen_by_their_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert _cheetah(tmp_path, "['bthigh','f*']").status == 0
    energy = pair_energy.load("runs/ncsn/a")
    # The root's, bthigh, and the front leg, positions and then velocities; bshin and bfoot are not.
    seen = [at not in (3, 4, 12, 13) for at in range(17)]
    assert energy.architecture.mask == (*seen, *seen)
    pair = np.zeros([2, 34], np.float32)
    pair[1, [3, 4, 12, 13, 20]] = 5
    np.testing.assert_array_equal(*energy(pair, 0).numpy())


@pytest.mark.parametrize(
    ("joints", "size", "said"),
    [
        ("['arm']", 17, "there is no joint 'arm': give some of rootx, rootz, rooty, bthigh"),
        ("[]", 17, "data.joints names some joints"),
        ("['b*']", 3, "states of 3 numbers, but the joints of task halfcheetah have 17"),
    ],
)
def test_joints_that_are_none_are_refused(joints, size, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = _cheetah(tmp_path, joints, size)
    assert done.status == 1 and len(done.errors) == 1 and said in done.errors[0]
    assert not (tmp_path / "runs").exists()
