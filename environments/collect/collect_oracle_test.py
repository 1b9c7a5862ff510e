"""Tests of the command line, as users type it."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import time

from absl import flags

from ibc.data.recording import options as recording_options
from ibc.data.records import shard_reader
from ibc.environments.collect import collect_oracle

_SCRIPT = pathlib.Path(collect_oracle.__file__)
_ARGUMENTS = [
    "--task=PARTICLE",
    "--num_shards=3",
    "--num_workers=2",
    "--worker_id=0",
    "--gin_bindings=ParticleEnv.n_steps=5",
]


def _command(path, *arguments):
    return [sys.executable, str(_SCRIPT), *_ARGUMENTS, f"--dataset_path={path}", *arguments]


def test_script_records_its_share_and_says_so(tmp_path):
    path = tmp_path / "data" / "oracle.tfrecord"
    done = subprocess.run(
        _command(path, "--num_episodes=2"), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    shards = [str(path.with_name(f"oracle_{shard}.tfrecord")) for shard in (0, 2)]
    assert all(len(shard_reader.read_shard(shard)) == 12 for shard in shards)
    assert not path.with_name("oracle_1.tfrecord").exists()
    lines = done.stdout.splitlines()
    assert lines[:2] == [f"Wrote {shard}" for shard in shards]
    assert lines[2].startswith("The oracle succeeded in ")
    assert lines[3].startswith("Recorded 4 episodes (24 frames) in ")
    told = done.stderr.splitlines()
    assert "recording: 4/4 episodes" in told[-1]
    assert all(re.match(r"[\d:]{8} recording: \d/4 episodes", line) for line in told), told


def test_termination_keeps_whole_episodes_and_the_same_command_goes_on(tmp_path):
    command = _command(tmp_path / "a.tfrecord", "--num_episodes=20000", "--num_shards=1")
    journal = tmp_path / ".a_0.tfrecord.unfinished.journal"
    for _ in range(2):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 60
        size = journal.stat().st_size if journal.exists() else 1000
        while not (journal.exists() and journal.stat().st_size > size + 1000):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.05)
        process.terminate()
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 128 + signal.SIGTERM
        unfinished = [f".a_0.tfrecord.unfinished{suffix}" for suffix in ("", ".journal", ".spec")]
        assert sorted(os.listdir(tmp_path)) == [*unfinished, "a.collection"]
        assert os.listdir(tmp_path / "a.collection") == ["settings.json"]
    assert b"going on after episode" in errors and b"error: terminated; whole episodes" in errors


def test_every_option_is_a_flag_with_its_default():
    values = flags.FlagValues()
    collect_oracle.define_flags(values)
    values(
        ["prog", "--task=PUSH", "--nostep_limit", "--gin_bindings=A.b=1", "--gin_bindings=A.c=2"]
    )
    options = recording_options.CollectionOptions.from_flags(values)
    assert (options.task, options.policy, options.num_episodes) == ("PUSH", "oracle", 5)
    assert options.step_limit is False
    assert options.gin_bindings == ("A.b=1", "A.c=2")
    assert options.gin_file == ()
    assert options.dataset_path is None
