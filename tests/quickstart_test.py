"""The commands of the README, run as a newcomer would."""

import json
import pathlib
import subprocess

import imageio_ffmpeg
import PIL.Image
import pytest

_ROOT = pathlib.Path(__file__).parent.parent


@pytest.mark.slow
def test_quickstart_trains_a_policy_that_solves_the_task(tmp_path):
    done = subprocess.run(
        [_ROOT / "quickstart.sh", "PARTICLE", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=1500,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    run = tmp_path / "runs" / "quickstart" / "particle"
    results = json.loads((run / "eval/Particle-v0/results.json").read_text())
    assert len(results["episodes"]) == 50
    assert results["averages"]["AverageSuccessMetric"] >= 0.9
    video = max(run.glob("videos/*/*.mp4"), key=lambda path: path.stat().st_mtime)
    assert imageio_ffmpeg.count_frames_and_secs(str(video))[0] == 51
    assert min(PIL.Image.open(next(run.glob("eval/*/episodes_*.png"))).size) > 500
    for line in ("Success in", "video of one episode", "What to try next"):
        assert line in done.stdout


def test_unknown_task_is_answered_with_the_known_ones():
    done = subprocess.run([_ROOT / "quickstart.sh", "PUHS"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "Unknown task PUHS; ./quickstart.sh knows: PARTICLE, PUSH.\n"
