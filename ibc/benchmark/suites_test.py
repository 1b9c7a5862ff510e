"""Suites list commands that their programs take, and put what these have come to in a table."""

import argparse
import json
import pathlib

import gin
import pytest

from ibc import online_train_eval, train_ncsn
from ibc.benchmark import __main__ as benchmark
from ibc.benchmark import executors, suite_tables, suites
from ibc.ncsn import run_config
from ibc.online import configuration as of_sac
from ibc.online import run_config as online_config
from ibc.online.on_policy import configuration, options
from ibc.sweep import arguments as run_arguments


@pytest.mark.parametrize("name", suites.SUITES)
def test_each_command_is_one_that_its_program_takes(tmp_path, name):
    suite = suites.SUITES[name]
    *_, (recording,), energies, agents = suites.stages(name, tmp_path, [3])
    assert recording.name == "demonstrations"
    for job in energies:
        gin.clear_config()
        given = _parsed(train_ncsn, job)
        assert given.task == suite.task and suites.needs(job, recording)
        run_config.configure(
            suite.task, given.gin_file or ["near.gin"], given.gin_bindings, given.set
        )
        config = run_config.NcsnConfig(task=suite.task, tag=given.tag)
        assert config.folder() == job.folder and config.seed == 3
    folders = {str(job.folder) for job in energies}
    assert len(agents) == len(suite.rows) == len({job.command for job in agents})
    for job in agents:
        given = _parsed(online_train_eval, job)
        common = run_arguments.of(given, [])
        assert given.task == [suite.task]
        configuration.configure(
            given.algorithm, suite.task, common.gin_files, common.gin_bindings, common.settings
        )
        climbed = options.bound().reward.eb_model_checkpoint or ()
        climbed = [climbed] if isinstance(climbed, str) else climbed
        row = suite.rows[job.name.split("/")[-2]]
        assert len(climbed) == len(row.energies) and set(climbed) <= folders
        assert options.bound().run.evaluation_episodes in (10, 20, 100)


def test_an_expert_is_trained_before_it_is_recorded(tmp_path):
    (expert,), (recording,), _, agents = suites.stages("near_motions", tmp_path, [0])
    given = _parsed(online_train_eval, expert)
    assert (given.algorithm, given.task) == ("SAC", ["halfcheetah"])
    common = run_arguments.of(given, [])
    of_sac.configure("SAC", None, common.gin_files, common.gin_bindings, common.settings)
    config = online_config.OnlineConfig(tag=given.tag)
    assert config.folder() == expert.folder and config.steps == 40_000
    assert suites.needs(recording, expert) and not suites.needs(expert, recording)
    shown = f"--set=dataset_path='{tmp_path}/runs/demonstrations/expert.tfrecord'"
    # All are measured by the demonstrations, also those that do not learn from them.
    assert all(shown in job.command for job in agents)
    gin.clear_config()


def _parsed(program, job) -> argparse.Namespace:
    module, *flags = job.command[2:]
    assert module == program.__name__
    return program.make_parser().parse_args(flags)


def test_own_demonstrations_are_not_recorded(tmp_path):
    energies, agents = suites.stages("near_maze", tmp_path, [0], "people.npz")
    assert all("--dataset_path=people.npz" in job.command for job in energies)
    (amp,) = [job for job in agents if job.name == "people/amp/seed_0"]
    assert "--set=dataset_path='people.npz'" in amp.command


def test_the_demonstrations_are_a_line_of_their_own_where_they_were_measured(tmp_path):
    jobs = suites.stages("near_motions", tmp_path, [0, 1])[-1]
    shown = {"mean_dtw_pose_error": 1.5, "spectral_arc_length": -8.0, "test_returns": 4000.0}
    for number, job in enumerate(each for each in jobs if "/ppo/" in each.name):
        row = {"frames": 9, "test_returns": -100.0 * number, "mean_dtw_pose_error": 2.0}
        row |= {"root_body_velocity": 1.0, "root_body_jerk": 1e3, "spectral_arc_length": -9.0}
        row["test_returns_of_demonstrations"] = -0.025 * number
        job.folder.mkdir(parents=True)
        kept = {"evaluations": [row], "seconds": 60, "demonstrations": shown}
        (job.folder / "results.json").write_text(json.dumps(kept))
        job.set_done()
    markdown, told = suite_tables.table("near_motions", jobs)
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in markdown.splitlines()]
    assert lines[2] == ["demonstrations", "", "4,000", "", "1.50", "", "", "-8.00", ""]
    assert lines[3][:3] == ["ppo", "2", "-50 [-685, 585]"] and lines[3][-1] == "1.0"
    assert lines[3][6] == "1,000 [1,000, 1,000]" and len(lines) == 4
    assert [each["row"] for each in told] == ["demonstrations", "ppo"]


def _ended(job, corridor, dtw):
    """Leaves what a run does whose evaluations have these numbers."""
    rows = [
        {"frames": 100 * (number + 1), "succeeded": share, "corridor": share, "dtw_to_demos": dtw}
        for number, share in enumerate(corridor)
    ]
    job.folder.mkdir(parents=True)
    (job.folder / "results.json").write_text(json.dumps({"evaluations": rows, "seconds": 90}))
    job.set_done()


def test_the_table_has_a_line_for_each_row_that_has_run(tmp_path):
    jobs = suites.stages("near_ablations", tmp_path, [0, 1])[-1]
    by_name = {job.name: job for job in jobs}
    _ended(by_name["oracle/annealed/seed_0"], [0.2, 0.9, 0.8], 120)
    _ended(by_name["oracle/annealed/seed_1"], [0.1, 0.3, 1.0], 140)
    _ended(by_name["oracle/level_5/seed_0"], [0.0, 0.0, 0.5], 700)
    markdown, told = suite_tables.table("near_ablations", jobs)
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in markdown.splitlines()]
    # Student's t of two values: half the interval is 12.71 times half their difference.
    annealed = ["annealed", "2", "0.90 [0.00, 1.00]", "0.90 [0.00, 1.00]", "130 [3, 257]"]
    assert lines[2] == [*annealed, "2 of 2", "250", "1.5"]
    assert lines[3] == ["level_5", "1", "0.50", "0.50", "700", "0 of 1", "–", "1.5"]
    assert len(lines) == 4 and [len(each["runs"]) for each in told] == [2, 1]


def _command(tmp_path, *flags):
    given = ["--suite=near_ablations", "--seeds=0", f"--output={tmp_path}", *flags]
    return benchmark.make_parser().parse_args(given)


def test_a_list_is_of_commands_and_runs_none(tmp_path):
    lines = list(benchmark.run_all(_command(tmp_path, "--list")))
    assert len(lines) == 1 + 2 + 5 and not list(tmp_path.iterdir())
    assert lines[0].split()[1:3] == ["-m", "ibc.data.policy_eval"]


def test_what_has_run_is_in_the_table_and_what_failed_is_listed(tmp_path, monkeypatch):
    ran = []

    def run(jobs):
        for job in jobs:
            ran.append(job.name)
            if job.name == "oracle/level_5/seed_0" and ran.count(job.name) == 1:
                yield job, "no memory"
                continue
            _ended(job, [1.0], 100)
            yield job, None

    monkeypatch.setitem(executors.EXECUTORS, "local", lambda *_: run)
    lines = benchmark.run_all(_command(tmp_path))
    with pytest.raises(ValueError, match=r"1 of 8 runs are missing; .* First: no memory"):
        list(lines)
    assert ran[0] == "demonstrations" and ran[1].startswith("oracle/energies/")
    (markdown, *_) = benchmark.run_all(_command(tmp_path))
    assert ran[8:] == ["oracle/level_5/seed_0"] and len(markdown.splitlines()) == 2 + 5
    written = json.loads(pathlib.Path(tmp_path, "table.json").read_text())
    assert written["command"] == "ibc-benchmark --suite=near_ablations --seeds=0"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--suite=near_maze", "--task=PUSH"], "give either --task and --gin_file, or --suite"),
        (["--task=PUSH"], "give either --task and --gin_file, or --suite"),
        ([], "give either --task and --gin_file, or --suite"),
        (["--suite=near_maze", "--metric=AverageReturn"], "--metric is not for --suite"),
        (["--suite=near_maze", "--seeds=0,0"], "--seeds names 0,0: each must differ"),
        (["--task=A", "--gin_file=a", "--list"], "--demonstrations and --list are for --suite"),
    ],
)
def test_flags_that_do_not_belong_together(flags, message):
    with pytest.raises(ValueError, match=message):
        list(benchmark.run_all(benchmark.make_parser().parse_args(flags)))


def test_without_demonstrations_nothing_is_begun(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.npz does not exist"):
        list(benchmark.run_all(_command(tmp_path, "--demonstrations=nowhere.npz")))
    ran = []

    def run(jobs):
        for job in jobs:
            ran.append(job.name)
            yield job, "no simulator"

    monkeypatch.setitem(executors.EXECUTORS, "local", lambda *_: run)
    with pytest.raises(ValueError, match=r"8 of 8 runs are missing; .* First: no simulator"):
        list(benchmark.run_all(_command(tmp_path)))
    assert ran == ["demonstrations"]
