import filecmp
import json
import pathlib
import shutil

import numpy as np
import pytest

from ibc.data import video_files
from ibc.data.recording import video_options
from ibc.utils import folder_lock
from tests import commands

_SMALL = (
    "--task=PARTICLE_REACH", "--height=16", "--width=16", "--episode_len=9", "--num_train=3",
    "--num_valid=2",
)  # fmt: skip


def _record(folder: pathlib.Path, *more: str) -> commands.Done:
    return commands.in_process("generate_videos", [*_SMALL, f"--video_dir={folder}", *more])


def _files(folder: pathlib.Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def _assert_same(one: pathlib.Path, other: pathlib.Path) -> None:
    names = _files(one)
    assert names == _files(other)
    _, differing, unreadable = filecmp.cmpfiles(one, other, names, shallow=False)
    assert not differing and not unreadable


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("videos") / "one"
    done = _record(folder, "--others=random,particle_still", "--processes=1")
    assert done.status == 0 and "15 videos in" in done.output, done
    return folder


def test_layout_and_returns(recorded):
    assert len(_files(recorded)) == 15 + 6 + 1
    video = np.load(recorded / "train" / "0" / "00002.npy")
    assert video.shape == (1, 10, 16, 16, 3) and video.dtype == np.uint8
    assert (video[0, 0] != video[0, -1]).any()
    still = np.load(recorded / "valid" / "2" / "00000.npy")[0]
    assert (still == still[0]).all()
    expert, random = (
        video_options.read_returns(recorded / "train" / label) for label in ("0", "1")
    )
    assert list(expert) == ["00000.npy", "00001.npy", "00002.npy"]
    assert np.mean(list(expert.values())) > np.mean(list(random.values()))
    settings = json.loads((recorded / "videos.json").read_text())
    assert settings["classes"] == ["oracle", "random", "particle_still"]


def test_a_held_action_takes_a_picture_of_each_third_step(tmp_path):
    done = _record(tmp_path / "once", "--processes=1")
    held = _record(tmp_path / "held", "--processes=1", "--action_repeat=3", "--episode_len=3")
    assert done.status == held.status == 0, held
    for label, are_same in (("0", True), ("1", False)):  # The oracle's setpoint stays where it is.
        videos = [np.load(tmp_path / n / "valid" / label / "00001.npy") for n in ("once", "held")]
        assert np.array_equal(videos[0][:, ::3], videos[1]) == are_same
    refused = _record(tmp_path / "held", "--episode_len=3")
    assert refused.status == 1 and "action_repeat is 3, not 1" in refused.errors[-1]


def test_videos_of_before_action_repeat_are_gone_on_with(recorded, tmp_path):
    folder = shutil.copytree(recorded, tmp_path / "v")
    settings = json.loads((folder / "videos.json").read_text())
    del settings["action_repeat"]
    (folder / "videos.json").write_text(json.dumps(settings))
    done = _record(folder, "--others=random,particle_still", "--processes=1")
    assert done.status == 0 and "0 of them recorded now" in done.output


def test_a_second_recording_in_a_folder_is_told_of_the_first(tmp_path):
    with folder_lock.held(tmp_path / "v"):
        done = _record(tmp_path / "v", "--processes=1")
    assert done.status == 1
    assert "is in use: process" in done.errors[-1] and "--video_dir" in done.errors[-1]
    assert not (tmp_path / "v").exists()


def test_no_video_is_another_one(recorded):
    everything = [np.load(each).tobytes() for each in recorded.rglob("*.npy")]
    assert len(set(everything)) == 15


def test_several_processes_make_the_same_files(recorded, tmp_path):
    done = _record(tmp_path / "v", "--others=random,particle_still", "--processes=2")
    assert done.status == 0, done
    _assert_same(recorded, tmp_path / "v")


def test_what_was_interrupted_is_gone_on_with(recorded, tmp_path):
    folder = tmp_path / "v"
    assert _record(folder, "--others=random,particle_still", "--processes=1").status == 0
    (folder / "train" / "0" / "00001.npy").unlink()
    returns = folder / "valid" / "1" / video_options.RETURNS
    returns.write_text(returns.read_text()[:-4])  # a line that a killed process has not completed
    (folder / "train" / "1" / video_options.RETURNS).unlink()
    done = _record(folder, "--others=random,particle_still", "--processes=1")
    assert "5 of them recorded now" in done.output
    _assert_same(recorded, folder)


def test_more_videos_are_added_and_other_ones_refused(recorded, tmp_path):
    folder = tmp_path / "v"
    assert _record(folder, "--others=random,particle_still", "--num_train=1").status == 0
    done = _record(folder, "--others=random,particle_still")
    assert done.status == 0 and "6 of them recorded now" in done.output
    _assert_same(recorded, folder)
    done = _record(folder, "--others=random,particle_still", "--seed=1")
    assert done.status == 1 and "holds other videos (seed is 0, not 1)" in done.errors[-1]


def test_what_renders_is_resized_and_what_ends_early_is_filled_up(tmp_path):
    done = commands.in_process(
        "generate_videos",
        ["--task=PARTICLE_GOAL", "--height=24", "--width=32", "--episode_len=120",
         "--num_train=1", "--num_valid=1", "--processes=1", f"--video_dir={tmp_path}"],
    )  # fmt: skip
    assert done.status == 0, done
    (path, *_) = video_files.find(tmp_path, "train")[0]
    video = video_files.read(path, 121)
    assert video.shape == (121, 24, 32, 3)
    assert (video[-1] == video[-2]).all() and (video[0] != video[20]).any()
