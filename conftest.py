"""Test fixtures shared by every folder."""

import contextlib
import ctypes
import fcntl
import gc
import importlib.util
import os
import pathlib
import signal
from collections.abc import Callable, Iterator

import gin
import pytest

import ibc  # noqa: F401  (selects Keras 2 before any test imports TensorFlow)

_FIGURE = "figure"
_WITHOUT_PYBULLET = "block pushing needs PyBullet"
# Files that take long and whose tests share little: any process may take any of their tests.
_SPREAD = ("tests/crash_test.py", "tests/scripts_test.py", "tests/trained_configs_test.py")
# Files of which one takes a minute or more, whether or not its tests are marked as slow.
_LONG = (
    "tests/scripts_test.py",
    "tests/trained_configs_test.py",
    "tests/documented_runs_test.py",
    "tests/crash_test.py",
    "tests/distributed_test.py",
    "ibc/online/ifo/experiment_test.py",
    "ibc/train/sequences_training_test.py",
    "data/recording/replayed_test.py",
)
_MEMORY_LEFT = 1 << 30
_least_memory = 0
_GOLDEN = pathlib.Path(__file__).parent.parent / "shared" / "golden"


def pytest_configure():
    """Has Ctrl-C reach commands under test, which would ignore it as a shell's background jobs."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Begins with the files that take long, so that processes side by side end together."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}

    def turn(item):
        file = item.nodeid.partition("::")[0]
        return _LONG.index(file) if file in _LONG else len(_LONG) + (item.path not in slow)

    items.sort(key=turn)


def pytest_collection():
    """Leaves garbage until all is imported."""
    gc.disable()


def pytest_collection_finish():
    """Spares the collector the many objects of TensorFlow, which stay, and most of its rounds."""
    _tune_no_pipelines()
    gc.freeze()
    gc.set_threshold(50_000, 20, 10)
    gc.enable()


def _tune_no_pipelines() -> None:
    """Has tf.data tune nothing in this process.

    The end of an iterator waits for the thread that tunes it, which sleeps up to a minute. Commands
    in processes of their own tune as ever.
    """
    import tensorflow as tf
    from tensorflow.python.data.ops import dataset_ops

    as_it_is = dataset_ops.DatasetV2._apply_debug_options

    def untuned(dataset):
        options = tf.data.Options()
        options.autotune.enabled = False
        return as_it_is(dataset).with_options(options)

    dataset_ops.DatasetV2._apply_debug_options = untuned


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item, nextitem):
    """Gives back the memory that a file's tests have left, when it is a gigabyte."""
    global _least_memory
    goes_on = nextitem is not None and nextitem.path == item.path
    if goes_on and item.nodeid.partition("::")[0] not in _SPREAD:
        return  # Its fixtures may still need what has been traced.
    if _memory() > _least_memory + _MEMORY_LEFT:
        _forget_gradients()
        gc.collect()
        with contextlib.suppress(AttributeError, OSError):  # There is no glibc.
            ctypes.CDLL("libc.so.6").malloc_trim(0)
        _least_memory = _memory()


def _forget_gradients() -> None:
    """Takes from TensorFlow's registry the gradients of graphs, each of which keeps its graph.

    A graph that an optimizer's step is traced in has such a gradient, for its sum over replicas.
    """
    from tensorflow.python.framework import ops

    registered = ops.gradient_registry._registry
    for name in [name for name in registered if name.startswith("CustomGradient-")]:
        del registered[name]


def _memory() -> int:
    """Returns this process's resident memory in bytes, 0 where that is not told."""
    told = pathlib.Path("/proc/self/statm")
    return int(told.read_text().split()[1]) * 4096 if told.exists() else 0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    """Skips a test whose fixtures need PyBullet where there is none."""
    with _skipped_without_pybullet():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Skips a test that needs PyBullet where there is none, as there are no wheels for 3.12."""
    with _skipped_without_pybullet():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """Skips a file that imports PyBullet where there is none."""
    report = yield
    if report.failed and _lacks_pybullet(str(report.longrepr)):
        report.outcome = "skipped"
        report.longrepr = (str(collector.path), 0, f"Skipped: {_WITHOUT_PYBULLET}")
    return report


@contextlib.contextmanager
def _skipped_without_pybullet() -> Iterator[None]:
    try:
        yield
    except (AssertionError, ImportError) as error:  # a command may have said it in its output
        if _lacks_pybullet(str(error)):
            pytest.skip(_WITHOUT_PYBULLET)
        raise


def _lacks_pybullet(text: str) -> bool:
    return _WITHOUT_PYBULLET in text and importlib.util.find_spec("pybullet") is None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Gives processes whole files, whose tests share fixtures, but the longest ones in parts."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist import scheduler

    class Scheduling(scheduler.LoadFileScheduling):
        def _split_scope(self, nodeid):
            file = nodeid.partition("::")[0]
            return nodeid if file in _SPREAD else file

    return Scheduling(config, log)


@pytest.fixture
def golden():
    """Returns a function from a name to the path of a recorded output; skips where absent."""

    def path(name: str) -> pathlib.Path:
        found = _GOLDEN / name
        if not found.exists():
            pytest.skip(f"recorded outputs of the published system are not here: {found}")
        return found

    return path


@pytest.fixture(scope="session")
def made_once(tmp_path_factory) -> Callable[[str, Callable[[pathlib.Path], object]], pathlib.Path]:
    """Returns a function from a name, and what fills a folder, to the folder.

    Of the processes that test side by side, one fills it, and the others wait.
    """
    own = tmp_path_factory.getbasetemp()
    everybodys = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def folder(name: str, fill: Callable[[pathlib.Path], object]) -> pathlib.Path:
        place, done = everybodys / f"made_{name}", everybodys / f"made_{name}.done"
        with (everybodys / f"made_{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                place.mkdir(exist_ok=True)
                fill(place)
                done.touch()
        return place

    return folder


@pytest.fixture(scope="session")
def particle_data(made_once) -> str:
    """Records 2 shards of 10 oracle episodes of the 2-D particle task; returns their glob."""
    from tests import training

    def record(folder):
        path = str(folder / "oracle.tfrecord")
        for replica in range(2):
            training.record("PARTICLE", path, num_episodes=10, replica=replica, replicas=2)

    return str(made_once("particle_data", record) / "oracle*.tfrecord")


@pytest.fixture
def opened():
    """Returns a function that gives back what it gets, and closes it when the test has ended."""
    with contextlib.ExitStack() as stack:
        yield lambda resource: stack.enter_context(contextlib.closing(resource))


@pytest.fixture
def report(record_property):
    """Returns a function that takes lines for the end of the log: passing tests are silent."""

    def take(*lines: str) -> None:
        for line in lines:
            record_property(_FIGURE, line)

    return take


def pytest_terminal_summary(terminalreporter):
    """Writes what tests have reported, in whichever process they ran."""
    tests = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    lines = [
        line
        for test in sorted(tests, key=lambda test: test.location[:2])
        if test.when == "call"
        for name, line in test.user_properties
        if name == _FIGURE
    ]
    if lines:
        terminalreporter.section("figures")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(autouse=True)
def clean_gin():
    """Leaves no gin binding or lock of one test to the next."""
    gin.clear_config()
    yield
    gin.clear_config()
