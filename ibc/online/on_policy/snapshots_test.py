"""The animation of a discriminator, of a short run of AMP."""

import pathlib

import imageio_ffmpeg
import numpy as np
import PIL.Image
import pytest

from tests import amp_testing

_EACH = "--set=run.snapshot_interval=1"


def test_a_run_leaves_an_animation_and_goes_on_with_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    amp_testing.prepare(tmp_path)
    given = (_EACH, "--set=run.block=1")
    assert amp_testing.run(*given, "--set=steps=32", "--tag=whole").status == 0
    for steps in (16, 32):
        done = amp_testing.run(*given, f"--set=steps={steps}")
        assert (done.status, done.errors) == (0, [])
    whole, parts = (pathlib.Path("runs/online") / tag for tag in ("whole", "a"))
    names = [path.name for path in sorted((parts / "snapshots").iterdir())]
    assert names == [f"{done:07d}.npz" for done in range(3)]
    for name in names:
        one, other = (np.load(folder / "snapshots" / name) for folder in (whole, parts))
        for key in one.files:
            np.testing.assert_array_equal(one[key], other[key])
    first, last = (np.load(parts / "snapshots" / name)["best"] for name in (names[0], names[-1]))
    assert np.abs(first - last).max() > 0
    count, _ = imageio_ffmpeg.count_frames_and_secs(str(parts / "discriminator.mp4"))
    assert count == len(names)
    # Three moments and the energy side by side.
    width, height = PIL.Image.open(parts / "discriminator.png").size
    assert width == pytest.approx(4 * 4.6 / 4 * height, rel=0.01)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("--algorithm=NEAR", "--set=ppo.action_repeat=1"),
            "run.snapshot_interval is for AMP where observations are places",
        ),
        (("--set=run.snapshot_interval=-1",), "run.snapshot_interval must be a whole number"),
        (("--set=reward.eb_model_checkpoint=none",), "there is no energy in none: train one"),
        (("--set=reward.sigma_level=2",), "the energy has the levels 0 to 1"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    amp_testing.prepare(tmp_path)
    done = amp_testing.run(_EACH, *arguments)
    assert done.status == 1 and said in done.errors[-1], done.errors
    assert not (tmp_path / "runs/online").exists()
