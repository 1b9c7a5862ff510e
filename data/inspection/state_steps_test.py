"""Repeated frames and steps of known recordings."""

import numpy as np
import pytest

from ibc.data import ibc_data


@pytest.fixture
def told(tmp_path, capsys):
    """Returns a function that writes walks of a step size, and one that tells of files."""

    def write(name, step, rest=0, key="state"):
        walk = np.cumsum(np.full((20, 2), [step, 0.0]), axis=0)
        states = np.concatenate([walk, np.repeat(walk[-1:], rest, axis=0)])
        path = tmp_path / f"{name}.npz"
        np.savez(path, **{key: states}, episode_ends=[10, len(states)])
        return str(path)

    def tell(*arguments):
        ibc_data.main(["info", *arguments])
        return [line.strip() for line in capsys.readouterr().out.splitlines()]

    return write, tell


def test_repeats_and_steps_are_told_of_any_format(told, tmp_path, capsys):
    write, tell = told
    path = write("demos", 9.0, rest=5)
    expected = [
        "neighbouring frames that are equal: 5 of 23 (21.7 %)",
        "steps of observation/state where it moves: 9 (median), at most 9",
    ]
    assert tell(path)[-2:] == expected
    records = str(tmp_path / "demos.tfrecord")
    ibc_data.main(["convert", path, records])
    capsys.readouterr()
    assert tell(records)[-2:] == expected


@pytest.mark.parametrize(
    ("step", "remedy"),
    [(3.0, "repeat each action (action_repeat = 3)"), (45.0, "(PairOptions.pair_stride = 5)")],
)
def test_steps_that_differ_more_than_twice_are_warned_of(told, step, remedy):
    write, tell = told
    lines = tell(write("demos", 9.0), f"--agent={write('agent', step)}")
    assert f"the agent's steps are of {step:g}, the demonstrations' of 9" in lines[-2]
    assert lines[-1].startswith("warning: these differ") and remedy in lines[-1]
    similar = tell(write("demos", 9.0), f"--agent={write('agent', 5.0)}")
    assert "warning" not in similar[-1] and "the agent's steps are of 5" in similar[-1]


def test_agents_that_see_something_else_are_refused(told, tmp_path, capsys):
    write, _ = told
    np.savez(
        tmp_path / "wide.npz", state=np.zeros((4, 3)) + np.arange(4)[:, None], episode_ends=[4]
    )
    with pytest.raises(SystemExit):
        ibc_data.main(["info", write("demos", 9.0), f"--agent={tmp_path / 'wide.npz'}"])
    assert "no observation of one name and size that moves" in capsys.readouterr().err
