"""Reports on runs of learning by interaction whose numbers are known."""

import csv
import json
import pathlib

import numpy as np
import pytest

from ibc.report import interaction_runs, interaction_scores
from ibc.utils import scores
from tests import commands

_STEPS = (100, 200, 300)


def write_run(
    top, algorithm, task, seed, final, steps=_STEPS, expert=True, auc=None, bindings=()
) -> pathlib.Path:
    """Writes what a run leaves, of which five episodes bring `final` and one far less."""
    folder = top / task / f"{algorithm}_{seed}"
    (folder / "train").mkdir(parents=True)
    bound = [f"seed = {seed}", f"task = '{task}'", f"online_train_eval.steps = {steps[-1]}"]
    text = "\n".join([*bound, "evaluation.interval = 100", *bindings])
    (folder / "train" / "gin-bindings.txt").write_text(text)
    shares = np.array(steps) / steps[-1] if steps[-1] else np.ones(1)
    normalized = [[share * final] * 5 + [-9.0] for share in shares]
    kept = {
        "algorithm": algorithm,
        "test_steps": list(steps),
        "test_returns": [[100 * value for value in each] for each in normalized],
        "test_returns_normalized": normalized if expert else [None] * len(steps),
        "auc_random": [auc] * len(steps),
        "auc_agent": [auc] * len(steps),
        "pre_training_time": 30.0,
        "training_time": 60.0,
    }
    (folder / "results.json").write_text(json.dumps(kept))
    return folder


@pytest.fixture(scope="module")
def top(tmp_path_factory) -> pathlib.Path:
    """Two tasks; GAIL with three and two seeds, BC with two and two."""
    top = tmp_path_factory.mktemp("online")
    for task, finals in (("Walk", (0.8, 1.0, 0.9)), ("Swim", (0.5, 0.7))):
        for seed, final in enumerate(finals):
            write_run(top, "GAIL", task, seed, final, auc=0.75 + seed / 100)
        for seed in range(2):
            write_run(top, "BC", task, seed, 0.6, steps=(0,), bindings=["x.width = 3"])
    return top


@pytest.fixture(scope="module")
def methods(top):
    found = [interaction_runs.read(folder) for folder in interaction_runs.find(top)]
    return interaction_runs.methods(found)


def test_runs_are_grouped_by_algorithm(methods):
    assert [(method.name, len(method.runs)) for method in methods] == [("BC", 4), ("GAIL", 5)]
    assert interaction_scores.tasks_of(methods) == ["Swim", "Walk"]
    assert interaction_scores.unit(methods) == "normalized return"


def test_scores_are_interquartile_means_of_episodes_then_of_runs(methods):
    _, gail = methods
    np.testing.assert_allclose(
        interaction_scores.of_run(gail.of_task("Walk")[0], "normalized return"),
        [0.8 / 3, 1.6 / 3, 0.8],
    )
    found = interaction_scores.last(gail.runs, "normalized return")
    assert found.value == pytest.approx(np.mean([0.7, 0.8, 0.9]))
    tasks = [np.array([0.5, 0.7]), np.array([0.8, 1.0, 0.9])]
    assert (found.low, found.high) == pytest.approx(scores.interval(tasks))
    drawn = interaction_scores.curve(gail, "normalized return")
    np.testing.assert_array_equal(drawn.steps, _STEPS)
    np.testing.assert_allclose(drawn.middle, 0.8 * np.arange(1, 4) / 3)
    assert (drawn.low < drawn.middle).all() and (drawn.middle < drawn.high).all()


def test_improvement_is_over_pairs_of_runs_of_a_task(methods):
    found = interaction_scores.improvement(*methods, "normalized return")
    # BC's 0.6 is above one of two runs in Swim, in Walk above none.
    assert found.value == 0.25 and found.low == 0 and 0.25 < found.high <= 0.5
    assert interaction_scores.measured(methods[1], "auc_random") == pytest.approx(0.758)
    assert interaction_scores.measured(methods[0], "auc_random") is None


def test_the_page_and_its_table(top, tmp_path):
    done = commands.in_process("ibc-report", [str(top), f"--output={tmp_path / 'r.html'}"])
    assert (done.status, done.errors) == (0, []), done
    assert "GAIL: normalized return 0.8 [" in done.output and "5 runs" in done.output
    text = (tmp_path / "r.html").read_text()
    assert text.count("<svg") == 5, "all tasks, each of two, and two of rewards"
    assert "BC &gt; GAIL" in text and "0.758" not in text and ">0.76<" in text
    with (tmp_path / "r.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 9 and rows[0]["auc_random"] == "" and rows[0]["minutes"] == "1.500"
    assert {row["trajectories"] for row in rows} == {"all"}
    assert float(rows[4]["normalized_return"]) == 0.5 and rows[4]["method"] == "GAIL"


def test_runs_that_cannot_be_compared_are_left_out_and_named(tmp_path):
    write_run(tmp_path, "SAC", "Walk", 0, 2.0)
    young = write_run(tmp_path, "SAC", "Walk", 1, 2.0)
    kept = json.loads((young / "results.json").read_text())
    (young / "results.json").write_text(json.dumps({**kept, "test_steps": []}))
    page = f"--output={tmp_path / 'r.html'}"
    done = commands.in_process("ibc-report", [str(tmp_path), page])
    assert "SAC: normalized return 2" in done.output
    assert f"Left out: {young} has no evaluation yet" in done.output


def write_rows(top, algorithm, seed, rows, **more) -> pathlib.Path:
    """Writes what a run of PPO, NEAR, AMP, CEM or DrQ-v2 leaves."""
    folder = top / "Walk" / f"{algorithm}_seed{seed}"
    (folder / "train").mkdir(parents=True)
    bound = [f"algorithm = '{algorithm}'", f"seed = {seed}", "task = 'Walk'"]
    text = "\n".join([*bound, f"run.evaluation_interval = {seed + 1}"])
    (folder / "train" / "gin-bindings.txt").write_text(text)
    kept = {"evaluations": rows, "seconds": 90.0} | more
    (folder / "results.json").write_text(json.dumps(kept, indent=1))
    return folder


def test_runs_that_keep_a_row_for_each_evaluation_are_compared_too(tmp_path):
    def row(frames, returns, **more):
        return {"frames": frames, "returns": returns, "seconds": 1.0} | more

    for seed in range(2):
        rates = ({"test_returns": 25.0, "goal_success_rate": rate} for rate in (0.0, 0.5))
        rows = [row(100 * (i + 1), [i, 10, 10, 80], **each) for i, each in enumerate(rates)]
        write_rows(tmp_path, "PPO", seed, rows)
    old = [{"frames": 300, "episode_reward": 70.0, "success_rate": 1.0}]
    write_rows(tmp_path, "DRQ", 0, old)
    planned = [{"test_returns": 50.0, "goal_success_rate": 0.0}]
    write_rows(tmp_path, "CEM", 0, planned, episodes=[{"test_returns": v} for v in (40.0, 60.0)])
    write_run(tmp_path, "SAC", "Walk", 0, 0.3)
    young = write_rows(tmp_path, "NEAR", 0, [])
    output = tmp_path / "r.html"
    done = commands.in_process("ibc-report", [str(tmp_path), f"--output={output}"])
    assert (done.status, done.errors) == (0, []), done
    assert f"Left out: {young} has no evaluation yet" in done.output
    told = {line.split(": ")[0]: line for line in done.output.splitlines()}
    # Without an expert: of returns. PPO's are the episodes in the middle, 10 and 10.
    assert "return 10 [10" in told["PPO"] and "2 runs" in told["PPO"]
    assert "return 70" in told["DRQ"] and "return 50" in told["CEM"] and "return 30" in told["SAC"]
    assert "<th>success</th>" in output.read_text()
    with output.with_suffix(".csv").open() as file:
        rows = {row["method"]: row for row in csv.DictReader(file)}
    assert [rows[name]["success"] for name in ("PPO", "DRQ", "CEM", "SAC")] == ["0.5", "1", "", ""]
    assert [rows[name]["step"] for name in ("PPO", "DRQ", "CEM")] == ["200", "300", "0"]
    assert float(rows["PPO"]["minutes"]) == 1.5 and rows["PPO"]["episodes"] == "4"


def test_numbers_of_trajectories_and_options_tell_methods_apart(tmp_path):
    for trajectories in (5, 25):
        of = [f"imitation.trajectories = {trajectories}"]
        write_run(tmp_path / f"{trajectories}", "PWIL", "Walk", 0, 1.0, bindings=of)
    write_run(tmp_path / "more", "PWIL", "Walk", 0, 1.0, bindings=[*of, "x.width = 3"])
    found = [interaction_runs.read(folder) for folder in interaction_runs.find(tmp_path)]
    names = {method.name for method in interaction_runs.methods(found)}
    several = "PWIL, 25 trajectories"
    assert names == {"PWIL, 5 trajectories", f"{several} (defaults)", f"{several} (x.width = 3)"}


def test_a_single_task_without_expert_is_compared_by_return(tmp_path):
    folder = write_run(tmp_path, "SAC", "Walk", 0, 2.0, expert=False)
    methods = interaction_runs.methods([interaction_runs.read(folder)])
    assert interaction_scores.unit(methods) == "return"
    value, low, high = interaction_scores.last(methods[0].runs, "return")
    assert value == 200 and np.isnan([low, high]).all()


def test_what_cannot_be_compared_is_said(top, tmp_path):
    def error(*arguments):
        page = tmp_path / "page" / "r.html"
        page.parent.mkdir(exist_ok=True)
        done = commands.in_process("ibc-report", [*map(str, arguments), f"--output={page}"])
        assert done.status == 1 and not list(page.parent.iterdir())
        return done.errors[-1]

    other = write_run(tmp_path, "SAC", "Run", 0, 2.0, expert=False)
    assert "has no normalized returns: no expert of Run is known" in error(top, other)
    rows = write_rows(tmp_path / "more", "PPO", 0, [{"frames": 1, "test_returns": 1.0}])
    assert "PPO knows no expert's. Leave it out, or compare runs of one" in error(top, rows)
    assert "the same run twice" in error(other, other)
    assert "which is compared by return" in error(top, "--metric=x")
    (tmp_path / "empty").mkdir()
    assert "give runs of one kind" in error(top, tmp_path / "empty")
    (other / "results.json").write_text('{"test_returns"')
    assert "is damaged" in error(other)
    unevaluated = write_run(tmp_path, "SAC", "Fly", 0, 1.0)
    kept = json.loads((unevaluated / "results.json").read_text())
    (unevaluated / "results.json").write_text(json.dumps({**kept, "test_steps": []}))
    assert "has no evaluation yet" in error(unevaluated)


def test_seeds_that_solve_nothing_count(tmp_path):
    for algorithm, name in (("DRQ", "success_rate"), ("PPO", "goal_success_rate")):
        for seed, rate in enumerate((0.9, 0.0, 0.0)):
            rows = [{"frames": 300, "returns": [1.0, 2.0], "seconds": 1.0, name: rate}]
            write_rows(tmp_path, algorithm, seed, rows)
    runs = [interaction_runs.read(folder) for folder in sorted(tmp_path.glob("*/*"))]
    methods = interaction_runs.methods(runs)
    found = {method.name: interaction_scores.success(method) for method in methods}
    assert found == {"DRQ": pytest.approx(0.3), "PPO": pytest.approx(0.3)}
