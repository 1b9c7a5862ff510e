"""Tests of replicas: the same results as alone, and an end to all when one fails."""

import contextlib
import dataclasses
import multiprocessing
import os
import signal
import time

import gin
import pytest
import tensorflow as tf

from ibc.data.recording import policy_eval_options, policy_eval_replicas, policy_eval_run
from ibc.utils import termination

_OPTIONS = policy_eval_options.Options(
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
        policy_eval_replicas.run(_endless(tmp_path), interrupt_unseen)
    assert not list(tmp_path.iterdir())


def test_replicas_write_what_each_would_write_alone(tmp_path):
    calls = []
    options = dataclasses.replace(_OPTIONS, dataset_path=str(tmp_path / "a.tfrecord"))
    results = policy_eval_replicas.run(options, lambda: calls.append(1))
    assert len(calls) == 6
    for replica, result in enumerate(results):
        together = _records(tmp_path / f"a_{replica}.tfrecord")
        gin.clear_config()
        alone = policy_eval_run.run(options, replica)
        assert result == alone
        assert _records(tmp_path / f"a_{replica}.tfrecord") == together
    gin.clear_config()
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
    with pytest.raises(policy_eval_replicas.ReplicaError, match="replica 1 was killed by SIGKILL"):
        policy_eval_replicas.run(options, kill_one)
    assert time.monotonic() - start < 30
    assert not multiprocessing.active_children()
    assert not list(tmp_path.iterdir())


def test_failing_replica_gives_its_error_and_the_others_end(tmp_path):
    (tmp_path / "a_1.tfrecord").mkdir()  # A folder where the second replica's shard goes.
    (tmp_path / "a_1.tfrecord" / "kept").touch()
    options = dataclasses.replace(_OPTIONS, dataset_path=str(tmp_path / "a.tfrecord"))
    with pytest.raises(policy_eval_replicas.ReplicaError, match=r"replica 1: \S+ is a folder"):
        policy_eval_replicas.run(options, lambda: None)
    assert not multiprocessing.active_children()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_wrong_gin_name_is_one_line(tmp_path):
    options = dataclasses.replace(_endless(tmp_path), gin_bindings=("ParticleEnv.n_dims=2",))
    with pytest.raises(policy_eval_replicas.ReplicaError, match="did you mean n_dim") as error:
        policy_eval_replicas.run(options, lambda: None)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_interruption_ends_all_replicas(tmp_path):
    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        policy_eval_replicas.run(_endless(tmp_path), interrupt)
    assert not multiprocessing.active_children()
    assert not list(tmp_path.iterdir())
