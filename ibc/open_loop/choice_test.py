"""Which episodes are chosen, by what a run's folder tells."""

import numpy as np
import pytest

from ibc.data.formats import convert
from ibc.open_loop import choice
from tests import open_loop_testing

_BINDINGS = """
count = 0.4
seed = 0
task = []
train_eval.dataset_path = '{path}'
train_eval.validation_ratio = %count
"""


@pytest.fixture(name="logs")
def _logs(tmp_path):
    return open_loop_testing.write(tmp_path, (3, 4, 1, 3, 2, 5))


def _run(folder, text):
    (folder / "run/train").mkdir(parents=True)
    (folder / "run/train/gin-bindings.txt").write_text(text)
    return choice.read_run(folder / "run")


def test_held_out_episodes_are_those_that_training_draws(tmp_path, logs):
    run = _run(tmp_path, _BINDINGS.format(path=logs))
    assert run == choice.Run(dataset_path=logs, validation_ratio=0.4)
    found = choice.choose(convert.open_source(logs), logs + "/", None, run)
    # Conversion leaves out number 2, of one step.
    drawn = np.random.default_rng(42).choice(5, 2, replace=False)
    assert found.numbers.tolist() == sorted(np.array([0, 1, 3, 4, 5])[drawn])
    assert found.held_out and found.why == (
        "those that training held out (train_eval.validation_ratio = 0.4)"
    )


@pytest.mark.parametrize(
    "run, held_out, why",
    [
        (choice.Run(), None, "all; what the policy was trained on is not known"),
        (choice.Run("other/*.tfrecord"), None, "all; the policy was trained on other/*.tfrecord"),
        (choice.Run("{}"), False, "all; training saw them, so that errors on new ones are larger"),
        (choice.Run("{}", max_data_shards=1), False, "all; training saw many of them"),
        (choice.Run("{}", dataset_eval_fraction=0.5), False, "all; training saw many of them"),
    ],
)
def test_all_are_chosen_where_none_was_held_out(logs, run, held_out, why):
    run = choice.Run(
        **{**vars(run), "dataset_path": run.dataset_path and run.dataset_path.format(logs)}
    )
    found = choice.choose(convert.open_source(logs), logs, None, run)
    assert found.numbers.tolist() == list(range(6))
    assert found.held_out is held_out and found.why.startswith(why)


def test_episodes_are_chosen_as_by_ibc_data(logs):
    source = convert.open_source(logs)
    found = choice.choose(source, logs, "0:2,5", choice.Run(logs, validation_ratio=0.4))
    assert (found.numbers.tolist(), found.held_out) == ([0, 1, 5], None)
    with pytest.raises(ValueError, match="has 6 episodes, 0 to 5, and none in 6:9"):
        choice.choose(source, logs, "6:9", choice.Run())


def test_a_task_tells_where_its_data_is(tmp_path):
    run = _run(tmp_path, "task = ['PARTICLE']\n")
    assert run.dataset_path.endswith("*.tfrecord")
    assert choice.read_run(tmp_path) == choice.Run()
    (tmp_path / "run/train/gin-bindings.txt").write_text("task = ['nowhere:Mine-v0']\n")
    assert choice.read_run(tmp_path / "run") == choice.Run()
