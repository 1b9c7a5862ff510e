"""Tests of replicas: the same results as alone, an end to all when one fails, their report."""

import contextlib
import dataclasses
import multiprocessing
import os
import signal
import time

import gin
import pytest
import tensorflow as tf

from ibc.data.recording import journal, recorder, replicas
from ibc.data.recording import options as recording_options
from ibc.utils import termination
from tests import shard_testing

_OPTIONS = recording_options.EvaluationOptions(
    task="PARTICLE",
    policy="oracle",
    num_episodes=3,
    replicas=2,
    gin_bindings=("ParticleEnv.n_steps=6",),
)


def _endless(tmp_path):
    return dataclasses.replace(
        _OPTIONS, num_episodes=10**6, dataset_path=str(tmp_path / "a.tfrecord")
    )


def _records(path):
    """A shard's frames as messages: their bytes depend on the order of hash tables."""
    records = tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    return [tf.train.Example.FromString(record) for record in records]


def test_an_interrupt_that_nobody_saw_ends_the_replicas(tmp_path):
    def interrupt_unseen():
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt), termination.watched():
        replicas.run(_endless(tmp_path), interrupt_unseen)
    shard_testing.assert_only_unfinished(tmp_path)


def _told_to_end_while_it_is_set_up(folder, writer):
    def run(*_, **__):
        signal.raise_signal(signal.SIGTERM)
        (folder / "is_set_up").touch()

    recorder.run = run
    replicas._work(_OPTIONS, 0, writer)


def test_a_signal_breaks_off_no_compiled_code_while_a_replica_is_set_up(tmp_path, capfd):
    spawn = multiprocessing.get_context("spawn")
    _, writer = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_told_to_end_while_it_is_set_up, args=(tmp_path, writer))
    process.start()
    process.join()
    assert process.exitcode == 1 and (tmp_path / "is_set_up").exists()
    assert "Traceback" not in capfd.readouterr().err


def test_replicas_write_what_each_would_write_alone(tmp_path):
    calls = []
    options = dataclasses.replace(_OPTIONS, dataset_path=str(tmp_path / "a.tfrecord"))
    results = replicas.run(options, lambda: calls.append(1))
    assert len(calls) == 6
    for replica, result in enumerate(results):
        together = _records(tmp_path / f"a_{replica}.tfrecord")
        gin.clear_config()
        alone = recorder.run(options, replica)
        assert result == alone
        assert _records(tmp_path / f"a_{replica}.tfrecord") == together
    assert results[0].metrics != results[1].metrics
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("video", [False, True])
def test_killed_replica_is_named_and_the_others_end(tmp_path, video):
    options = dataclasses.replace(_endless(tmp_path), video=video, output_path=str(tmp_path))

    def kill_one():
        children = sorted(multiprocessing.active_children(), key=lambda child: child.pid)
        # The other replica's episodes may still be reported after the first call.
        if len(children) == 2:
            os.kill(children[1].pid, signal.SIGKILL)

    start = time.monotonic()
    with pytest.raises(replicas.ReplicaError, match="replica 1 was killed by SIGKILL"):
        replicas.run(options, kill_one)
    assert time.monotonic() - start < 30
    assert not multiprocessing.active_children()
    shard_testing.assert_only_unfinished(tmp_path)


def test_failing_replica_gives_its_error_and_the_others_end(tmp_path):
    (tmp_path / "a_1.tfrecord").mkdir()  # A folder where the second replica's shard goes.
    (tmp_path / "a_1.tfrecord" / "kept").touch()
    options = dataclasses.replace(_OPTIONS, dataset_path=str(tmp_path / "a.tfrecord"))
    with pytest.raises(replicas.ReplicaError, match=r"replica 1: \S+ is a folder"):
        replicas.run(options, lambda: None)
    assert not multiprocessing.active_children()
    assert not (tmp_path / ".a_1.tfrecord.unfinished").exists()


def test_wrong_gin_name_is_one_line(tmp_path):
    options = dataclasses.replace(_endless(tmp_path), gin_bindings=("ParticleEnv.n_dims=2",))
    with pytest.raises(replicas.ReplicaError, match="did you mean n_dim") as error:
        replicas.run(options, lambda: None)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("episodes", [1, 5, 8])
def test_interrupted_replicas_go_on_and_those_that_were_done_do_nothing(tmp_path, episodes):
    """Both have 4 episodes, so the last of the interruptions finds one that is done."""
    calls = []

    def interrupt():
        calls.append(1)
        if len(calls) == episodes:
            raise KeyboardInterrupt

    options = dataclasses.replace(
        _OPTIONS, num_episodes=4, policy="random", dataset_path=str(tmp_path / "a.tfrecord")
    )
    alone = dataclasses.replace(options, dataset_path=str(tmp_path / "alone" / "a.tfrecord"))
    with pytest.raises(KeyboardInterrupt):
        replicas.run(options, interrupt)
    assert not multiprocessing.active_children()
    notes = []
    results = replicas.run(options, lambda: None, notes.append)
    assert len(results) == 2 and len(notes) <= (2 if episodes < 8 else 0)
    assert all("going on after episode" in note for note in notes)
    for replica, found in enumerate(results):
        gin.clear_config()
        expected = recorder.run(alone, replica)
        assert found.metrics == expected.metrics
        path = f"a_{replica}.tfrecord"
        assert _records(tmp_path / path) == _records(tmp_path / "alone" / path)
    assert len(list(tmp_path.iterdir())) == 7


def _result(success, *written):
    return journal.Result({"AverageSuccessMetric": success}, 20, 1020, written)


def test_one_result_is_reported_without_replicas():
    text = journal.report([_result(1.0)], 4.0)
    assert text.splitlines() == [
        "AverageSuccessMetric = 1.0",
        "Ran 20 episodes (1020 frames) in 4.0 s, 5.0 episodes/s.",
    ]


def test_replicas_are_reported_each_and_together():
    text = journal.report([_result(0.5, "a_0"), _result(0.75, "a_1", "b")], 8.0)
    assert text.splitlines() == [
        "Replica 0, 20 episodes:",
        "  AverageSuccessMetric = 0.5",
        "Replica 1, 20 episodes:",
        "  AverageSuccessMetric = 0.75",
        "All replicas:",
        "AverageSuccessMetric = 0.625",
        "Wrote a_0",
        "Wrote a_1",
        "Wrote b",
        "Ran 40 episodes (2040 frames) in 8.0 s, 5.0 episodes/s.",
    ]
