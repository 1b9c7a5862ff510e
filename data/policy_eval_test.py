"""Tests of the command line, as users type it."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import gin
import numpy as np
import psutil
import pytest
from absl import flags
from tf_agents.utils import example_encoding_dataset

from ibc.data import policy_eval
from ibc.data.recording import options as recording_options
from ibc.environments import tasks
from tests import command_line_testing

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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--policy=orakle"], "policy 'orakle' is unknown; did you mean oracle"),
        (["--policy=oracle", "--num_episodes=0"], "--num_episodes must be at least 1, got 0."),
        (
            ["--policy=oracle", "stray"],
            "unexpected argument 'stray'; flags begin with --: did you mean --stray=...?",
        ),
        (["--policy=oracle", "--gin_file=none.gin"], "gin file 'none.gin' was not found"),
        (
            ["--policy=oracle", "--gin_bindings=ParticleEnv.n_dim=0"],
            "ParticleEnv.n_dim must be a whole number of at least 1, got 0.",
        ),
    ],
)
def test_wrong_command_line_is_answered_in_one_line(arguments, message, capsys):
    gin.clear_config()
    values = flags.FlagValues()
    policy_eval.define_flags(values)
    rest = values(["prog", "--task=PARTICLE", *arguments])
    with pytest.raises(SystemExit) as end:
        policy_eval.main(rest, values)
    gin.clear_config()
    output = capsys.readouterr()
    assert end.value.code == 1
    assert output.out == ""
    errors = [line for line in output.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert message in errors[0]


def test_failure_is_a_status_without_a_traceback(tmp_path):
    done = _run(["--task=PARTICEL", "--policy=oracle"], tmp_path)
    assert done.returncode == 1
    available = ", ".join(tasks.TASKS)
    hint = "did you mean PARTICLE? "
    assert done.stderr.startswith(
        f"error: unknown task 'PARTICEL'; {hint}available: {available}, or any id that Gymnasium"
    )
    assert done.stderr.count("\n") == 1


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


def test_help_names_every_flag_without_waiting_for_tensorflow(tmp_path):
    done = _run(["--help"], tmp_path)
    for name in ("task", "policy", "replicas", "gin_bindings", "[no]viz_img", "saved_model_path"):
        assert f"--{name}:" in done.stdout
    code = "import sys; from ibc.data import policy_eval; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


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


def test_no_module_beside_the_script_hides_a_library():
    # Run as a script, its folder comes first on the module path.
    names = {path.stem for path in _SCRIPT.parent.iterdir()} - {"__init__", "__pycache__"}
    assert not names & set(sys.stdlib_module_names)
    assert not names & {module.partition(".")[0] for module in sys.modules}


def _assert_only_unfinished(folder):
    """Checks that nothing is there but what the same command goes on from."""
    suffixes = ("", ".spec", ".journal")
    allowed = {f".a_{i}.tfrecord.unfinished{suffix}" for i in range(2) for suffix in suffixes}
    assert {path.name for path in folder.iterdir()} <= allowed


def _sizes(folder, minimum):
    """Sizes of the record files being written, if there are at least so many that have content."""
    sizes = [path.stat().st_size for path in folder.glob(".*") if "spec" not in path.name]
    return sizes if np.count_nonzero(sizes) >= minimum else []


def test_a_report_that_nobody_reads_ends_quietly(tmp_path, capsys):
    values = flags.FlagValues()
    policy_eval.define_flags(values)
    path = f"--dataset_path={tmp_path}/a.tfrecord"
    rest = values(["prog", "--task=PARTICLE", "--policy=oracle", "--num_episodes=1", path])
    with command_line_testing.unread_output(), pytest.raises(SystemExit) as end:
        policy_eval.main(rest, values)
    assert end.value.code == 141
    assert "error" not in capsys.readouterr().err.lower()
    assert list(tmp_path.glob("a*.tfrecord")), "what was recorded is kept"
