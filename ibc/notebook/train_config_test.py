"""What a training from Python is asked for, and what is wrong with that."""

import pathlib
import re

import pytest

import ibc
from tests import commands


def test_fields_become_bindings_and_the_users_come_last():
    config = ibc.TrainConfig(
        pathlib.Path("logs"), method="mse", num_iterations=7, root_dir="a", bindings=["A.b = 1"]
    )
    assert config.task_names == []
    assert config.gin_files == ["notebook/mlp_mse_minute.gin"]
    assert config.gin_bindings() == [
        "train_eval.seed = 0",
        "train_eval.root_dir = 'a'",
        "train_eval.dataset_path = 'logs'",
        "train_eval.num_iterations = 7",
        "train_eval.skip_eval = True",
        "train_eval.validation_ratio = 0.2",
        "train_eval.eval_loss_on_all = True",
        "A.b = 1",
    ]


def test_with_a_task_its_simulator_evaluates_in_a_new_folder():
    config = ibc.TrainConfig(task="PARTICLE", gin_file="mlp_mse.gin")
    assert (config.task_names, config.gin_files) == (["PARTICLE"], ["mlp_mse.gin"])
    seed, root = config.gin_bindings()
    assert seed == "train_eval.seed = 0"
    assert re.fullmatch(r"train_eval.root_dir = 'runs/\d{8}-\d{6}'", root)


@pytest.mark.parametrize(
    "given, message",
    [
        ({"dataset_path": None}, "needs a dataset_path with demonstrations, or a task"),
        ({"dataset_path": 3}, "TrainConfig.dataset_path must be a path, got 3"),
        ({"root_dir": 3}, "TrainConfig.root_dir must be a path, got 3"),
        ({"task": 3}, "TrainConfig.task must be a name or a list of names, got 3"),
        ({"method": "ebn"}, "method is 'ebn'; choose one of ebm, mse, mdn"),
        ({"method": "mse", "gin_file": "a.gin"}, "says which method it is: give one of the two"),
        ({"num_iterations": 0}, "num_iterations must be a whole number of at least 1, got 0"),
        ({"seed": None}, "seed must be a whole number of at least 0, got None"),
        ({"bindings": "A.b = 1"}, "bindings is 'A.b = 1', expected a list of texts"),
    ],
)
def test_a_wrong_value_is_one_line(given, message):
    with pytest.raises(ValueError, match=message) as error:
        ibc.TrainConfig(**{"dataset_path": "logs", **given})
    assert "\n" not in str(error.value)


def test_importing_ibc_imports_no_tensorflow():
    script = "import ibc, sys; ibc.TrainConfig('logs'); print('tensorflow' in sys.modules)"
    assert commands.python("-c", script).stdout == "False\n"
