import numpy as np
import pytest

from ibc.networks.layers import running_normalizer
from tests import near_golden


def _recorded(golden):
    return np.load(golden("near/running_normaliser.npz"))


def test_statistics_and_outputs_are_the_recorded_ones(golden):
    recorded = _recorded(golden)
    normalizer = running_normalizer.RunningNormalizer(4)
    for batch in range(4):
        rows = recorded[f"x{batch}"]
        normalizer.observe(rows)
        np.testing.assert_allclose(normalizer.mean, recorded[f"mean{batch}"], rtol=1e-6)
        np.testing.assert_allclose(normalizer.var, recorded[f"var{batch}"], rtol=1e-6)
        assert normalizer.count.numpy() == recorded[f"count{batch}"]
        near_golden.assert_near(normalizer(rows), recorded[f"y{batch}"])
    near_golden.assert_near(normalizer(recorded["eval_x"]), recorded["eval_y"])
    near_golden.assert_near(normalizer.denormalized(recorded["denorm_in"]), recorded["denorm_out"])


@pytest.mark.parametrize("parts", [1, 7])
def test_running_statistics_come_close_to_exact_ones(parts):
    rows = np.random.default_rng(0).normal(3, [1, 20], [70_000, 2]).astype(np.float32)
    running, exact = (running_normalizer.RunningNormalizer(2) for _ in range(2))
    for part in np.split(rows, parts):
        running.observe(part)
    exact.set_exact(rows)
    np.testing.assert_allclose(running.mean, exact.mean, rtol=1e-3)
    np.testing.assert_allclose(running.var, exact.var, rtol=1e-3)
    np.testing.assert_allclose(exact(rows).numpy().std(0), 1, rtol=1e-3)
