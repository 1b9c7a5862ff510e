"""Tests of the command line, as users type it."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
from absl import flags

from ibc.data.recording import options as recording_options
from ibc.data.records import shard_reader
from ibc.environments.collect import collect_oracle
from tests import command_line_testing

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
    bar = done.stderr.replace("\r", "\n").splitlines()
    assert "4/4" in bar[-1]
    assert all(not line or "/4 [" in line for line in bar), "only the bar is on stderr"


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--task=PARTICEL"], "unknown task 'PARTICEL'; did you mean PARTICLE"),
        (["--task=PARTICLE", "--worker_id=3"], "--worker_id must be from 0 to 0"),
        (["--task=PARTICLE", "stray"], "unexpected argument 'stray'"),
        (["--task=PARTICLE", "--gin_file=none.gin"], "gin file 'none.gin' was not found"),
    ],
)
def test_wrong_command_line_is_answered_in_one_line(arguments, message, tmp_path, capsys):
    values = flags.FlagValues()
    collect_oracle.define_flags(values)
    rest = values(["prog", f"--dataset_path={tmp_path}/a.tfrecord", *arguments])
    with pytest.raises(SystemExit) as end:
        collect_oracle.main(rest, values)
    output = capsys.readouterr()
    assert end.value.code == 1
    assert output.out == ""
    assert message in output.err.splitlines()[-1]
    assert output.err.splitlines()[-1].startswith("error: ")
    assert not list(tmp_path.iterdir())


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


def test_no_module_beside_the_script_hides_a_library():
    # Run as a script, its folder comes first on the module path.
    names = {path.stem for path in _SCRIPT.parent.iterdir()} - {"__init__", "__pycache__"}
    assert not names & set(sys.stdlib_module_names)
    assert not names & {module.partition(".")[0] for module in sys.modules}


def test_a_report_that_nobody_reads_ends_quietly(tmp_path, capsys):
    values = flags.FlagValues()
    collect_oracle.define_flags(values)
    path = f"--dataset_path={tmp_path}/a.tfrecord"
    rest = values(["prog", "--task=PARTICLE", "--num_episodes=1", path])
    with command_line_testing.unread_output(), pytest.raises(SystemExit) as end:
        collect_oracle.main(rest, values)
    assert end.value.code == 141
    assert "error" not in capsys.readouterr().err.lower()
    assert list(tmp_path.glob("a*.tfrecord")), "what was recorded is kept"
