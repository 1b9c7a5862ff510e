import contextlib
import signal

import pytest

from ibc.train.loop import training_loop
from ibc.utils import termination
from tests import termination_testing


@termination_testing.each_signal
def test_signal_that_an_action_has_swallowed_ends_the_evaluation(number, error):
    actions = []

    def act(time_step):
        with contextlib.suppress(BaseException):
            signal.raise_signal(number)
        actions.append(time_step)

    act = training_loop.ended_by_signals(act)
    with termination_testing.restored(), pytest.raises(error), termination.watched():
        act(0)
        act(1)
    assert actions == [0]
