"""The example that shows two modes, at a small size."""

import importlib.util
import pathlib

import numpy as np
import pytest

_PATH = pathlib.Path(__file__).parent.parent / "examples" / "two_modes.py"


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("two_modes", _PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_demonstrated_shots_pass_and_their_mean_does_not(example):
    lay, velocities = example.demonstrations()
    assert np.mean(example.passes(example.crossings(lay, velocities))) > 0.99
    places = example.crossings(lay, velocities)
    assert 0.45 < np.mean(places < 0) < 0.55
    middle = np.zeros((1, 2))
    between = velocities[np.abs(lay[:, 0]) < 0.02].mean(axis=0)[np.newaxis]
    assert not example.passes(example.crossings(middle, between))[0]


@pytest.mark.slow
def test_the_implicit_policy_passes_where_the_regression_does_not(example, tmp_path, monkeypatch):
    monkeypatch.setattr(example, "_DEMONSTRATIONS", 1000)
    implicit, regression = (example.train(tmp_path, method, 300) for method in ("ebm", "mse"))
    counts = example.draw(implicit, regression, tmp_path / "figure.png")
    assert counts["implicit"] > 30 and counts["regression (MSE)"] < 10
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
