"""Which checkpoints are kept: recorded decisions, and a list that survives stops."""

import json
import pathlib

import pytest

from ibc.train.run import top_k


@pytest.mark.parametrize("mode", top_k.MODES)
def test_decisions_are_the_recorded_ones(golden, mode):
    recorded = json.loads(golden("sequences/topk.json").read_text())[mode]
    state = top_k.TopK("score", recorded["k"], mode)
    for epoch, (value, expected) in enumerate(
        zip(recorded["scores"], recorded["returned_and_kept"], strict=True)
    ):
        state, name = state.offered(epoch, value)
        assert [name, sorted(each for each, _ in state.kept)] == expected


def test_names_are_the_published_ones():
    _, name = top_k.TopK("test_mean_score").offered(50, 0.1338)
    assert name == "epoch=0050-test_mean_score=0.134.ckpt"


def test_a_value_changes_what_it_is_offered_to_only_by_another_state():
    state = top_k.TopK("score", k=1, kept=(("epoch=0000-score=0.500.ckpt", 0.5),))
    for value in (0.5, 0.4, float("nan")):
        assert state.offered(1, value) == (state, None)
    later, name = state.offered(1, 0.51)
    assert later.kept == ((name, 0.51),) and state.kept[0][1] == 0.5
    # What happens again after a stop.
    assert later.offered(1, 0.51) == (later, None)


class Run:
    """A run whose weights are a text."""

    def __init__(self, folder: pathlib.Path, **wanted):
        self.weights = ""
        self.folder = folder
        self.best = top_k.TopKFolder(
            folder, top_k.TopK(**{"metric": "m", "k": 2, **wanted}), self._save, lambda s: s // 10
        )

    def _save(self, folder: pathlib.Path):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "weights").write_text(self.weights)

    def offer(self, step: int, value: float) -> list[str]:
        self.weights = f"weights of {step}"
        self.best.offer(step, {"m": value, "other": 0.0})
        return self.there()

    def there(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("*.ckpt"))


def test_a_stopped_run_goes_on_with_its_list(tmp_path):
    values = [0.3, 0.1, 0.2, 0.4, 0.35]
    whole = Run(tmp_path / "whole")
    for index, value in enumerate(values):
        whole.offer(10 * index, value)
    first = Run(tmp_path / "halves")
    for index, value in enumerate(values[:3]):
        first.offer(10 * index, value)
    # Killed, and gone on with from the checkpoint before: the last evaluation happens again.
    second = Run(tmp_path / "halves")
    assert second.best.last_step == 20
    for index, value in list(enumerate(values))[2:]:
        second.offer(10 * index, value)
    assert second.there() == whole.there() == ["epoch=0003-m=0.400.ckpt", "epoch=0004-m=0.350.ckpt"]
    assert second.best.state == whole.best.state
    assert (second.folder / "epoch=0003-m=0.400.ckpt/weights").read_text() == "weights of 30"


def test_what_a_killed_run_left_half_done_is_put_right(tmp_path):
    run = Run(tmp_path)
    run.offer(0, 0.1)
    run.offer(10, 0.2)
    # Written, but not yet in the list; in the list, but gone.
    (tmp_path / "epoch=0002-m=0.300.ckpt").mkdir()
    (tmp_path / "epoch=0000-m=0.100.ckpt/weights").unlink()
    (tmp_path / "epoch=0000-m=0.100.ckpt").rmdir()
    again = Run(tmp_path)
    assert [name for name, _ in again.best.state.kept] == ["epoch=0001-m=0.200.ckpt"]
    assert again.offer(30, 0.05) == ["epoch=0001-m=0.200.ckpt", "epoch=0003-m=0.050.ckpt"]


def test_fewer_may_be_kept_later_and_another_metric_begins_anew(tmp_path):
    run = Run(tmp_path)
    run.offer(0, 0.1)
    run.offer(10, 0.2)
    fewer = Run(tmp_path, k=1)
    assert fewer.offer(20, 0.15) == ["epoch=0001-m=0.200.ckpt"]
    other = Run(tmp_path, metric="other", mode="min")
    assert other.best.state.kept == () and other.best.last_step == -1
    other.offer(30, 0.0)
    assert other.there() == ["epoch=0001-m=0.200.ckpt", "epoch=0003-other=0.000.ckpt"]


def test_a_metric_that_is_not_measured_is_named(tmp_path):
    with pytest.raises(ValueError, match="top_k_metric is 'x', but what is measured is m, other"):
        Run(tmp_path, metric="x").offer(0, 1.0)


@pytest.mark.parametrize("content", ["", "[]", '{"metric": "m"}', '{"kept": 3}'])
def test_a_damaged_list_is_named(tmp_path, content):
    (tmp_path / "top_k.json").write_text(content)
    with pytest.raises(ValueError, match=r"top_k.json is damaged"):
        Run(tmp_path)
