"""Tests of the command line, as users type it."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
from absl import flags
from tf_agents.utils import example_encoding_dataset

from ibc.data import policy_eval
from ibc.data.recording import options as recording_options

_SCRIPT = pathlib.Path(policy_eval.__file__)
_MODULE = [sys.executable, "-m", "ibc.data.policy_eval"]


def _run(arguments, cwd, command=_MODULE):
    return subprocess.run(
        [*command, *arguments], cwd=cwd, capture_output=True, text=True, timeout=120
    )


def _published(path, episodes):
    return [
        "--",
        "--alsologtostderr",
        "--policy=particle_green_then_blue",
        "--task=PARTICLE",
        f"--dataset_path={path}",
        "--replicas=2",
        f"--num_episodes={episodes}",
        "--use_image_obs=False",
        "--gin_bindings=ParticleEnv.n_dim=2",
    ]


def test_published_command_line_writes_what_tf_agents_reads(tmp_path):
    path = tmp_path / "data" / "2d_oracle_particle.tfrecord"
    done = _run(_published(path, 5), tmp_path, [sys.executable, str(_SCRIPT)])
    assert done.returncode == 0, done.stderr
    shards = [str(path.with_name(f"2d_oracle_particle_{replica}.tfrecord")) for replica in (0, 1)]
    dataset = example_encoding_dataset.load_tfrecord_dataset(
        shards, as_trajectories=True, add_batch_dim=False
    )
    frames = list(dataset)
    assert len(frames) == 2 * 5 * 51
    assert frames[0].action.shape == (2,)
    lines = done.stdout.splitlines()
    assert "AverageSuccessMetric = 1.0" in lines
    assert "  AverageSuccessMetric = 1.0" in lines
    assert "AverageReturn = 1.0" in lines
    assert "AverageEpisodeLength = 50.0" in lines
    assert lines[-3:-1] == [f"Wrote {shard}" for shard in shards]
    assert lines[-1].startswith("Ran 10 episodes (510 frames) in ")
    bar = done.stderr.replace("\r", "\n").splitlines()
    assert "10/10" in bar[-1]
    assert all(not line or "/10 [" in line for line in bar), "only the bar is on stderr"


def test_ctrl_c_ends_every_process_and_leaves_whole_episodes(tmp_path):
    process = subprocess.Popen(
        [*_MODULE, *_published(tmp_path / "a.tfrecord", 10**6)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not _sizes(tmp_path, minimum=2) and time.monotonic() < deadline:
        time.sleep(0.1)
    family = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors.splitlines()[-1].startswith("error: interrupted")
    assert "Traceback" not in errors
    assert len(family) >= 3
    assert not psutil.wait_procs(family, timeout=15)[1]
    _assert_only_unfinished(tmp_path)


def test_killed_command_leaves_no_process_behind(tmp_path):
    process = subprocess.Popen(
        [*_MODULE, *_published(tmp_path / "a.tfrecord", 10**6)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not _sizes(tmp_path, minimum=2) and time.monotonic() < deadline:
        time.sleep(0.1)
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    assert not psutil.wait_procs(family, timeout=15)[1]
    _assert_only_unfinished(tmp_path)


def test_flags_have_the_published_defaults():
    values = flags.FlagValues()
    policy_eval.define_flags(values)
    values(["prog", "--task=PARTICLE", "--gin_bindings=A.b=1", "--gin_bindings=A.c=2", "--video"])
    options = recording_options.EvaluationOptions.from_flags(values)
    assert options.num_episodes == 5
    assert options.output_path == "/tmp/ibc/policy_eval/"
    assert options.gin_bindings == ("A.b=1", "A.c=2")
    assert options.gin_file == ()
    assert options.video is True
    assert options.viz_img is options.flatten_env is options.use_image_obs is False
    assert options.history_length is options.dataset_path is options.policy is None


def _assert_only_unfinished(folder):
    """Checks that nothing is there but what the same command goes on from."""
    suffixes = ("", ".spec", ".journal")
    allowed = {f".a_{i}.tfrecord.unfinished{suffix}" for i in range(2) for suffix in suffixes}
    assert {path.name for path in folder.iterdir()} <= allowed


def _sizes(folder, minimum):
    """Sizes of the record files being written, if there are at least so many that have content."""
    sizes = [path.stat().st_size for path in folder.glob(".*") if "spec" not in path.name]
    return sizes if np.count_nonzero(sizes) >= minimum else []
