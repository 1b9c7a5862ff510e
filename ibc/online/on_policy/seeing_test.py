"""Pictures of rewards, of a short run of AMP."""

import pathlib
import shutil

import numpy as np
import PIL.Image
import pytest

from ibc.environments import video
from ibc.networks import pair_discriminator
from ibc.online.on_policy import seeing
from ibc.pictures import pair_distances
from ibc.rewards import amp
from tests import amp_testing, commands

_TEST = ("--algorithm=AMP", "--task=PARTICLE_GOAL", "--test")
_BESIDE = "--set=reward.eb_model_checkpoint=runs/ncsn/PARTICLE_GOAL/seed0"


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> pathlib.Path:
    """Trains AMP for two rollouts; returns the folder."""
    return amp_testing.trained(tmp_path_factory.mktemp("trained"))


@pytest.fixture
def run(trained, tmp_path, monkeypatch) -> pathlib.Path:
    """Copies what was trained into the present folder; returns the run's."""
    shutil.copytree(trained, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return pathlib.Path("runs/online/a")


def test_the_reward_of_a_run_is_drawn(run):
    done = commands.in_process("online_train_eval", [*_TEST, f"--checkpoint={run}"])
    assert (done.status, done.errors) == (0, [])
    assert done.output.split() == [f"{run}/distances.png", f"{run}/reward.png"]
    one = PIL.Image.open(run / "reward.png").size
    done = commands.in_process("online_train_eval", [*_TEST, "--tag=a", _BESIDE])
    assert (done.status, done.errors) == (0, [])
    both = PIL.Image.open(run / "reward.png").size
    assert both == (one[0], 2 * one[1])
    # Of one episode none is held out.
    (run / "distances.png").unlink()
    np.savez("one.npz", state=np.linspace([60, 60], [60, 430], 40), episode_ends=[40])
    film = ["--set=dataset_path=one.npz", "--video"]
    done = commands.in_process("online_train_eval", [*_TEST, "--tag=a", *film])
    assert (done.status, done.errors) == (0, [])
    assert done.output.split() == [f"{run}/reward.png", f"{run}/videos/ttl=7d/vid_32.mp4"]


def test_pictures_of_near_pair_demonstrations_as_its_energy_does(run, monkeypatch):
    amp_testing.save_energy(pathlib.Path("paired"), pair_stride=4, drop_repeated=False)
    seen, look = [], seeing.draw
    monkeypatch.setattr(
        seeing, "draw", lambda folder, made, pairs: seen.append(pairs) or look(folder, made, pairs)
    )
    given = ("--algorithm=NEAR", "--tag=near", "--set=reward.eb_model_checkpoint=paired")
    assert amp_testing.run(*given).status == 0
    near = ["--algorithm=NEAR", "--task=PARTICLE_GOAL", "--test", "--tag=near"]
    done = commands.in_process("online_train_eval", near)
    assert (done.status, done.errors) == (0, [])
    ways = np.load("ways.npz")["state"]
    np.testing.assert_allclose(
        seen[0].train[:, 3] - seen[0].train[:, 1], ways[4, 1] - ways[0, 1], rtol=1e-4
    )


def test_without_ffmpeg_nothing_is_drawn(run, monkeypatch):
    def missing():
        raise FileNotFoundError("there is no ffmpeg")

    monkeypatch.setattr(video, "find_ffmpeg", missing)
    (run / "reward.png").unlink(missing_ok=True)
    done = commands.in_process("online_train_eval", [*_TEST, "--tag=a", "--video"])
    assert done.status == 1 and "there is no ffmpeg" in done.errors[-1]
    assert not (run / "reward.png").exists()


def test_a_discriminator_is_looked_at_around_demonstrations():
    network = pair_discriminator.PairDiscriminator(2, (8,))
    pairs = np.random.default_rng(0).normal(size=[50, 4]).astype(np.float32)
    curves = seeing.distances(amp.AmpReward(network, pairs, amp.AmpOptions()), pairs)
    logits = network(pairs).numpy()
    shares = 1 / (1 + np.exp(-logits))
    for curve, expected in zip(
        curves, (shares, logits, -2 * np.log(np.maximum(1 - shares, 1e-4))), strict=True
    ):
        np.testing.assert_allclose(curve.mean[0], expected.mean(), rtol=1e-4)
        np.testing.assert_allclose(curve.deviation[0], expected.std(), rtol=1e-4)
        assert len(curve.mean) == len(pair_distances.RADII)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*_TEST,), "no run in runs/online/PARTICLE_GOAL/AMP_seed0: train one"),
        (
            ("--algorithm=NEAR", "--task=PARTICLE_GOAL", "--test", "--tag=a"),
            "has algorithm 'AMP', not",
        ),
        (
            ("--algorithm=AMP", "--task=PARTICLE_GOAL", "--checkpoint=a"),
            "--checkpoint is for --test",
        ),
        (
            ("--algorithm=PPO", "--task=PARTICLE_GOAL", "--test", "--tag=a"),
            "draws the reward of NEAR or",
        ),
        (
            (*_TEST, "--tag=a", _BESIDE, "--set=reward.sigma_level=60"),
            "reward.sigma_level is 60, but the energy has the levels 0 to 1",
        ),
        ((*_TEST, "--tag=a", "--gin_file=amp.gin"), "leave --gin_file out"),
        ((*_TEST, "--sweep=seed=1,2"), "--test and --experiment are of one run"),
        ((*_TEST, "--tag=a", "--set=amp.hidden=[9]"), "is of another agent or reward"),
        ((*_TEST, "--tag=a", "--set=dataset_path=none.npz"), "no recorded episodes at none.npz"),
    ],
)
def test_what_cannot_be_drawn_is_said(arguments, said, run):
    before = sorted(pathlib.Path().rglob("*"))
    done = commands.in_process("online_train_eval", arguments)
    assert done.status == 1 and said in done.errors[-1], done.errors
    assert sorted(pathlib.Path().rglob("*")) == before


def test_a_run_that_was_killed_at_once_has_nothing_to_draw(run):
    shutil.rmtree(run / "train/checkpoints")
    done = commands.in_process("online_train_eval", [*_TEST, "--tag=a"])
    assert done.status == 1 and "has no checkpoint yet" in done.errors[-1]
