"""What every program keeps to: a new one joins by one line in the table."""

import dataclasses
import importlib.metadata
import os
import pathlib
import re
import signal
import subprocess
import sys
from collections.abc import Sequence

import pytest

from tests import commands, training

_ROOT = pathlib.Path(__file__).parent.parent
_LONGEST_SECONDS = 120
_PARTICLE = ("--task=PARTICLE",)


@dataclasses.dataclass(frozen=True)
class Program:
    """A program, and arguments that bring it into the situations of the contract."""

    place: str
    """Its file if it is published as one, otherwise its module."""
    flags: str
    """Flags that people use, as --help has to list them."""
    wrong: dict[tuple[str, ...], str]
    """Wrong arguments → what is said."""
    report: tuple[str, ...] = ()
    """Arguments with which it prints something in the end, if it ever does."""
    keeps: str = ""
    """Glob of what `report` leaves, also where nobody reads what it prints."""
    busy: Sequence[str] = ()
    """Arguments with which it works until it is told to end, unless that is a subcommand's."""
    begun: str = ""
    """What it writes to standard error when it works."""
    script: str = ""
    """Name of its console script, if it has one."""
    subcommand: tuple[str, ...] = ()
    """What comes before flags."""
    takes_paths: bool = False
    """Whether it takes more than flags."""


_PENDULUM = ("--task=Pendulum-v1",)
_MAZE = ("--task=MAZE",)
_REACH = ("--task=PARTICLE_REACH",)
_PROGRAMS = {
    "train_eval": Program(
        "ibc/train_eval.py",
        "task tag gin_file gin_bindings video viz_img viz_energy skip_eval tpu use_gpu",
        {
            (*_PARTICLE, "--gin_file=mlp_emb_quick.gin"): "did you mean mlp_ebm_quick",
            (
                *_PARTICLE,
                "--gin_file=mlp_mse.gin",
                "--gin_bindings=MLPMSE.widht=3",
            ): "'MLPMSE' has no parameter 'widht' (did you mean width?)",
            (*_PARTICLE, "--multi_gpu"): "--multi_gpu was given but TensorFlow sees no GPU",
        },
        busy=training.arguments("run", "{data}", num_iterations=100000000, batch_size=16),
        begun="Step: ",
        script="ibc-train-eval",
    ),
    "online_train_eval": Program(
        "ibc/online_train_eval.py",
        "algorithm task optimised set tag video test checkpoint experiment gin_file gin_bindings",
        {
            (*_MAZE, "--algorithm=AMP", "--test"): "there is no run in runs/online/MAZE/AMP_seed0",
            (*_PENDULUM, "--experiment=variance"): "--experiment is for AMP, but --algorithm=SAC",
            (*_PENDULUM, "--algorithm=GIAL"): "There is no algorithm 'GIAL'",
            (*_PENDULUM, "--set=imitation.trajectory=5"): "Did you mean imitation.trajectories",
            ("--task=CartPole-v1",): "has actions Discrete(2)",
            (*_PENDULUM, "--algorithm=GAIL"): "no expert data at 'datasets/pendulum-v1/",
            (*_PENDULUM, "--sweep=seed=1,1"): "each value must differ",
            (*_PENDULUM, "--sweep=sede=1,2"): "Did you mean seed",
        },
        busy=(*_PENDULUM, "--gin_file=pendulum_quick.gin", "--set=steps=10000000", "--tag=a"),
        begun="Step 1000 of",
        script="ibc-online-train-eval",
        takes_paths=True,
    ),
    "train_ncsn": Program(
        "ibc/train_ncsn.py",
        "task dataset_path set gin_file gin_bindings tag test checkpoint sigma_level",
        {
            (*_MAZE, "--set=model.l=5"): "Did you mean model.L",
            (*_MAZE, "--test"): "there is no run in runs/ncsn/MAZE/seed0: train one with",
            (*_MAZE, "--gin_file=near_publised.gin"): "did you mean near_published",
            (*_MAZE, "--dataset_path=nowhere.npz"): "no recorded episodes at nowhere.npz",
        },
        script="ibc-train-ncsn",
        takes_paths=True,
    ),
    "train_video_encoder": Program(
        "ibc/train_video_encoder.py",
        "task video_dir set gin_file gin_bindings tag",
        {
            (*_REACH, "--set=cmc_model.lx=5"): "Did you mean cmc_model.lr",
            (*_REACH, "--gin_file=particle_rech.gin"): "did you mean particle_reach",
            (*_REACH, "--video_dir=nowhere"): "there are no videos in nowhere/train/0",
        },
        busy=(
            *_REACH,
            "--set=num_epochs=1000000",
            "--set=num_train=8",
            "--set=num_valid=4",
            "--set=eval_every_epochs=1",
            "--tag=a",
        ),
        begun="Update 1 of",
        script="ibc-train-video-encoder",
        takes_paths=True,
    ),
    "policy_eval": Program(
        "data/policy_eval.py",
        "task policy replicas gin_bindings viz_img viz_energy saved_model_path num_episodes",
        {
            (*_PARTICLE, "--policy=orakle"): "policy 'orakle' is unknown; did you mean oracle",
            (*_PARTICLE, "--policy=oracle", "--task=PUSH"): "--task=PUSH: already defined",
            (*_PARTICLE, "--policy=oracle", "--viz_energy"): "give --saved_model_path, too",
            (*_PARTICLE, "--policy=oracle", "--num_episodes=0"): "must be at least 1, got 0.",
            (*_PARTICLE, "--policy=oracle", "--gin_file=none.gin"): "'none.gin' was not found",
            (
                *_PARTICLE,
                "--policy=oracle",
                "--gin_bindings=ParticleEnv.n_dim=0",
            ): "ParticleEnv.n_dim must be a whole number of at least 1, got 0.",
        },
        report=(*_PARTICLE, "--policy=oracle", "--num_episodes=1", "--dataset_path=a.tfrecord"),
        keeps="a.tfrecord",
        busy=(*_PARTICLE, "--policy=oracle", "--num_episodes=1000000"),
        begun="[1-9][0-9]*/1000000",
        script="ibc-policy-eval",
    ),
    "generate_videos": Program(
        "data/generate_videos.py",
        "task policy others episode_len height width num_train num_valid video_dir seed processes",
        {
            (*_PARTICLE, "--policy=orakle"): "policy 'orakle' is unknown; did you mean oracle",
            (*_PARTICLE, "--height=0"): "--height must be from 1 to 4096, got 0.",
            (*_PARTICLE,): "task PARTICLE has no step limit: give --episode_len.",
        },
        report=(
            *_REACH,
            "--num_train=1",
            "--num_valid=1",
            "--processes=1",
            "--video_dir=a",
        ),
        keeps="a/valid/1/00000.npy",
        busy=(*_REACH, "--num_train=90000", "--processes=2"),
        begun="[1-9][0-9]*/18",
        script="ibc-generate-videos",
        takes_paths=True,
    ),
    "collect_oracle": Program(
        "environments/collect/collect_oracle.py",
        "task policy num_shards worker_id successes_only step_limit save_states",
        {
            (*_PARTICLE, "--worker_id=3"): "--worker_id must be from 0 to 0",
            (*_PARTICLE, "--task=PUSH"): "--task=PUSH: already defined",
            (*_PARTICLE, "--gin_file=none.gin"): "gin file 'none.gin' was not found",
        },
        report=(*_PARTICLE, "--num_episodes=1", "--dataset_path=a.tfrecord"),
        keeps="a_0.tfrecord",
        busy=(*_PARTICLE, "--num_episodes=1000000", "--dataset_path=a.tfrecord"),
        begun="[1-9][0-9]*/1000000",
    ),
    "ibc-data": Program(
        "ibc.data.ibc_data",
        "picture",
        {("info", "nowhere.tfrecord"): "no record file matches dataset_path 'nowhere.tfrecord'"},
        report=("info", "{data}"),
        busy=("convert", "{data}", "a.tfrecord"),
        begun="converting: 0/",
        script="ibc-data",
        subcommand=("info",),
        takes_paths=True,
    ),
    "ibc-export": Program(
        "ibc.export_policy",
        "to output",
        {("nowhere", "--to=onnx"): "nowhere does not exist; give a run's folder"},
        script="ibc-export",
        takes_paths=True,
    ),
    "ibc-info": Program(
        "ibc.info",
        "output",
        {("--output=/dev/null/a.txt",): "--output=/dev/null/a.txt: no file can be made there"},
        script="ibc-info",
        takes_paths=True,
    ),
    "ibc-policy-bench": Program(
        "ibc.policy_bench",
        "batch_sizes num_actions",
        {
            ("nowhere",): "nowhere does not exist; give a run's folder",
            ("nowhere", "--batch_sizes=0"): "must be positive numbers with commas, got '0'",
            ("nowhere", "--num_actions=0"): "--num_actions must be at least 1, got 0",
        },
        script="ibc-policy-bench",
        takes_paths=True,
    ),
    "ibc-open-loop": Program(
        "ibc.open_loop",
        "dataset_path episodes output pictures",
        {
            ("nowhere",): "nowhere does not exist; give a run's folder",
            ("nowhere", "--pictures=-1"): "--pictures must be at least 0, got -1",
        },
        script="ibc-open-loop",
        takes_paths=True,
    ),
    "ibc-landscape": Program(
        "ibc.landscape",
        "what task dataset_path episode step dimensions format output",
        {
            ("nowhere",): "nowhere does not exist; give a run's folder",
            ("nowhere", "--step=-1"): "--step must be at least 0, got -1",
            ("nowhere", "--dimensions=0"): "two numbers with a comma such as 0,1, got '0'",
        },
        script="ibc-landscape",
        takes_paths=True,
    ),
    "ibc-report": Program(
        "ibc.report",
        "metric output",
        {
            ("nowhere",): "nowhere does not exist; give a run's folder",
            ("nowhere", "--output=a.pdf"): "--output must be a .html file, but is 'a.pdf'",
        },
        script="ibc-report",
        takes_paths=True,
    ),
    "ibc-benchmark": Program(
        "ibc.benchmark",
        "task gin_file seeds gin_bindings metric output executor slurm_options",
        {
            ("--task=PARTICLE", "--gin_file=a.gin", "--seeds=x"): "whole numbers with commas",
            ("--task=PARTICLE", "--gin_file=a.gin,b/a.gin"): "each must differ",
            ("--task=A", "--gin_file=a.gin", "--slurm_options=a=1"): "is for --executor=slurm",
        },
        script="ibc-benchmark",
        takes_paths=True,
    ),
    "ibc-tune": Program(
        "ibc.tune",
        "algorithm task trajectories trials patience output set gin_file jobs executor",
        {
            ("--algorithm=SQIL", *_PENDULUM): "no search space for --algorithm=SQIL",
            ("--algorithm=GAIL", *_PENDULUM): "no expert data at 'datasets/pendulum-v1/",
            ("--algorithm=GAIL", *_PENDULUM, "--set=training.start=x"): "training.start must be",
            ("--algorithm=BC", *_PENDULUM, "--output=/dev/null/a"): "no file can be made there",
        },
        script="ibc-tune",
        takes_paths=True,
    ),
    "coordinate_regression": Program(
        "ibc.coordinate_regression",
        "output examples learning_rate steps seed",
        {("--output=figure.json",): "--output must be a .png file, but is 'figure.json'."},
        busy=("--steps=20",),
        begun="mean test error",
    ),
}


def programs(which=lambda program: True) -> pytest.MarkDecorator:
    """Runs a test with each program that it applies to."""
    chosen = {name: program for name, program in _PROGRAMS.items() if which(program)}
    return pytest.mark.parametrize("program", chosen.values(), ids=chosen)


_WRONG = [
    pytest.param(name, arguments, said, id=f"{name}-{said[:30]}")
    for name, program in _PROGRAMS.items()
    for arguments, said in program.wrong.items()
]
_SCRIPTS = [program.place for program in _PROGRAMS.values() if program.place.endswith(".py")]


def start(program: Program, arguments: Sequence[str], folder: pathlib.Path, **options):
    """Starts a program as people do, in a folder that is not its own."""
    is_file = program.place.endswith(".py")
    place = [str(_ROOT / program.place)] if is_file else ["-m", program.place]
    options = {"stderr": subprocess.PIPE, **options}
    return commands.start(*place, *arguments, cwd=folder, **options)


def start_at_once(program: Program, arguments: Sequence[str], folder: pathlib.Path):
    """Starts a program from where TensorFlow is imported already."""
    module = program.place.removesuffix(".py").replace("/", ".").removeprefix("ibc.")
    return commands.start_at_once(
        "-m", f"ibc.{module}", *arguments, cwd=folder, stderr=subprocess.PIPE
    )


def end(process: subprocess.Popen) -> commands.Done:
    output, errors = process.communicate(timeout=_LONGEST_SECONDS)
    return commands.Done(process.returncode, output, commands.errors_among(errors))


def run(name: str, arguments: Sequence[str], folder: pathlib.Path) -> commands.Done:
    """Runs a program in this process if it can be, which saves it the import of TensorFlow."""
    if name not in commands.MODULES:
        return end(start(_PROGRAMS[name], arguments, folder))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return commands.in_process(name, arguments)


@programs()
def test_help_comes_within_a_second_without_tensorflow(program, tmp_path):
    environment = {**os.environ, "PYTHONPROFILEIMPORTTIME": "1"}
    with open(tmp_path / "imports", "w") as errors:
        options = dict(env=environment, stderr=errors)
        process = start(program, [*program.subcommand, "--help"], tmp_path, **options)
    output = process.stdout.read()
    # Of this process alone; others of the tests may end meanwhile.
    _, _, used = os.wait4(process.pid, 0)
    imports = (tmp_path / "imports").read_text()
    for flag in (*program.flags.split(), "debug", "verbosity"):
        assert f"--{flag}" in output.replace("[no]", "")
    told = " ".join(output.split())
    assert "Show the traceback of an error" in told and "How much is said: 0, what is" in told
    assert not re.search(r"\| +(tensorflow|pybullet|mujoco)\b", imports)
    # Of a processor: the machine may be busy.
    assert used.ru_utime + used.ru_stime < 1.0


@programs(lambda program: program.script)
def test_the_console_script_is_the_same_program(program):
    path = pathlib.Path(sys.executable).parent / program.script
    assert path.exists(), f"{program.script} is not installed; ./run_tests.sh installs it"
    arguments = [path, *program.subcommand, "--help"]
    output = subprocess.run(arguments, capture_output=True, text=True).stdout
    assert all(f"--{flag}" in output.replace("[no]", "") for flag in program.flags.split())


@pytest.mark.parametrize(("name", "arguments", "said"), _WRONG)
def test_what_is_wrong_is_one_line_and_a_status(name, arguments, said, tmp_path):
    status, output, errors = run(name, arguments, tmp_path)
    assert (status, output) == (1, "")
    assert len(errors) == 1 and errors[0].startswith("error: ") and said in errors[0]
    assert not [path for path in tmp_path.iterdir() if path.is_file()]


@pytest.mark.parametrize("name", _PROGRAMS)
def test_debug_shows_the_traceback_before_the_line(name, tmp_path):
    arguments, said = next(iter(_PROGRAMS[name].wrong.items()))
    status, _, errors = run(name, [*arguments, "--debug"], tmp_path)
    assert status == 1 and "Traceback (most recent call last):" in errors
    assert errors[-1].startswith("error: ") and said in errors[-1]


@programs(lambda program: not program.takes_paths)
def test_lone_dashes_are_dropped_and_what_is_no_flag_is_refused(program, tmp_path):
    status, output, errors = end(start(program, ["--", "stray"], tmp_path))
    assert (status, output) == (1, "")
    assert errors == [
        "error: unexpected argument 'stray'; flags begin with --: did you mean --stray=...?"
    ]
    status, output, errors = end(start(program, ["--", "--nonsense"], tmp_path))
    assert (status, output) == (1, "")
    assert len(errors) == 1 and "Unknown command line flag 'nonsense'" in errors[0]


@pytest.mark.parametrize("name", [name for name in _PROGRAMS if _PROGRAMS[name].report])
def test_a_report_that_nobody_reads_ends_quietly(name, tmp_path, particle_data, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = [part.replace("{data}", particle_data) for part in _PROGRAMS[name].report]
    done = commands.in_process(name, arguments, unread=True)
    assert (done.status, done.errors) == (141, [])
    keeps = _PROGRAMS[name].keeps
    assert not keeps or list(tmp_path.glob(keeps)), "what was recorded is kept"


@pytest.mark.slow
@programs(lambda program: program.busy)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_one_line_and_its_status(program, number, tmp_path, particle_data):
    arguments = [argument.replace("{data}", particle_data) for argument in program.busy]
    # Started whole once: what is in place when it works does not depend on the signal.
    begin = start if number == signal.SIGINT else start_at_once
    process = begin(program, arguments, tmp_path)
    text = ""
    while not re.search(program.begun, text):
        read = os.read(process.stderr.fileno(), 1 << 16).decode()
        assert read, text
        text += read
    process.send_signal(number)
    status, output, errors = end(process)
    assert (status, output) == (128 + number, "")
    said = "interrupted" if number == signal.SIGINT else "terminated"
    assert said in errors[-1] and commands.only_error("\n".join(errors)) == errors[-1]


@pytest.mark.parametrize("script", _SCRIPTS)
def test_no_module_beside_a_script_hides_a_library(script):
    # Run as a script, its folder comes first on the module path.
    here = (_ROOT / script).parent.iterdir()
    modules = {path.stem for path in here if path.suffix in ("", ".py")}
    names = modules - {"__init__", "__pycache__"}
    installed = set(importlib.metadata.packages_distributions())
    assert not names & (set(sys.stdlib_module_names) | installed)


def test_a_replicas_own_traceback_is_shown(tmp_path):
    arguments = [*_PARTICLE, "--policy=oracle", "--replicas=1", "--dataset_path=a.tfrecord"]
    arguments += ["--gin_bindings=ParticleEnv.dt=0", "--debug"]
    status, _, errors = end(start(_PROGRAMS["policy_eval"], arguments, tmp_path))
    text = "\n".join(errors)
    assert status == 1 and errors[-1].startswith("error: replica ")
    assert "in the process:" in text and "particle.py" in text
