"""Tests of the command line, as users type it."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from absl import flags
from tf_agents.utils import example_encoding_dataset

from ibc.data import policy_eval
from ibc.data.recording import options as recording_options
from tests import shard_testing

_MODULE = [sys.executable, "-m", "ibc.data.policy_eval"]


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
    command = [sys.executable, policy_eval.__file__, *_published(path, 5)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    shards = [str(path.with_name(f"2d_oracle_particle_{replica}.tfrecord")) for replica in (0, 1)]
    load = example_encoding_dataset.load_tfrecord_dataset
    frames = list(load(shards, as_trajectories=True, add_batch_dim=False))
    assert len(frames) == 2 * 5 * 51
    assert frames[0].action.shape == (2,)
    lines = done.stdout.splitlines()
    assert {"AverageSuccessMetric = 1.0", "  AverageSuccessMetric = 1.0"} < set(lines)
    assert {"AverageReturn = 1.0", "AverageEpisodeLength = 50.0"} < set(lines)
    assert lines[-3:-1] == [f"Wrote {shard}" for shard in shards]
    assert lines[-1].startswith("Ran 10 episodes (510 frames) in ")
    progress = done.stderr.splitlines()
    assert "recording: 10/10 episodes" in progress[-1]
    assert all(" recording: " in line for line in progress), "only the progress is on stderr"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_signal_ends_every_process_and_leaves_whole_episodes(tmp_path, number):
    process = subprocess.Popen(
        [*_MODULE, *_published(tmp_path / "a.tfrecord", 10**6)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 300
    while not _sizes(tmp_path, minimum=2) and time.monotonic() < deadline:
        time.sleep(0.1)
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) >= 3
    # What kills the command does not reach its replicas.
    send = os.killpg if number == signal.SIGINT else os.kill
    send(process.pid, number)
    _, errors = process.communicate(timeout=30)
    assert not psutil.wait_procs(family, timeout=15)[1]
    shard_testing.assert_only_unfinished(tmp_path)
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert errors.splitlines()[-1].startswith("error: interrupted")
        assert "Traceback" not in errors, errors


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


def _sizes(folder, minimum):
    """Sizes of the record files being written, if there are at least so many that have content."""
    sizes = [path.stat().st_size for path in folder.glob(".*") if "spec" not in path.name]
    return sizes if np.count_nonzero(sizes) >= minimum else []
