"""The comparison and its files, from made-up outcomes; and the command itself."""

import json

import numpy as np
import pytest
from matplotlib import image

from ibc.coordinate_regression import dots, regression, study
from tests import commands

SEED = 5


def _outcomes():
    """The higher learning rate is better in validation and worse in the test."""
    return [
        study.Outcome(method, count, rate, 1e-3 / rate, np.full(dots.NUM_TEST, 1e3 * rate))
        for method in regression.METHODS
        for count in (10, 30)
        for rate in (1e-3, 2e-3)
    ]


def test_validation_chooses_the_model():
    for method in regression.METHODS:
        best = study.best(_outcomes(), method, 30)
        assert (best.method, best.num_examples, best.learning_rate) == (method, 30, 2e-3)


def test_errors_inside_and_outside_the_hull():
    training, _, test = dots.sample(SEED)
    inside = dots.within_hull(test.targets, training.targets[:30])
    outcome = study.Outcome("implicit", 30, 1e-3, 1.0, np.where(inside, 2.0, 5.0))
    means = study.mean_errors(outcome, SEED)
    assert (means["inside_hull"], means["outside_hull"]) == (2, 5)
    assert means["all"] == pytest.approx(5 - 3 * inside.mean())


def test_report_is_json_and_marks_what_was_chosen():
    report = json.loads(json.dumps(study.report(_outcomes(), 7, SEED)))
    assert (report["num_steps"], report["seed"], len(report["models"])) == (7, SEED, 12)
    chosen = [model for model in report["models"] if model["chosen"]]
    assert len(chosen) == 6 and {model["learning_rate"] for model in chosen} == {2e-3}
    assert {model["mean_test_error_pixels"]["all"] for model in chosen} == {2.0}


def test_figure_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "folder" / "figure.png"
    study.draw(_outcomes(), SEED, path)
    pixels = image.imread(path)
    assert pixels.shape[1] > 1000 and pixels[..., :3].std() > 0.05
    assert [file.name for file in path.parent.iterdir()] == ["figure.png"]
    before = path.read_bytes()

    def fail(figure, file, **_):
        file.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", fail)
    with pytest.raises(OSError, match="disk full"):
        study.draw(_outcomes(), SEED, path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["figure.png"]


# The command over few pictures: the test of 600 for each model takes longer than the training.
_FEW = """
import runpy
from ibc.coordinate_regression import dots
dots.NUM_VALIDATION = dots.NUM_TEST = 50
runpy.run_module("ibc.coordinate_regression", run_name="__main__", alter_sys=True)
"""


def _command(*arguments, cwd):
    return commands.python_at_once("-c", _FEW, *arguments, cwd=cwd)


@pytest.mark.slow
def test_command_repeats_itself(tmp_path):
    for name in ("a", "b"):
        flags = "--examples=10", "--learning_rate=1e-3", "--steps=2", f"--output={name}.png"
        run = _command(*flags, cwd=tmp_path)
        assert run.returncode == 0, run.stderr
        assert run.stderr.count("mean test error") == len(run.stderr.splitlines()) == 3
    assert sorted(f.name for f in tmp_path.iterdir()) == ["a.json", "a.png", "b.json", "b.png"]
    assert (tmp_path / "a.json").read_text() == (tmp_path / "b.json").read_text()
    report = json.loads((tmp_path / "a.json").read_text())
    assert (report["num_validation"], report["num_test"]) == (50, 50)
    models = report["models"]
    assert [model["method"] for model in models] == list(regression.METHODS)


@pytest.mark.slow
def test_command_names_what_is_wrong_at_once(tmp_path):
    run = _command("--steps=1", "--examples=10", "--examples=200", cwd=tmp_path)
    assert run.returncode == 1
    assert run.stderr == "error: There are 100 images, but 200 are asked for.\n"
    assert not list(tmp_path.iterdir())
