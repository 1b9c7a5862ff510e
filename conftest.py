"""Test fixtures shared by every folder."""

import pathlib

import pytest

import ibc  # noqa: F401  (selects Keras 2 before any test imports TensorFlow)

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
