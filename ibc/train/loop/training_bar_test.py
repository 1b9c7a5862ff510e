import io
import re

import tqdm

from ibc.train.loop import training_bar
from ibc.train.loop.progress import Progress
from ibc.utils import bars


def test_speed_is_that_of_training_alone(monkeypatch):
    now, stream = [1000.0], io.StringIO()

    class Clock:
        @staticmethod
        def time():
            return now[0]

    for module in (bars, training_bar):
        monkeypatch.setattr(module, "time", Clock)
    monkeypatch.setattr(tqdm.std, "time", Clock.time)
    shown = training_bar.TrainingBar(file=stream)
    now[0] += 50  # Data are read.

    def tell(seconds, step, **told):
        now[0] += seconds
        shown(Progress(step, 1000, **told))

    tell(20, 500)  # Going on from a checkpoint.
    tell(30, 501, loss=2.0)  # Traced.
    for step in range(511, 601, 10):
        tell(1, step, loss=1.0)
    text = str(shown._bar)
    assert re.search(r"training: .* 591/1000 \[00:09<00:40, 10.00step/s, loss=1\]", text), text
    tell(0.9, 600, loss=1.0)
    tell(0, 600, is_evaluating=True)
    for done in range(1, 4):
        tell(100, 600, episodes=3, episodes_done=done)
    assert "2/3 [01:40<01:40, 100.00s/episode]" in stream.getvalue()
    tell(0, 600, averages={"PARTICLE": {"AverageReturn": 7.0, "AverageSuccessMetric": 0.5}})
    tell(1, 610, loss=1.0)
    text = str(shown._bar)
    assert "[00:10<00:39, 10" in text and "loss=1, PARTICLE SuccessMetric=0.5]" in text, text
    tell(39, 1000, loss=0.5)
    shown.close()
    assert "[-" not in stream.getvalue()
    assert "done: 100%" in stream.getvalue()
