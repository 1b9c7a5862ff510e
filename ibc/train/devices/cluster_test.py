import json
import os
import signal
import socket
import subprocess

import pytest
import tensorflow as tf

from ibc.train.devices import cluster as cluster_lib
from ibc.train.devices import strategy as strategy_lib
from ibc.utils import child_process, gpu, termination
from tests import commands


class FakeStrategy(tf.distribute.MultiWorkerMirroredStrategy):
    """The place of one machine in a cluster that does not run."""

    def __init__(self, cluster: dict, kind: str, index: int, devices_per_machine: int):
        machines = sum(map(len, cluster.values()))
        self._resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
            tf.train.ClusterSpec(cluster), task_type=kind, task_id=index
        )
        self._total = machines * devices_per_machine

    @property
    def cluster_resolver(self):
        return self._resolver

    @property
    def num_replicas_in_sync(self):
        return self._total


WORKERS = {"worker": ["a:1", "b:1", "c:1"]}
WITH_CHIEF = {"chief": ["a:1"], "worker": ["b:1", "c:1"]}


@pytest.mark.parametrize(
    "cluster, kind, index, expected",
    [
        (WORKERS, "worker", 0, (True, range(0, 2))),
        (WORKERS, "worker", 2, (False, range(4, 6))),
        (WITH_CHIEF, "chief", 0, (True, range(0, 2))),
        (WITH_CHIEF, "worker", 0, (False, range(2, 4))),
    ],
)
def test_machines_share_a_batch_in_the_clusters_order(cluster, kind, index, expected):
    strategy = FakeStrategy(cluster, kind, index, devices_per_machine=2)
    assert cluster_lib.is_cluster(strategy)
    assert (cluster_lib.is_chief(strategy), cluster_lib.shares(strategy)[0]) == expected
    assert cluster_lib.shares(strategy)[1] == 6


def test_one_machine_takes_the_whole_batch_and_asks_nobody():
    strategy = tf.distribute.get_strategy()
    assert cluster_lib.is_chief(strategy) and not cluster_lib.is_cluster(strategy)
    assert cluster_lib.shares(strategy) == (range(1), 1)
    assert cluster_lib.Machines(strategy).mean([1.5, 0.0]) == [1.5, 0.0]


def machines_whose_answers_are(*answers: Exception | None, index: int = 0) -> cluster_lib.Machines:
    """Returns machines of a cluster whose successive collective operations end like this."""
    machines = cluster_lib.Machines(FakeStrategy(WORKERS, "worker", index, devices_per_machine=1))
    left = list(answers)

    def mean(values: tf.Tensor) -> tf.Tensor:
        answer = left.pop(0)
        if answer:
            raise answer
        return values

    machines._mean = mean
    return machines


GONE = tf.errors.UnavailableError(
    None, None, "Graph execution error:\n\nCollective ops is aborted by: Socket closed\nMore:\n"
)


def test_a_machine_that_ends_before_all_have_come_is_an_error():
    expected = r"another machine of the cluster in TF_CONFIG has ended.* \(Socket closed\)\. Start"
    with pytest.raises(child_process.WorkerError, match=expected):
        machines_whose_answers_are(GONE).wait()


@pytest.mark.parametrize(
    "index, expected", [(0, child_process.WorkerError), (1, termination.Terminated)]
)
def test_a_chief_that_ends_by_sigterm_lets_others_end_by_it(index, expected, monkeypatch):
    monkeypatch.setattr(termination, "requested", lambda: True)
    with pytest.raises(expected):
        machines_whose_answers_are(GONE, index=index).wait()


def test_a_machine_that_ends_as_soon_as_all_have_come_is_none():
    machines_whose_answers_are(None, GONE).wait()


def of_workers(addresses, index=0, **others) -> str:
    """Returns a TF_CONFIG."""
    task = {"type": "worker", "index": index}
    return json.dumps({"cluster": {"worker": addresses, **others}, "task": task})


def refused(message: str, **arguments) -> None:
    """Asserts that there is no strategy for these flags and TF_CONFIG, said in one line."""
    with pytest.raises(ValueError) as error:
        strategy_lib.get_strategy(**arguments)
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "config, message",
    [
        ("{", "TF_CONFIG is '{', which does not say which machine this is"),
        ("{}", "KeyError: 'task'"),
        (of_workers(["a:1"], index=1), "IndexError"),
        (of_workers("a:1"), "each kind of task needs a list of addresses"),
        (of_workers([3, 4]), "3 is no host:port"),
        (of_workers(["a:1", "b:999999"]), "'b:999999' is no host:port"),
        (of_workers(["a:1", "a:1"]), "'a:1' is given twice"),
        (of_workers(["a:1"], index=-1), "the index is -1, not a number from 0"),
        (of_workers(["a:1"], index=0.5), "the index is 0.5"),
        (of_workers(["a:1"], ps=[]), "a cluster of ps, worker; training runs on 'worker's"),
    ],
)
def test_a_wrong_cluster_is_one_clear_error(config, message, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", config)
    refused(message)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"multi_gpu": True}, "--multi_gpu was given but TensorFlow sees no GPU"),
        ({"use_gpu": True}, "--use_gpu was given but TensorFlow sees no GPU"),
        ({"device_type": "tpu"}, "--device_type=tpu was given but no TPU answers"),
        ({"tpu": "nowhere"}, "no TPU answers at 'nowhere'"),
    ],
)
def test_a_device_that_is_not_there_is_one_clear_error(arguments, message, monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [])
    refused(message, **arguments)


def test_several_gpus_without_nccl_are_one_clear_error(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    gpus = ["GPU:0", "GPU:1"]
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: gpus)
    missing = {gpu.NCCL: "libnccl.so.2: cannot open shared object file"}
    monkeypatch.setattr(gpu, "missing_libraries", lambda: missing)
    made = []
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", lambda: made.append(1))
    refused("2 GPUs add their gradients by NCCL, but libnccl.so.2 cannot be", multi_gpu=True)
    assert not made
    missing.clear()
    strategy_lib.get_strategy(multi_gpu=True)
    missing[gpu.NCCL] = "one GPU needs none"
    gpus.pop()
    strategy_lib.get_strategy(multi_gpu=True)
    assert len(made) == 2


def test_without_flags_there_is_one_device(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert strategy_lib.get_strategy() is tf.distribute.get_strategy()


def unused_port() -> int:
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        return listener.getsockname()[1]


def end_while_it_waits(
    number: signal.Signals, said: str, *arguments: str, **environment: str
) -> int:
    """Sends a signal to a training that waits for somebody; returns its status."""
    process = commands.start_at_once(
        *("-m", "ibc.train_eval", "--task=PARTICLE", "--gin_file=mlp_ebm_quick.gin", *arguments),
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    for line in process.stderr:
        if said in line:
            break
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(3)
    process.send_signal(number)
    return process.wait(5)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_waiting_for_a_tpu_that_is_not_there_can_be_ended(number):
    address = f"--tpu=grpc://127.0.0.1:{unused_port()}"
    assert end_while_it_waits(number, "Waiting for the TPU", address) == -number


@pytest.mark.slow
def test_waiting_for_a_machine_that_is_not_there_can_be_ended():
    config = of_workers([f"localhost:{unused_port()}", f"localhost:{unused_port()}"])
    said = "Waiting for the machines of the cluster"
    assert end_while_it_waits(signal.SIGINT, said, TF_CONFIG=config) == -signal.SIGINT
