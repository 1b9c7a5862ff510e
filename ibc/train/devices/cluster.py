"""A training on several machines, each with a process like this one."""

import contextlib
import json
import re
import signal
import threading
from collections.abc import Iterator, Sequence

import tensorflow as tf
from absl import logging

from ibc.utils import child_process, termination

# What operations report that wait for a machine that is gone.
_LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
)
# The one line of TensorFlow's report that says what has happened.
_ABORTED = re.compile(r"^Collective ops is aborted by: (.*)$", re.MULTILINE)


def is_cluster(strategy: tf.distribute.Strategy) -> bool:
    """Whether training runs on several machines, each with a process like this one."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy) and (
        len(_machines(strategy.cluster_resolver)) > 1
    )


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this is the machine that writes files and evaluates, the first of the cluster."""
    return not is_cluster(strategy) or _own_number(strategy.cluster_resolver) == 0


def shares(strategy: tf.distribute.Strategy) -> tuple[range, int]:
    """Returns which shares of a batch this machine's devices take, and how many there are."""
    total = strategy.num_replicas_in_sync
    if not is_cluster(strategy):
        return range(total), total
    here = total // len(_machines(strategy.cluster_resolver))
    first = here * _own_number(strategy.cluster_resolver)
    return range(first, first + here), total


def in_step(strategy: tf.distribute.Strategy) -> contextlib.AbstractContextManager:
    """Lets SIGTERM end a block where the machines agree on it, at once where there is one.

    A machine that stopped alone would be lost to the others, who wait for it in the next step.
    """
    return termination.by_agreement() if is_cluster(strategy) else contextlib.nullcontext()


class Machines:
    """What the machines of a training agree on, all of them asking at the same point."""

    def __init__(self, strategy: tf.distribute.Strategy):
        """Prepares for a strategy; without a cluster there is nobody to ask."""
        self._strategy = strategy
        self._mean = None
        if is_cluster(strategy):
            self._mean = tf.function(self._compute_mean, autograph=False)

    def mean(self, values: Sequence[float]) -> list[float]:
        """Returns the means of numbers over all machines; waits for the last of them."""
        if self._mean is None:
            return list(values)
        return self._mean(tf.constant(values, tf.float32)).numpy().tolist()

    @contextlib.contextmanager
    def losing_one_is_an_error(self) -> Iterator[None]:
        """Raises WorkerError, in one line, if another machine ends while this one waits for it.

        Where SIGTERM has arrived here too, the chief, who alone may leave without asking, has
        saved what is to be saved: then it is `Terminated` instead.
        """
        try:
            yield
        except _LOST as error:
            if self._mean is None:
                raise
            if termination.requested() and not is_chief(self._strategy):
                raise termination.Terminated("terminated with the chief.") from error
            reason = _ABORTED.search(error.message)
            reason = reason[1] if reason else error.message.partition("\n")[0]
            raise child_process.WorkerError(
                "another machine of the cluster in TF_CONFIG has ended, or cannot be reached "
                f"({reason}). Start the same command on all machines again: training goes on from "
                "the last checkpoint."
            ) from error

    def wait(self) -> None:
        """Returns when every machine has come here, after which any of them may end.

        Raises:
          WorkerError: one of them has ended before.
        """
        if self._mean is None:
            return
        with self.losing_one_is_an_error():
            self.mean([0.0])
        # Who has the answer first may end while another still receives it. In a second round
        # that does no harm: whoever came so far knows that all have come.
        with contextlib.suppress(*_LOST):
            self.mean([0.0])

    def _compute_mean(self, values: tf.Tensor) -> tf.Tensor:
        of_devices = self._strategy.run(tf.identity, args=(values,))
        return self._strategy.reduce(tf.distribute.ReduceOp.MEAN, of_devices, axis=None)


def get_strategy(config: str) -> tf.distribute.Strategy:
    """Returns the strategy that mirrors training over the machines of a cluster.

    Args:
      config: the environment variable TF_CONFIG.

    Raises:
      ValueError: it does not say which machine this is, or this one cannot join the others.
    """
    try:
        tasks = json.loads(config)
        own = tasks["task"]
        index = _whole(own["index"])
        _check_addresses(tasks["cluster"])
        address = tasks["cluster"][own["type"]][index]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(
            f"TF_CONFIG is {config!r}, which does not say which machine this is "
            f"({type(error).__name__}: {error}); expected "
            '{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}.'
        ) from error
    if set(tasks["cluster"]) - {"chief", "worker"}:
        raise ValueError(
            f"TF_CONFIG has a cluster of {', '.join(sorted(tasks['cluster']))}; training runs on "
            "'worker's, of which the first or a 'chief' writes files and evaluates."
        )
    logging.info("Waiting for the machines of the cluster: %s.", tasks["cluster"])
    try:
        with ended_by_signals():
            return tf.distribute.MultiWorkerMirroredStrategy()
    except (RuntimeError, tf.errors.OpError) as error:
        raise ValueError(
            f"TF_CONFIG: {address} cannot join the cluster: {str(error).splitlines()[0]}"
        ) from error


def _whole(index: object) -> int:
    """Returns a task's number, which may be written as a string."""
    if isinstance(index, bool) or not re.fullmatch("[0-9]+", str(index)):
        raise ValueError(f"the index is {index!r}, not a number from 0")
    return int(index)


def _check_addresses(cluster: dict[str, list[str]]) -> None:
    """Raises ValueError unless every machine has a host and a port of its own."""
    if not all(isinstance(addresses, list) for addresses in cluster.values()):
        raise ValueError("each kind of task needs a list of addresses")
    every = [address for addresses in cluster.values() for address in addresses]
    for address in every:
        host, _, port = str(address).rpartition(":")
        if not host or not re.fullmatch("[0-9]{1,5}", port) or not 0 < int(port) < 2**16:
            raise ValueError(f"{address!r} is no host:port")
        if every.count(address) > 1:
            raise ValueError(f"{address!r} is given twice")


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Lets signals end the process at once: TensorFlow waits outside Python, and saves nothing.

    While it waits TensorFlow keeps SIGTERM for itself; Ctrl-C ends it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {
        number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _machines(resolver: tf.distribute.cluster_resolver.ClusterResolver) -> list[tuple[str, int]]:
    """Lists the cluster's tasks in the order in which TensorFlow numbers them."""
    cluster = resolver.cluster_spec().as_dict()
    return [(kind, i) for kind in ("chief", "worker") for i in range(len(cluster.get(kind, ())))]


def _own_number(resolver: tf.distribute.cluster_resolver.ClusterResolver) -> int:
    return _machines(resolver).index((resolver.task_type, resolver.task_id))
