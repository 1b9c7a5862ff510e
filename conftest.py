"""Test fixtures shared by every folder."""

import pathlib

import gin
import pytest

import ibc  # noqa: F401  (selects Keras 2 before any test imports TensorFlow)

_REPORTED: list[str] = []
_GOLDEN = pathlib.Path(__file__).parent.parent / "shared" / "golden"


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
def particle_data(tmp_path_factory) -> str:
    """Records 2 shards of 10 oracle episodes of the 2-D particle task; returns their glob."""
    from ibc.data import policy_eval_options, policy_eval_run

    folder = tmp_path_factory.mktemp("particle_data")
    for replica in range(2):
        options = policy_eval_options.Options(
            task="PARTICLE",
            policy="oracle",
            num_episodes=10,
            dataset_path=str(folder / "oracle.tfrecord"),
            replicas=2,
        )
        policy_eval_run.run(options, replica)
        gin.clear_config()
    return str(folder / "oracle*.tfrecord")


@pytest.fixture
def report():
    """Returns a function that takes lines for the end of the log: passing tests are silent."""
    return lambda *lines: _REPORTED.extend(lines)


def pytest_terminal_summary(terminalreporter):
    """Writes what tests have reported."""
    if _REPORTED:
        terminalreporter.section("figures")
        for line in _REPORTED:
            terminalreporter.write_line(line)


@pytest.fixture(autouse=True)
def clean_gin():
    """Leaves no gin binding or lock of one test to the next."""
    gin.clear_config()
    yield
    gin.clear_config()
