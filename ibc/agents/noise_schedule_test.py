"""Schedules give the published numbers, and say what is wrong with others."""

import numpy as np
import pytest

from ibc.agents import noise_schedule


def test_schedules_are_the_published_ones(golden):
    recorded = np.load(golden("video_imitation/schedules.npz"))
    for text, values in zip(recorded["strings"], recorded["values"], strict=True):
        schedule = noise_schedule.parse(str(text))
        np.testing.assert_allclose([schedule(step) for step in recorded["steps"]], values, 1e-12)


def test_numbers_are_schedules_too():
    assert noise_schedule.parse(0.2)(10) == noise_schedule.parse("0.2")(0) == 0.2
    assert noise_schedule.parse(" linear(1, 0.5, 10) ")(5) == 0.75


@pytest.mark.parametrize(
    "text",
    [
        *("", "linear", "linear(1.0,0.1)", "cosine(1,0.1,10)", "linear(1,0.1,0)", "linear(a,b,c)"),
        *("-0.2", "linear(1,-0.1,10)", "linear(1,0.0,10)", 0, "nan", None, "step_linear(1,0.3,10)"),
    ],
)
def test_what_is_no_schedule_is_refused(text):
    with pytest.raises(ValueError, match=r"is no schedule of noise: give 0.2, linear\("):
        noise_schedule.parse(text)
