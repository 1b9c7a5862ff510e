"""A search is refused at once if no run of it could be scored."""

import gin
import pytest

from ibc.online import demonstrations
from ibc.sweep import arguments
from ibc.tune import door


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    gin.clear_config()
    assert not list(tmp_path.iterdir())


def check(algorithm, *settings, generate_data=False):
    return door.check(
        algorithm, ["Pendulum-v1"], arguments.Common(settings=settings), generate_data
    )


@pytest.mark.parametrize("algorithm", ["GAIL", "SAC"])
def test_without_an_expert_no_return_can_be_normalized(algorithm):
    with pytest.raises(FileNotFoundError, match="With --generate_data they are made"):
        check(algorithm)


def test_expert_data_is_made_for_the_experts_own_algorithm_too():
    assert check("SAC", generate_data=True)[0].recording is not None


def test_a_run_that_is_not_evaluated_has_no_score(monkeypatch):
    monkeypatch.setattr(demonstrations, "find", lambda task, path: ["a.tfrecord"])
    with pytest.raises(ValueError, match=r"evaluation.interval = 10000: no run would be eval"):
        check("GAIL", "steps=9999")
    with pytest.raises(ValueError, match="check_time_usage leaves evaluations out"):
        check("GAIL", "check_time_usage=true")
    assert check("BC", "steps=10")[0].recording is None
