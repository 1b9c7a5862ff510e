"""Benchmarks go on where they were stopped, leave out what is done, and list what failed."""

import collections
import contextlib
import importlib.util
import json
import pathlib
import sys
import time

import pytest

from ibc.benchmark import executors, local, plan
from ibc.utils import folder_lock


def job(folder: pathlib.Path, name: str, code: str) -> plan.Job:
    """Returns a job that runs Python code in place of a training, in no time."""
    return plan.Job(name, (sys.executable, "-S", "-c", code), folder / name, folder / f"{name}.log")


def planned(tmp_path, **changes):
    given = dict(tasks=["A"], gin_files=["a.gin", "b.gin"], seeds=[0, 1], metric="M")
    return plan.trainings(tmp_path, **{**given, **changes})


def test_plans_a_training_for_each_task_config_and_seed(tmp_path):
    jobs = planned(tmp_path, tasks=["A", "B"], bindings=["x.y = 1"])
    assert len({job.name for job in jobs}) == 8
    assert jobs[0].folder == tmp_path / "runs/A/a/seed_0"
    assert "--gin_bindings=x.y = 1" in jobs[0].command
    assert "--gin_bindings=train_eval.top_k_metric = 'M'" in jobs[0].command
    assert jobs[-1].command[-1] == "--gin_bindings=train_eval.seed = 1"


@pytest.mark.parametrize("twice", [{"seeds": [1, 1]}, {"gin_files": ["a.gin", "x/a.gin"]}])
def test_runs_in_the_same_folder_are_refused(tmp_path, twice):
    with pytest.raises(ValueError, match="each must differ"):
        planned(tmp_path, **twice)


def test_done_is_what_the_same_command_has_done(tmp_path):
    first = job(tmp_path, "a", "pass")
    assert not first.is_done()
    assert list(local.run([first])) == [(first, None)]
    assert first.is_done() and not job(tmp_path, "a", "1").is_done()
    (tmp_path / "a/benchmark.json").write_text("{")
    assert not first.is_done()


def test_a_failure_is_its_last_error_and_stops_nothing(tmp_path):
    jobs = [
        job(tmp_path, "a", "import sys; sys.exit('error: no data')"),
        job(tmp_path, "b", "import os; os.abort()"),
        job(tmp_path, "c", "pass"),
    ]
    found = {each.name: error for each, error in local.run(jobs)}
    assert found["a"] == f"no data (log: {tmp_path / 'a.log'})"
    assert found["b"].startswith("ended with status -6") and found["c"] is None
    assert [each.is_done() for each in jobs] == [False, False, True]


def test_each_at_once_has_cores_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "_cores", lambda: [0, 1])
    code = "import os, time; print(sorted(os.sched_getaffinity(0)), os.environ['OMP_NUM_THREADS'])"
    jobs = [job(tmp_path, name, f"import time; time.sleep(0.3); {code}") for name in "ab"]
    start = time.monotonic()
    assert not any(error for _, error in local.run(jobs))
    assert time.monotonic() - start < 10
    assert sorted(each.log.read_text() for each in jobs) == ["[0] 1\n", "[1] 1\n"]


def test_runs_can_be_added_while_others_run(tmp_path):
    first, second = job(tmp_path, "a", "pass"), job(tmp_path, "b", "pass")
    queue, ended = collections.deque([first]), []
    for each, error in local.run(queue, at_most=1):
        ended.append((each.name, error))
        if each is first:
            queue.append(second)
    assert ended == [("a", None), ("b", None)]


def test_what_runs_is_ended_with_the_benchmark(tmp_path):
    code = "import signal, sys, time\nsignal.signal(15, lambda *_: sys.exit('saved'))\n"
    sleeping = job(tmp_path, "a", f"{code}print('ready', flush=True)\ntime.sleep(60)")
    quick = job(tmp_path, "b", f"{_wait_for(sleeping.log)}")
    running = local.run([quick, sleeping])
    with contextlib.closing(running):
        assert next(running) == (quick, None)
    assert sleeping.log.read_text().endswith("saved\n") and not sleeping.is_done()


def test_waits_for_a_process_that_is_still_there(tmp_path):
    first = job(tmp_path, "a", "pass")
    second = job(tmp_path, "b", "pass")
    with folder_lock.held(first.folder):
        running = local.run([first, second])
        assert next(running) == (second, None)
        assert folder_lock.is_held(first.folder)
    assert list(running) == [(first, None)]


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("submitit"), reason="needs the extra slurm")
def test_submitit_runs_jobs(tmp_path):
    jobs = [job(tmp_path, "a", "pass"), job(tmp_path, "b", "import sys; sys.exit('error: x')")]
    run = executors.get("slurm", tmp_path, "cluster=local,timeout_min=2")
    found = {each.name: error for each, error in run(jobs)}
    assert found == {"a": None, "b": f"x (log: {tmp_path / 'b.log'})"}
    assert jobs[0].is_done() and not jobs[1].is_done()


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("ray"), reason="needs the extra ray")
def test_two_nodes_of_a_ray_cluster_run_jobs(tmp_path):
    import ray
    from ray import cluster_utils

    memory = dict(object_store_memory=80_000_000)
    cluster = cluster_utils.Cluster(
        initialize_head=True, head_node_args=dict(num_cpus=1, include_dashboard=False, **memory)
    )
    cluster.add_node(num_cpus=1, **memory)
    try:
        ray.init(address=cluster.address, log_to_driver=False)
        # Each waits for the other's log: one node alone would never end.
        jobs = [
            job(tmp_path, name, f"print('ready', flush=True)\n{_wait_for(tmp_path / log)}")
            for name, log in (("a", "b.log"), ("b", "a.log"))
        ]
        jobs.append(job(tmp_path, "c", "import sys; sys.exit('error: x')"))
        found = {each.name: error for each, error in executors.get("ray", tmp_path, "")(jobs)}
    finally:
        ray.shutdown()
        cluster.shutdown()
    assert found == {"a": None, "b": None, "c": f"x (log: {tmp_path / 'c.log'})"}


def test_options_of_another_executor_are_refused(tmp_path):
    with pytest.raises(ValueError, match="is for --executor=slurm, not for local"):
        executors.get("local", tmp_path, "a=1")


def test_what_is_done_is_named_without_the_interpreter(tmp_path):
    done = job(tmp_path, "a", "pass")
    done.set_done()
    assert json.loads((done.folder / "benchmark.json").read_text())["command"][0] == "-S"


def _wait_for(log: pathlib.Path) -> str:
    """Returns code that waits until a log says that its job is ready."""
    there = f"os.path.exists({str(log)!r}) and 'ready' in open({str(log)!r}).read()"
    return f"import os, time\nwhile not ({there}): time.sleep(0.05)"
