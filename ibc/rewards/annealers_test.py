import json

import numpy as np
import pytest

from ibc.rewards import annealers

_RECORDED = {
    "ncsnv2_adaptive": "ncsnv2-adaptive",
    "ncsnv2_adaptive_decreasing": "ncsnv2-adaptive-decreasing",
    "adaptive": "adaptive",
    "non_decreasing": "non-decreasing",
    "linear": "linear",
}


@pytest.mark.parametrize("name", _RECORDED)
def test_every_recorded_decision_also_after_restoring(golden, name):
    recorded = np.load(golden("near/annealers.npz"))

    def field(part):
        return recorded[f"{name}/{part}"]

    def new():
        return annealers.make(_RECORDED[name], 10, max_frames=240, progress="relative")

    annealer = new()
    for rollout, energies in enumerate(field("energies")):
        means = energies.reshape(10, -1).mean(1)
        annealer.advance(lambda level, means=means: float(means[level]), 6 * rollout)
        told = rollout, annealer.level
        assert told == (rollout, field("level_after")[rollout])
        np.testing.assert_allclose(annealer.offset, field("offset_sum_after")[rollout], rtol=1e-5)
        initial = getattr(annealer, "initial", None)
        expected = field("initial_energy_after")[rollout]
        if name.startswith("ncsnv2") and not np.isnan(expected):
            np.testing.assert_allclose(initial, expected, rtol=1e-5)
        state = json.loads(json.dumps(annealer.state()))
        annealer = new()
        annealer.restore(state)
    assert len(set(field("level_after"))) > 2


def test_an_energy_below_zero_sharpens_only_as_it_grows():
    ours, published = (
        annealers.make("ncsnv2-adaptive", 10, progress=progress)
        for progress in ("relative_abs", "relative")
    )
    for annealer in (ours, published):
        annealer.advance(lambda level: -5.0, 0)
    assert (ours.level, published.level) == (0, 1)
    ours.advance(lambda level: -4.0, 0)
    assert ours.level == 1


def test_an_energy_of_zero_has_not_grown():
    annealer = annealers.make("ncsnv2-adaptive", 10)
    for _ in range(3):
        annealer.advance(lambda level: 0.0, 0)
    assert annealer.level == 0


@pytest.mark.parametrize("strategy", annealers.STRATEGIES)
def test_levels_stay_within_bounds(strategy):
    annealer = annealers.make(strategy, 3, max_frames=10)
    for rollout in range(30):
        annealer.advance(lambda level, rollout=rollout: 100.0 + rollout * 10, rollout)
        assert 0 <= annealer.level <= 2
    assert annealer.level == 2


def test_a_fixed_level_stays():
    annealer = annealers.make("adaptive", 10, sigma_level=4)
    annealer.advance(lambda level: 100.0, 0)
    assert (annealer.level, annealer.offset) == (4, 0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("slow", 10), "annealing must be one of"),
        (("linear", 10, 10), "sigma_level must be a whole number of at most 9, got 10"),
        (("linear", 10, -2), "sigma_level must be a whole number of at least 0, got -2"),
        (("ncsnv2-adaptive", 10, -1, 1, "absolute"), "progress must be"),
    ],
)
def test_wrong_arguments_are_said(arguments, said):
    with pytest.raises(ValueError, match=said):
        annealers.make(*arguments)
