"""Sweeps check all runs first, leave out what is done, and list what failed."""

import gin
import pytest

from ibc.sweep import arguments, grid, runs

_RESULTS = '{"pre_training_time": 1, "training_time": 2, "test_returns": [[1.0, 3.0]], '
_RESULTS += '"test_returns_normalized": [[0.25, 0.75]]}'


@pytest.fixture(autouse=True)
def _fresh_gin():
    yield
    gin.clear_config()


def planned(folder, sweeps=("seed=1,2",), algorithm="SAC", optimised=None, **options):
    options = {"gin_bindings": (f"online_train_eval.root_dir = '{folder}'",), **options}
    points = grid.points(["Pendulum-v1"], algorithm, optimised, sweeps)
    return runs.planned(points, arguments.Common(**options))


def test_runs_are_commands_with_their_own_folders(tmp_path):
    found = planned(tmp_path, settings=("steps=100",), flags=("--video",))
    assert [each.job.name for each in found] == ["Pendulum-v1/SAC_seed1", "Pendulum-v1/SAC_seed2"]
    assert [each.config.seed for each in found] == [1, 2]
    assert found[0].job.folder == tmp_path / "Pendulum-v1" / "SAC_seed1"
    assert found[0].job.command[3:] == (
        "--algorithm=SAC",
        "--task=Pendulum-v1",
        "--tag=Pendulum-v1/SAC_seed1",
        f"--gin_bindings=online_train_eval.root_dir = '{tmp_path}'",
        "--set=steps=100",
        "--set=seed=1",
        "--video",
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("sweeps", "algorithm", "message"),
    [
        (["imitation.trajectory=1,2"], "GAIL", "Did you mean imitation.trajectories"),
        (["training.batch_size=16,0"], "SAC", "training.batch_size must be a whole number"),
        (["algorithm=SAC,PPO"], "SAC", "PPO has no tuned sets, and is neither swept"),
        (["algorithm=SAC,GIAL"], "SAC", "no algorithm 'GIAL'"),
        (["optimised=GAIL_5_trajectories,PWIL_5_trajectories"], "GAIL", "is tuned for PWIL"),
        (["imitation.mix_expert_data=none,prefill_memory"], "GAIL", "GAIL cannot use"),
        (["seed=1,2"], "GAIL", "no expert data at"),
    ],
)
def test_what_is_wrong_with_any_run_is_said_before_the_first(
    tmp_path, monkeypatch, sweeps, algorithm, message
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        planned(tmp_path, sweeps, algorithm)
    assert not list(tmp_path.iterdir())


def test_missing_expert_data_is_made_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    points = grid.points(["Pendulum-v1", "PARTICLE"], "GAIL", None, ["seed=1,2"])
    common = arguments.Common(gin_files=("pendulum_quick.gin",), expert_settings=("steps=10",))
    found = runs.planned(points, common, generate_data=True)
    jobs = [each.recording for each in found]
    assert jobs[0] == jobs[1] != jobs[2] == jobs[3]
    assert jobs[0].command[2:] == (
        "ibc.online.expert_recording",
        "--task=Pendulum-v1",
        "--gin_file=pendulum_quick.gin",
        "--set=steps=10",
    )


def test_what_is_done_is_left_out_and_failures_are_listed(tmp_path):
    found = planned(tmp_path, ["seed=1,2,3"])
    found[0].job.set_done()
    begun = []

    def run(jobs):
        for job in jobs:
            begun.append(job.name)
            if job.name.endswith("2"):
                job.set_done()
            yield job, None if job.name.endswith("2") else "no memory (log: a.log)"

    for each in found[:2]:
        each.job.folder.mkdir(parents=True, exist_ok=True)
        (each.job.folder / "results.json").write_text(_RESULTS)
    lines = []
    with pytest.raises(ValueError, match=r"1 of 3 runs are missing.*First: no memory"):
        for line in runs.run_all(found, run):
            lines.append(line)
    assert begun == ["Pendulum-v1/SAC_seed2", "Pendulum-v1/SAC_seed3"]
    assert lines == [
        f"2 of 3 runs are done, in {tmp_path}:",
        "Pendulum-v1/SAC_seed1: return 2.0 ± 1.0, normalized 0.500, 3 s",
        "Pendulum-v1/SAC_seed2: return 2.0 ± 1.0, normalized 0.500, 3 s",
        "failed: Pendulum-v1/SAC_seed3: no memory (log: a.log)",
    ]
