"""docs/python_api.md, run as a reader would on a shorter training, and what it promises."""

import dataclasses
import pathlib
import re

import gin
import numpy as np
import pytest

import ibc
from ibc.notebook import curves
from ibc.runtime import policy as policy_lib

_DOCS = pathlib.Path(__file__).parents[2] / "docs"
# The explicit policy is compiled and exported in a fraction of the time.
_SMALL = "method='mse', bindings=['MLPMSE.width = 16', 'train_eval.batch_size = 32']"


def _block(page: str) -> str:
    """Returns the first example of a page."""
    return re.search(r"```python\n(.*?)```", (_DOCS / page).read_text("utf-8"), re.DOTALL)[1]


@pytest.fixture(scope="module", name="example")
def _example(tmp_path_factory):
    """The names that the example leaves, in a folder with few and short demonstrations."""
    names = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("notebook"))
        recording = _block("own_data.md").replace("range(40)", "range(8)")
        exec(recording.replace("for _ in range(30)", "for _ in range(8)"), {})
        shorter = _block("python_api.md").replace("=2000)", f"=120, {_SMALL})")
        exec(shorter, names)
        yield names


def test_the_example_trains_measures_and_acts(example):
    result = example["result"]
    assert (result.step, result.averages) == (120, {})
    assert result.loss.steps.tolist() == [100, 120] and np.isfinite(result.loss.values).all()
    assert result.validation_loss.steps.tolist() == [100]
    assert np.shape(example["errors"]["policy"]["root_mean_square"]["value"]) == (2,)
    assert isinstance(example["policy"], policy_lib.Policy)
    assert re.search(r"from_python: 120 steps; loss .* → .*validation loss", repr(result))
    assert gin.config_str().strip() == ""


def test_the_same_folder_goes_on_and_refuses_others(example):
    config, told = example["config"], []
    again = ibc.train_policy(config, told.append)
    assert [one.step for one in told] == [120]
    np.testing.assert_array_equal(again.loss.values, example["result"].loss.values)
    other = dataclasses.replace(config, seed=1)
    with pytest.raises(
        ValueError, match=r"other parameters .*seed was 0, now 1.*, or give"
    ) as error:
        ibc.train_policy(other, progress=False)
    assert "\n" not in str(error.value) and gin.config_str().strip() == ""


def test_evaluations_are_returned_and_leave_no_binding(tmp_path, particle_data):
    told = []
    config = ibc.TrainConfig(
        particle_data,
        task="PARTICLE",
        method="mse",
        num_iterations=4,
        root_dir=tmp_path,
        bindings=["train_eval.eval_episodes = 1", "train_eval.eval_interval = 2"],
    )
    result = ibc.train_policy(config, told.append)
    assert list(result.evaluations) == [2, 4]
    assert result.averages == told[-1].averages == result.evaluations[4]
    assert result.averages["PARTICLE"]["AverageEpisodeLength"] == 50
    assert len(result.validation_loss.steps) == 0


@pytest.mark.parametrize(
    "given, error, message",
    [
        ({"task": "PARTIKLE"}, ValueError, "did you mean PARTICLE"),
        ({"bindings": ["MLPEMB.width = 3"]}, ValueError, "did you mean MLPEBM"),
        ({"bindings": ["train_eval.batch_size = 0"]}, ValueError, "batch_size must be a whole"),
        ({"dataset_path": "nowhere/*.tfrecord"}, FileNotFoundError, "nowhere"),
        ({"gin_file": "nowhere.gin"}, FileNotFoundError, "nowhere.gin"),
    ],
)
def test_a_wrong_argument_is_one_line(tmp_path, given, error, message):
    config = ibc.TrainConfig(**{"dataset_path": "x.tfrecord", "root_dir": tmp_path / "a", **given})
    with pytest.raises(error, match=message) as raised:
        ibc.train_policy(config, progress=False)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "a").exists()


def test_what_is_no_configuration_is_one_line():
    with pytest.raises(TypeError, match=r"takes an ibc.TrainConfig, got 'logs/'"):
        ibc.train_policy("logs/")
    with pytest.raises(TypeError, match=r"progress must be True, False or a function, got 3"):
        ibc.train_policy(ibc.TrainConfig("logs/"), progress=3)


def test_there_are_no_curves_without_a_run(tmp_path):
    assert curves.read(tmp_path / "nowhere") == {}
