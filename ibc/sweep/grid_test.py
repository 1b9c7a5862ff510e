"""What a sweep runs over, and where its runs are kept."""

import pytest

from ibc.sweep import grid


def test_all_tasks_are_the_four_of_the_published_comparison():
    assert grid.tasks(["all"]) == ["ant", "halfcheetah", "hopper", "walker2d"]
    assert grid.tasks(["hopper", "PARTICLE", "hopper"]) == ["hopper", "PARTICLE"]


def test_a_sweep_is_the_product_of_tasks_and_values():
    sweeps = ["seed=1,2", "training.batch_size=64, 128"]
    found = grid.points(["a", "b"], "GAIL", None, sweeps)
    assert [point.tag(seed) for point, seed in zip(found[:4], (1, 1, 2, 2), strict=True)] == [
        "a/GAIL_seed1_training.batch_size=64",
        "a/GAIL_seed1_training.batch_size=128",
        "a/GAIL_seed2_training.batch_size=64",
        "a/GAIL_seed2_training.batch_size=128",
    ]
    assert found[1].settings == ("seed=1", "training.batch_size=128") and len(found) == 8


def test_algorithms_and_tuned_sets_can_be_swept():
    sweeps = ["algorithm=GAIL,BC", "optimised=5_trajectories,25_trajectories"]
    found = grid.points(["a"], "SAC", None, sweeps)
    assert [(point.algorithm, point.optimised) for point in found[:2]] == [
        ("GAIL", "5_trajectories"),
        ("GAIL", "25_trajectories"),
    ]
    assert found[2].tag(0) == "a/BC_seed0_optimised=5_trajectories" and not found[2].settings


def test_without_a_sweep_a_run_has_the_folder_of_a_single_one():
    (point,) = grid.points(["lab.sim:my/Reach-v0"], "GAIL", None, [])
    assert point.tag(3) == "my_Reach-v0/GAIL_seed3"


@pytest.mark.parametrize(
    ("sweeps", "message"),
    [
        (["seed"], "must be an option and values with commas"),
        (["seed=1,,2"], "must be an option and values with commas"),
        (["seed=1,1"], "each value must differ"),
        (["seed=1", "seed=2"], "--sweep=seed is given twice"),
    ],
)
def test_sweeps_that_are_none(sweeps, message):
    with pytest.raises(ValueError, match=message):
        grid.points(["a"], "GAIL", None, sweeps)
