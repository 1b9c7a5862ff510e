import json
import re

import numpy as np
import pytest

from ibc.data import video_files
from ibc.networks import video_encoder_file
from tests import commands

_SMALL = (
    "--set=im_w=32", "--set=im_h=32", "--set=episode_len=9", "--set=batch_size=3",
    "--set=eval_every_epochs=2", "--set=num_evaluations=1", "--set=cmc_model.hidden_dim=8",
    "--set=cmc_model.widths=[2,2,4]", "--set=cmc_model.lr=1e-3",
)  # fmt: skip


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """A square that moves to the right in the expert's videos, and rests in others'."""
    folder = tmp_path_factory.mktemp("videos")
    for split in video_files.SPLITS:
        for label in (0, 1):
            for number in range(4):
                video = np.full((1, 10, 16, 16, 3), 200, np.uint8)
                for step in range(10):
                    left = step if label == 0 else 4
                    video[0, step, 3 * number : 3 * number + 3, left : left + 4] = (30, 60, 90)
                video_files.write(folder / split / str(label) / f"{number}.npy", video)
    return folder


def _train(videos, *more, tag="a"):
    arguments = ["--task=MINE", f"--video_dir={videos}", f"--tag={tag}", *_SMALL, *more]
    return commands.in_process("train_video_encoder", arguments)


def _numbers(tag):
    encoder, _ = video_encoder_file.load(f"runs/video_encoder/{tag}")
    return [v.numpy() for v in encoder.variables]


def test_a_run_stopped_and_continued_ends_as_one_that_was_not(
    videos, tmp_path, monkeypatch, caplog
):
    monkeypatch.chdir(tmp_path)
    caplog.set_level("INFO", "absl")
    whole = _train(videos, "--set=num_epochs=5", tag="whole")
    assert whole.status == 0 and "AUC of the expert against" in whole.output, whole
    told = re.findall(r"Update (\d+) of.*held-out videos: loss ([\d.]+)", caplog.text)
    for updates in (2, 5):
        assert _train(videos, f"--set=num_epochs={updates}", tag="parts").status == 0
    for one, other in zip(_numbers("whole"), _numbers("parts"), strict=True):
        np.testing.assert_array_equal(one, other)
    folder = tmp_path / "runs" / "video_encoder" / "whole"
    results = json.loads((folder / "results.json").read_text())
    assert results["updates"] == 5 and results["videos"] == {"expert": 4, "1": 4}
    assert set(results["auc"]["1"]) == {"final", "return"} and not results["spearman"]
    losses = {int(update): float(loss) for update, loss in told}
    best = min(losses, key=losses.get)
    assert len(losses) == 3 and losses[best] == pytest.approx(results["best"]["loss"], abs=1e-3)
    assert results["best"]["update"] == best
    assert (folder / "space.png").stat().st_size > 10_000
    assert video_encoder_file.load(folder / "encoder_best")[1]["task"] == "MINE"

    done = _train(videos, "--set=num_epochs=5", "--set=cmc_model.rho=2.0", tag="whole")
    assert done.status == 1 and "holds a run with other parameters" in done.errors[-1]


def test_a_loss_that_is_not_finite_ends_the_run(videos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = _train(videos, "--set=num_epochs=30", "--set=cmc_model.lr=1e30")
    assert done.status == 3 and "give a smaller cmc_model.lr" in done.errors[-1]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--set=episode_len=6",), "episode_len is 6, expected at least 7"),
        (("--set=episode_len=12",), "has 10 frames, expected at least 13"),
        (("--set=im_w=64",), "im_w is 64 and im_h 32, but encoders see squares"),
        (("--set=cmc_model.widths=[2,2]",), "take 3 convolutions to end as one"),
        (("--set=cmc_model.weights=[1,1]",), "expected four numbers, those of l_seq"),
        (("--set=camera=3",), "has 1 cameras, but camera 3 is asked for"),
    ],
)
def test_what_does_not_fit_is_said(videos, tmp_path, monkeypatch, more, said):
    monkeypatch.chdir(tmp_path)
    done = _train(videos, "--set=num_epochs=1", *more)
    assert done.status == 1 and said in done.errors[-1], done


def test_videos_of_a_task_are_recorded_where_there_are_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = ["--task=PARTICLE_REACH", *_SMALL, "--set=num_epochs=2", "--set=num_train=3"]
    arguments += ["--set=num_valid=2", "--set=others=['particle_slow']"]
    done = commands.in_process("train_video_encoder", arguments)
    assert done.status == 0 and "particle_slow" in done.output, done
    assert "rank correlation with return" in done.output
    found = video_files.find("datasets/particle_reach_videos", "train")
    assert {label: len(files) for label, files in found.items()} == {0: 3, 1: 3}


@pytest.mark.slow
def test_the_experts_videos_are_told_from_random_ones(tmp_path, monkeypatch, report):
    monkeypatch.chdir(tmp_path)
    done = commands.in_process("train_video_encoder", ["--task=PARTICLE_REACH"])
    assert done.status == 0, done
    folder = tmp_path / "runs" / "video_encoder" / "PARTICLE_REACH" / "seed0"
    results = json.loads((folder / "results.json").read_text())
    auc = results["auc"]["random"]["final"]
    report(f"video encoder: AUC of the oracle against random {auc:.3f}, {results['seconds']} s")
    assert auc >= 0.97 and results["spearman"]["final"] >= 0.5
