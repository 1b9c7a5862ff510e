"""A search ends with the best, goes on where it was stopped, and gives up what is hopeless."""

import csv
import json
import re

import gin
import pytest

from ibc.online import configuration, giving_up, options
from ibc.sweep import arguments

pytest.importorskip("optuna")
from ibc.tune import page, results, search, spaces, study

_TASKS = ["A", "B"]
_SPACE = {
    "reinforcement.discount": spaces.Range(0.95, 0.99),
    "imitation.discriminator.depth": spaces.Choice((1, 2)),
    "imitation.discriminator.activation": spaces.Choice(("relu", "tanh")),
    "imitation.spectral_norm": spaces.Choice((True, False)),
    "imitation.pretraining.iterations": spaces.Range(10, 90, is_whole=True),
}


class Killed(Exception):
    """What ends a search in its midst."""


def options_of(job) -> dict[str, str]:
    sets = [part.removeprefix("--set=") for part in job.command if part.startswith("--set=")]
    return dict(part.split("=", 1) for part in sets)


class Runs:
    """Makes runs at once: their return grows with the discount, less on task B."""

    def __init__(self, worth=None, kills_after=None, fails=lambda job: False, first=20):
        self.names, self._worth, self._left, self._fails = [], worth, kills_after, fails
        self._first = first  # Step of the first of two evaluations.

    def __call__(self, queue):
        while queue:
            job = queue.popleft()
            if self._left == len(self.names):
                raise Killed
            self.names.append(job.name)
            if self._fails(job):
                yield job, "a loss is nan (log: x.log)"
                continue
            job.folder.mkdir(parents=True, exist_ok=True)
            worth = (
                self._worth(job)
                if self._worth
                else float(options_of(job)["reinforcement.discount"]) - 0.1 * job.name.endswith("B")
            )
            told = {"test_returns_normalized": [[worth - 1, worth + 1], [worth, worth]]}
            told |= {"test_steps": [self._first, 100], "given_up": None}
            if giving_up.read(job.folder).are_missed(self._first, [worth]):
                told = {name: values[:1] for name, values in list(told.items())[:2]}
                told |= {"given_up": self._first}
            (job.folder / "results.json").write_text(json.dumps(told))
            job.set_done()
            yield job, None


def made(folder, trials=6, patience=30, about=None, seed=0, tasks=_TASKS) -> search.Search:
    folder.mkdir(exist_ok=True)
    kept = study.Study(folder, _SPACE, about or {"algorithm": "GAIL"}, seed)
    return search.Search(folder, "GAIL", tasks, arguments.Common(), kept, 100, trials, patience)


def values(found: search.Search) -> list:
    return [(trial.number, trial.value, trial.params) for trial in found.study.trials()]


def test_a_trial_is_worth_the_smallest_score_of_its_tasks(tmp_path):
    found, runs = made(tmp_path), Runs()
    found.run(runs, 1)
    assert runs.names[:3] == ["0/A", "0/B", "1/A"]
    for _, value, params in values(found):
        assert value == pytest.approx(params["reinforcement.discount"] - 0.1)
    best = found.study.best()
    assert best.value == max(value for _, value, _ in values(found))
    seeds = {trial.user_attrs["seed"] for trial in found.study.trials()}
    assert len(seeds) > 1 and max(seeds) < 100


def test_a_search_that_was_killed_twice_ends_as_if_it_was_not(tmp_path):
    whole = made(tmp_path / "whole")
    whole.run(Runs(), 1)
    for kills_after in (3, 2):
        with pytest.raises(Killed):
            made(tmp_path / "cut").run(Runs(kills_after=kills_after), 1)
        with open(tmp_path / "cut" / study.JOURNAL, "ab") as journal:
            journal.write(b'{"op_code": 4, "wor')  # killed while it wrote
    last = Runs()
    cut = made(tmp_path / "cut")
    cut.run(last, 1)
    assert values(cut) == values(whole) and len(last.names) == 2 * 6 - 5
    done = Runs()
    made(tmp_path / "cut").run(done, 1)
    assert not done.names


def test_trials_side_by_side_are_all_ended(tmp_path):
    found, runs = made(tmp_path), Runs()
    found.run(runs, 4)
    assert runs.names[:4] == ["0/A", "1/A", "2/A", "3/A"]
    assert len(found.study.trials(study.State.COMPLETE)) == 6


def test_it_ends_without_improvement(tmp_path):
    found = made(tmp_path, trials=30, patience=3)
    found.run(Runs(worth=lambda job: -float(job.name.split("/")[0])), 1)
    assert [value for _, value, _ in values(found)] == [0, -1, -2, -3]


def test_what_is_hopeless_is_given_up_after_its_first_task(tmp_path):
    found = made(tmp_path, trials=6)
    runs = Runs(worth=lambda job: -1.0 if job.name.startswith("5/") else 1.0)
    found.run(runs, 1)
    assert runs.names[-1] == "5/A" and len(runs.names) == 11
    assert found.study.trials()[5].state is study.State.PRUNED
    assert "given up,-1" in results.table(found.study, _TASKS)


def test_a_run_that_falls_behind_gives_up_in_its_midst(tmp_path):
    found = made(tmp_path, trials=7, tasks=["A"])
    runs = Runs(worth=lambda job: {"5": -1.0, "6": 2.0}.get(job.name[0], 1.0), first=50)
    found.run(runs, 1)
    given_up, best = found.study.trials()[5:]
    assert given_up.state is study.State.PRUNED and given_up.intermediate_values == {50: -1.0}
    assert best.value == 2 and best.intermediate_values == {50: 2.0, 100: 2.0}
    assert study.value_of(given_up) == -1
    assert "given up on A at step 50,-1" in results.table(found.study, ["A"])
    assert "given up on A at step 50, -1.000" in page.make(found.study, "x", ["A"])
    assert not (tmp_path / "trials/0/A/bars.json").exists()


def test_a_second_task_is_held_against_second_tasks_and_its_first(tmp_path):
    found = made(tmp_path, trials=6)
    found.run(Runs(worth=lambda job: 3.0 if job.name.endswith("A") else 1.0, first=50), 1)
    trial = found.study.ask()
    assert found.study.bars(trial, 0, 100) == giving_up.Bars({50: 3.0}, None)
    assert found.study.add_score(trial, "A", {50: 0.5, 100: 0.75}, 0) == 0.75
    second = found.study.bars(trial, 100, 100)
    assert second == giving_up.Bars({50: 1.0}, 0.75)
    assert second.are_missed(50, [9.0]) and not second.are_missed(40, [-9.0])


def test_failures_are_counted_and_three_without_success_are_enough(tmp_path):
    found = made(tmp_path / "some")
    found.run(Runs(fails=lambda job: job.name == "1/A"), 1)
    states = [trial.state for trial in found.study.trials()]
    assert states.count(study.State.FAIL) == 1 and len(states) == 6
    found = made(tmp_path / "all")
    found.run(Runs(fails=lambda job: True), 1)
    assert len(found.study.trials()) == 3 and found.study.best() is None
    assert "a loss is nan" in results.table(found.study, _TASKS)


def test_a_folder_of_another_search_is_refused(tmp_path):
    made(tmp_path)
    with pytest.raises(ValueError, match="holds a search with algorithm 'GAIL', not 'RED'"):
        made(tmp_path, about={"algorithm": "RED"})


def test_what_is_written(tmp_path):
    found = made(tmp_path)
    found.run(Runs(), 1)
    best = found.study.best()
    rows = list(csv.DictReader(results.table(found.study, _TASKS).splitlines()))
    assert next(row["trial"] for row in rows) == str(best.number) and len(rows) == 6
    path = tmp_path / results.config_name("GAIL", 5)
    assert path.name == "GAIL_5_trajectories.gin"
    given = ["training.start=10"]
    path.write_text(results.config(best.params, "GAIL", 5, _TASKS, given))
    configuration.configure("GAIL", str(path))
    bound = options.bound()
    gin.clear_config()
    assert bound.reinforcement.discount == best.params["reinforcement.discount"]
    assert bound.discriminator.activation == best.params["imitation.discriminator.activation"]
    assert bound.imitation.trajectories == 5 and bound.training.start == 10
    text = page.make(found.study, "A <search>", _TASKS)
    assert text.count("<polyline") == 6 and "A &lt;search&gt;" in text
    assert not re.search(r'(src|href)="|@import|url\(', text)
    points = re.findall(r'points="([^"]+)"', text)
    assert all(len(line.split()) == len(_SPACE) + 1 for line in points)
    heights = [float(p.split(",")[1]) for line in points for p in line.split()]
    assert min(heights) >= 52 and max(heights) <= 352
