"""Fixtures for tests of environments."""

import gin
import pytest


@pytest.fixture(autouse=True)
def clean_gin():
    """Leaves no gin binding or lock of one test to the next."""
    gin.clear_config()
    yield
    gin.clear_config()
