"""Training is killed at random moments; what it leaves is whole, and it goes on."""

import json
import pathlib
import random
import re
import subprocess
import sys
import time

import imageio_ffmpeg
import pytest
import tensorflow as tf

_STEPS = 400


def start(folder: pathlib.Path, data: str) -> subprocess.Popen:
    bindings = (
        f"train_eval.root_dir = '{folder}'",
        f"train_eval.dataset_path = '{data}'",
        f"train_eval.num_iterations = {_STEPS}",
        "train_eval.batch_size = 128",
        "train_eval.eval_interval = 40",
        "train_eval.eval_episodes = 2",
        "train_eval.fused_train_steps = 20",
        "train_eval.checkpoint_interval = 20",
        "train_eval.policy_save_interval = 20",
        "IbcPolicy.num_action_samples = 64",
    )
    command = [sys.executable, "-m", "ibc.train_eval", "--task=PARTICLE", "--video", "--viz_img"]
    command += ["--gin_file=mlp_ebm_quick.gin"] + [f"--gin_bindings={b}" for b in bindings]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder.parent
    )


def assert_everything_is_whole(folder: pathlib.Path) -> None:
    """Reads every file that has its final name."""
    newest = tf.train.latest_checkpoint(str(folder / "train" / "checkpoints"))
    if newest:
        reader = tf.train.load_checkpoint(newest)
        assert all(reader.get_tensor(k) is not None for k in reader.get_variable_to_shape_map())
    for index in folder.glob("policies/checkpoints/policy_checkpoint_*/**/*.index"):
        reader = tf.train.load_checkpoint(str(index.with_suffix("")))
        assert all(reader.get_tensor(k) is not None for k in reader.get_variable_to_shape_map())
    for name in ("policy", "greedy_policy", "collect_policy"):
        if (folder / "policies" / name).exists():
            tf.saved_model.load(str(folder / "policies" / name))
    for results in folder.glob("eval/*/results.json"):
        json.loads(results.read_text())
    for picture in folder.rglob("[!.]*.png"):
        tf.io.decode_png(picture.read_bytes())
    for video in folder.rglob("[!.]*.mp4"):
        assert imageio_ffmpeg.count_frames_and_secs(str(video))[0] == 51


@pytest.mark.slow
def test_a_killed_run_goes_on_from_its_last_checkpoint(tmp_path, particle_data):
    folder = tmp_path / "run"
    rng = random.Random(0)
    reached = 0
    for _ in range(6):
        process = start(folder, particle_data)
        # From the moment it trains, so that kills fall into training, saving and evaluation.
        for line in process.stdout:
            if "Step: " in line or "Evaluating" in line:
                break
        time.sleep(rng.uniform(0.0, 6.0))
        process.kill()
        process.communicate()
        assert_everything_is_whole(folder)
        newest = tf.train.latest_checkpoint(str(folder / "train" / "checkpoints"))
        step = int(newest.rpartition("-")[2]) if newest else 0
        assert step >= reached
        reached = step
    assert reached > 0
    output, _ = (process := start(folder, particle_data)).communicate()
    assert process.returncode == 0, output
    assert reached == _STEPS or re.search(rf"from the checkpoint at step {reached} of", output)
    assert_everything_is_whole(folder)
    assert json.loads((folder / "eval/Particle-v0/results.json").read_text())["step"] == _STEPS
    leftovers = [p for p in folder.rglob(".*") if p.parent.name != "ttl=7d"]
    assert not [p for p in leftovers if "policies" in p.parts]
