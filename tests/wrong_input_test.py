"""Wrong input to every command: one line that names it, a status, and nothing is touched."""

import json
import pathlib
import shutil
import traceback

import pytest
import tensorflow as tf
from tf_agents.environments import tf_py_environment
from tf_agents.networks import sequential
from tf_agents.policies import actor_policy, policy_saver

from ibc.data.records import manifest, specs
from ibc.environments import suite
from tests import commands, shard_testing, training, wrong_input_testing

pytestmark = pytest.mark.slow

_TRAINING = training.arguments(
    "out", "in/good.tfrecord", num_iterations=1, batch_size=16, num_envs=1, eval_episodes=1
)
_RECORDING = ("--task=PARTICLE", "--num_episodes=2", "--dataset_path=out/o.tfrecord")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> pathlib.Path:
    """A folder with the folder in/, of good and of wrong files."""
    root = tmp_path_factory.mktemp("wrong")
    folder = root / "in"
    arguments = [*_RECORDING, "--policy=oracle", f"--dataset_path={folder}/good.tfrecord"]
    assert commands.in_process("policy_eval", arguments).status == 0
    suffixes = ("", specs.SPEC_SUFFIX, manifest.MANIFEST_SUFFIX)
    for suffix in suffixes:
        shutil.copy(f"{folder}/good.tfrecord{suffix}", f"{folder}/miscounted.tfrecord{suffix}")
    counts = folder / "miscounted.tfrecord.manifest.json"
    contents = json.loads(counts.read_text())
    counts.write_text(json.dumps({**contents, "records": contents["records"] + 1}))
    for name in ("empty", "text"):
        shutil.copy(folder / "good.tfrecord.spec", folder / f"{name}.tfrecord.spec")
    (folder / "empty.tfrecord").touch()
    (folder / "text.tfrecord").write_text("frame,x,y\n" * 20)
    shutil.copy(folder / "good.tfrecord", folder / "nospec.tfrecord")
    shard_testing.write(folder / "other.tfrecord")
    shard_testing.write(folder / "images.tfrecord", spec=shard_testing.noise_spec(images=True))
    (folder / "file").write_text("x")
    (folder / "syntax.gin").write_text("MLPEBM.width = = 3\n")
    (folder / "include.gin").write_text("include 'nowhere.gin'\n")
    _export_policies(folder)
    return root


def _export_policies(folder: pathlib.Path) -> None:
    """Exports untrained policies of two networks for another environment, and damages copies."""
    env = tf_py_environment.TFPyEnvironment(suite.load("PARTICLE", flatten=True))
    for name, width in (("narrow", 3), ("wide", 5)):
        layers = [tf.keras.layers.Dense(width), tf.keras.layers.Dense(2)]
        network = sequential.Sequential(layers, input_spec=env.observation_spec())
        policy = actor_policy.ActorPolicy(env.time_step_spec(), env.action_spec(), network)
        policy_saver.PolicySaver(policy, batch_size=None).save(str(folder / name))
    shutil.copytree(folder / "narrow", folder / "cut")
    (index,) = folder.glob("cut/variables/variables.index")
    index.write_bytes(index.read_bytes()[:20])
    (folder / "damaged").mkdir()
    (folder / "damaged" / "saved_model.pb").write_text("nonsense")


def _snapshot(root: pathlib.Path) -> dict[str, tuple[int, int]]:
    """Size and time of everything beside the output folder."""
    files = [p for p in root.rglob("*") if p.relative_to(root).parts[0] != "out"]
    return {str(p): (p.stat().st_size, p.stat().st_mtime_ns) for p in files}


def _problem(done: commands.Done, mention: str) -> str | None:
    """Says what is wrong with the answer to a wrong input, None if nothing is."""
    if done.status not in (1, 2):
        return f"status {done.status}"
    if len(done.errors) != 1 or not done.errors[0].startswith("error: "):
        return f"not one line of error: {done.errors}"
    return None if mention in done.errors[0] else f"{mention!r} is not in: {done.errors[0]}"


def _with(good: tuple[str, ...], flags: tuple[str, ...]) -> tuple[str, ...]:
    """Adds flags to those of a good command, in place of the task that it names once."""
    if any(flag.startswith("--task=") for flag in flags):
        good = tuple(flag for flag in good if not flag.startswith("--task="))
    return (*good, *flags)


def _cases(command: str) -> dict[tuple[str, ...], str]:
    """The wrong arguments of a command, and what is to be said."""
    table = wrong_input_testing
    data = {f"train_eval.dataset_path = {path!r}": said for path, said in table.DATA.items()}
    bindings = {(f"--gin_bindings={b}",): s for b, s in (table.BINDINGS | data).items()}
    if command == "train_eval":
        chunks = {(table.CHUNKS, f"--gin_bindings={b}"): s for b, s in table.SEQUENCES.items()}
        every = bindings | chunks | table.TRAINING
        return {(*_TRAINING, *given): said for given, said in every.items()}
    of_door = ("--task=door-human-v0", "--policy=random")
    tables = {
        "policy_eval": {
            (*_RECORDING, "--policy=oracle"): table.EVALUATION,
            _RECORDING: table.EXPORTED,
            _with(_RECORDING, ("--policy=oracle", "--task=PUSH")): table.PUSHING,
            _with(_RECORDING, of_door): table.D4RL,
        },
        "collect_oracle": {_RECORDING: table.COLLECTION},
        "ibc-data": {(): table.DATA_COMMAND},
        **{program: {(): said} for program, said in table.PROGRAMS.items()},
    }
    return {
        _with(good, flags): said
        for good, said_of in tables[command].items()
        for flags, said in said_of.items()
    }


@pytest.mark.parametrize("command", commands.MODULES)
def test_each_wrong_input_is_one_line(inputs, command, monkeypatch, report):
    monkeypatch.chdir(inputs)
    before = _snapshot(inputs)
    problems = {}
    cases = _cases(command)
    for arguments, mention in cases.items():
        try:
            problem = _problem(commands.in_process(command, arguments), mention)
        except Exception:
            problem = traceback.format_exc()
        if problem is None and _snapshot(inputs) != before:
            problem = "files beside the output folder were touched"
        if problem is None and list(inputs.glob("out/**/*.tfrecord")):
            problem = "a record file was written"
        if problem is not None:
            problems[arguments[-1:]] = problem
    assert not problems, "\n".join(f"{given}: {problem}" for given, problem in problems.items())
    report(f"{command}: {len(cases)} wrong inputs: each one line, no traceback")


@pytest.mark.parametrize(
    "command, ending",
    [
        ("train_eval", "MLPEBM.depth = 0"),
        ("train_eval", "--skip_evl"),
        ("policy_eval", "--num_episodes=x"),
        ("policy_eval", "ParticleEnv.k_p=1e308"),
        ("collect_oracle", "ParticleEnv.k_p=1e308"),
        ("collect_oracle", "--num_workers=0"),
        ("ibc-data", "in/text.tfrecord"),
        ("ibc-data", "frobnicate"),
    ],
)
def test_programs_answer_alike(inputs, command, ending):
    cases = {
        given: said
        for given, said in _cases(command).items()
        if given and given[-1].endswith(ending)
    }
    ((arguments, mention),) = cases.items()
    before = _snapshot(inputs)
    done = commands.as_program(command, arguments, inputs)
    assert _problem(done, mention) is None, _problem(done, mention)
    assert done.output == "" and _snapshot(inputs) == before


@pytest.mark.parametrize("command", ["train_eval", "policy_eval"])
def test_a_video_without_ffmpeg_is_refused_before_anything_is_done(inputs, command, monkeypatch):
    monkeypatch.chdir(inputs)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/nowhere/ffmpeg")
    recording = (*_RECORDING, "--policy=oracle", "--output_path=out")
    arguments = _TRAINING if command == "train_eval" else recording
    done = commands.in_process(command, [*arguments, "--video"])
    assert _problem(done, "there is no program /nowhere/ffmpeg") is None, done


def test_the_tables_are_as_long_as_they_say(report):
    count = sum(len(_cases(command)) for command in commands.MODULES)
    assert count >= 120
    report(f"{count} wrong inputs: each one line, no traceback")
