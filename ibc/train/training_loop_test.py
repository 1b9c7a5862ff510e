"""Tests of the training loop's dealing with signals."""

import contextlib
import signal

import pytest

from ibc.environments.utils import termination
from ibc.train import training_loop


@pytest.fixture(autouse=True)
def handlers():
    """Restores what the signals did before the test."""
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, signal.default_int_handler) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("number", "error"),
    [(signal.SIGTERM, termination.Terminated), (signal.SIGINT, KeyboardInterrupt)],
)
def test_signal_that_an_action_has_swallowed_ends_the_evaluation(number, error):
    actions = []

    def act(time_step):
        with contextlib.suppress(BaseException):
            signal.raise_signal(number)
        actions.append(time_step)

    act = training_loop.ended_by_signals(act)
    with pytest.raises(error), termination.watched():
        act(0)
        act(1)
    assert actions == [0]
