"""Commands are killed at random moments; what they leave is whole, and they go on."""

import json
import pathlib
import random
import re
import subprocess
import time

import imageio_ffmpeg
import numpy as np
import pytest
import tensorflow as tf

from ibc.data.records import manifest, shard_reader
from ibc.environments import task
from tests import commands, training

pytestmark = pytest.mark.slow

_STEPS = 2000
_INTERVAL = 20
# What shows that a training has come to a moment: log lines, or files that were not there before.
# SavedModels are written once, at the first checkpoint, so that comes first.
_MOMENTS = {
    "export": (None, "policies/.*"),
    "training": (r"Step: \d", None),
    "checkpoint": (None, "train/checkpoints/*"),
    "weights": (None, "policies/checkpoints/*"),
    "evaluation": ("Evaluating policy", None),
    "pictures": (None, "eval/*/pictures/**/*.png"),
    "video": (None, "videos/ttl=7d/*"),
}
_TRAINING_KILLS = (*_MOMENTS, "checkpoint")
_RECORDING_KILLS = 6
# What is awaited: every replica has begun its file; one has ended it.
_GENERATING_KILLS = ((".oracle_?.tfrecord.unfinished", 2), ("oracle_?.tfrecord", 1))
_COLLECTING_KILLS = 4
_KILLS = len(_TRAINING_KILLS) + _RECORDING_KILLS + len(_GENERATING_KILLS) + _COLLECTING_KILLS


def start(folder: pathlib.Path, *command: str) -> subprocess.Popen:
    """Starts a command that writes to a log beside its folder."""
    with open(folder.parent / "log", "wb") as log:
        return commands.start_at_once("-m", *command, cwd=folder.parent, stdout=log)


def log_of(folder: pathlib.Path) -> str:
    return (folder.parent / "log").read_text(errors="replace")


def kill(process: subprocess.Popen, folder: pathlib.Path) -> None:
    process.kill()
    assert process.wait() == -9, log_of(folder)


def end(process: subprocess.Popen, folder: pathlib.Path) -> str:
    """Waits for a command that succeeds; returns its log."""
    assert process.wait() == 0, log_of(folder)
    return log_of(folder)


def train(folder: pathlib.Path, data: str, *flags: str, **changes: int) -> subprocess.Popen:
    every = ("fused_train_steps", "checkpoint_interval", "policy_save_interval")
    numbers = dict.fromkeys(every, _INTERVAL) | dict(eval_interval=2 * _INTERVAL)
    numbers |= dict(num_iterations=_STEPS, learning_rate_schedule="exponential")
    numbers |= dict(batch_size=128, eval_episodes=2, num_envs=1)
    arguments = training.arguments(folder, data, **{**numbers, **changes})
    return start(folder, "ibc.train_eval", *arguments, *flags)


def wait_for(process: subprocess.Popen, folder: pathlib.Path, moment: str) -> None:
    """Waits until a training has come to a moment, or has ended."""
    line, pattern = _MOMENTS[moment]
    before = set(folder.glob(pattern)) if pattern else set()
    while process.poll() is None:
        if line and re.search(line, log_of(folder)):
            return
        if pattern and not set(folder.glob(pattern)) <= before:
            return
        time.sleep(0.005)


def checkpoint_step(folder: pathlib.Path) -> int:
    newest = tf.train.latest_checkpoint(str(folder / "train" / "checkpoints"))
    return int(newest.rpartition("-")[2]) if newest else 0


def steps_made(folder: pathlib.Path) -> int:
    """The last step that a training is known to have made, by its log and its files."""
    steps = [int(step) for step in re.findall(r"Step: (\d+),", log_of(folder))]
    steps += [int(p.name[-10:]) for p in folder.glob("policies/checkpoints/policy_checkpoint_*")]
    results = folder / "eval/Particle-v0/results.json"
    steps += [json.loads(results.read_text())["step"]] if results.exists() else []
    return max(steps, default=0)


def assert_readable(prefix: str) -> None:
    reader = tf.train.load_checkpoint(prefix)
    assert all(reader.get_tensor(k) is not None for k in reader.get_variable_to_shape_map())


def assert_everything_is_whole(folder: pathlib.Path, seen: dict[pathlib.Path, int]) -> None:
    """Reads every file that has its final name, unless it was read before."""

    def new(pattern: str) -> list[pathlib.Path]:
        found = [p for p in folder.glob(pattern) if seen.get(p) != p.stat().st_mtime_ns]
        seen.update({p: p.stat().st_mtime_ns for p in found})
        return found

    newest = tf.train.latest_checkpoint(str(folder / "train" / "checkpoints"))
    if newest:
        assert_readable(newest)
    for index in new("policies/checkpoints/policy_checkpoint_*/**/*.index"):
        assert_readable(str(index.with_suffix("")))
    for model in new("policies/[!.]*/saved_model.pb"):
        tf.saved_model.load(str(model.parent))
    for results in new("eval/*/results.json"):
        json.loads(results.read_text())
    for picture in new("**/[!.]*.png"):
        tf.io.decode_png(picture.read_bytes())
    for video in new("**/[!.]*.mp4"):
        assert imageio_ffmpeg.count_frames_and_secs(str(video))[0] == 51


def test_a_killed_training_goes_on_from_its_last_checkpoint(tmp_path, particle_data, report):
    folder = tmp_path / "run"
    rng = random.Random(0)
    seen: dict[pathlib.Path, int] = {}
    rows = []
    reached = 0
    for moment in _TRAINING_KILLS:
        process = train(folder, particle_data, "--video", "--viz_img")
        wait_for(process, folder, moment)
        time.sleep(rng.choice((0.0, 0.02, 0.2)) * rng.random())
        kill(process, folder)
        assert_everything_is_whole(folder, seen)
        step, made = checkpoint_step(folder), steps_made(folder)
        rows.append(f"{moment:12} {made:6} {step:6} {max(0, made - step):6}")
        assert step >= reached and made - step <= _INTERVAL, rows[-1]
        reached = step
    report("training killed in, steps made at least, kept, lost", *rows)
    assert reached > 0
    final = reached + 2 * _INTERVAL
    output = end(train(folder, particle_data, num_iterations=final, eval_interval=0), folder)
    assert f"from the checkpoint at step {reached} of {final}" in output
    assert_everything_is_whole(folder, seen)
    assert json.loads((folder / "eval/Particle-v0/results.json").read_text())["step"] == final
    leftovers = [p for p in folder.rglob(".*") if p.parent.name != "ttl=7d"]
    assert not [p for p in leftovers if "policies" in p.parts]


def assert_whole_shards(folder: pathlib.Path, episodes: int) -> int:
    """Reads every record file that has its final name; returns how many there are."""
    shards = sorted(folder.glob("[!.]*.tfrecord"))
    for shard in shards:
        shard_reader.read_shard(str(shard))
        assert manifest.load(str(shard)).episodes == episodes
    for video in folder.glob("[!.]*.mp4"):
        assert imageio_ffmpeg.count_frames_and_secs(str(video))[0] >= 51
    return len(shards)


def assert_nothing_hidden(folder: pathlib.Path) -> None:
    names = [path.name for path in folder.rglob(".*")]
    assert not [name for name in names if "tmp-" in name or ".unfinished" in name]


@pytest.mark.parametrize(("more", "episodes"), [("--replicas=2", 200), ("--video", 30)])
def test_a_killed_recording_goes_on_from_its_whole_episodes(tmp_path, more, episodes, report):
    rng = random.Random(more)
    shards = ("a_0.tfrecord", "a_1.tfrecord") if "replicas" in more else ("a.tfrecord",)
    folder = tmp_path / "killed"

    def begin(folder: pathlib.Path) -> subprocess.Popen:
        places = (f"--dataset_path={folder}/a.tfrecord", f"--output_path={folder}")
        command = ("ibc.data.policy_eval", "--task=PARTICLE", "--policy=random", *places)
        return start(folder, *command, more, f"--num_episodes={episodes}")

    def begun() -> int:
        return sum(len(p.read_bytes().splitlines()) for p in folder.glob(".a*.journal"))

    for _ in range(_RECORDING_KILLS // 2):
        before = begun()
        process = begin(folder)
        while process.poll() is None and begun() <= before + len(shards):
            time.sleep(0.01)
        time.sleep(0.2 * rng.random())
        kill(process, folder)
        assert begun() > before
        assert_whole_shards(folder, episodes)
    report(f"recording {more}, killed: {begun()} of {episodes * len(shards)} episodes at last")
    assert "going on after episode" in end(begin(folder), folder)
    assert assert_whole_shards(folder, episodes) == len(shards)
    assert_nothing_hidden(folder)
    end(begin(tmp_path / "whole"), folder)
    for name in shards:
        found, whole = (
            shard_reader.read_shard(str(tmp_path / kind / name)).frames
            for kind in ("killed", "whole")
        )
        tf.nest.map_structure(np.testing.assert_array_equal, found, whole)


def test_a_training_killed_while_it_records_records_anew(tmp_path, report):
    data, run = tmp_path / "data", tmp_path / "run"
    data.mkdir()
    path = f"{data}/oracle*.tfrecord"
    episodes = task.RECORDED_EPISODES // task.RECORDING_REPLICAS
    flags = ("--generate_data", "--skip_eval", "--gin_bindings=ParticleEnv.n_steps = 5")
    for awaited, count in _GENERATING_KILLS:
        process = train(run, path, *flags, num_iterations=20)
        while process.poll() is None and len(list(data.glob(awaited))) < count:
            time.sleep(0.002)
        kill(process, run)
        there = assert_whole_shards(data, episodes)
        report(f"recording for a training, killed at {awaited}: {there} whole files")
    end(train(run, path, *flags, num_iterations=20), run)
    assert assert_whole_shards(data, episodes) == task.RECORDING_REPLICAS
    assert checkpoint_step(run) == 20
    assert_nothing_hidden(data)


def test_a_killed_collection_goes_on_with_the_next_shard(tmp_path, report):
    rng = random.Random(0)
    folder = tmp_path / "collected"
    command = ["ibc.environments.collect.collect_oracle", "--task=PARTICLE", "--successes_only"]
    command += [f"--dataset_path={folder}/a.tfrecord", "--num_episodes=40"]
    rows = []
    there = 0
    for _ in range(_COLLECTING_KILLS):
        process = start(folder, *command, "--num_shards=100000")
        while process.poll() is None and len(list(folder.glob("a_*.tfrecord"))) <= there:
            time.sleep(0.01)
        time.sleep(rng.random())
        kill(process, folder)
        before, there = there, assert_whole_shards(folder, 40)
        assert there > before
        rows.append(f"{there:6} whole files")
    report("collection, killed", *rows)
    output = end(start(folder, *command, f"--num_shards={there + 1}"), folder)
    assert output.count("was complete already") == there
    assert assert_whole_shards(folder, 40) == there + 1
    assert_nothing_hidden(folder)


def test_there_are_as_many_kills_as_are_promised(report):
    assert _KILLS >= 20
    report(f"{_KILLS} processes killed at random moments in all")
