"""What docs/own_data.md says of arrays: two cameras beside joints are written, trained on, act."""

import pathlib
import re
import shlex

import numpy as np
import pytest

from tests import commands

_PAGE = (pathlib.Path(__file__).parent.parent / "docs" / "own_data.md").read_text("utf-8")
_SECTION = _PAGE.partition("\n## Arrays of your own\n")[2]
_WRITE, _ACT = re.findall(r"```python\n(.*?)```", _SECTION, re.DOTALL)
_TRAIN = re.search(r"^ {4}python ibc/train_eval.py (.*(?:\n {6}.*)*)$", _SECTION, re.M)[1]
_FEW = (
    "train_eval.num_iterations = 3",
    "train_eval.batch_size = 4",
    "HybridEBM.width = 16",
    "HybridEBM.depth = 1",
    "ImplicitBCAgent.num_counter_examples = 4",
    "IbcPolicy.num_action_samples = 16",
    "iterative_dfo.num_iterations = 1",
)


def _train(*bindings):
    arguments = shlex.split(_TRAIN.replace("\\\n", ""))
    return commands.in_process(
        "train_eval", arguments + [f"--gin_bindings={binding}" for binding in bindings]
    )


@pytest.mark.slow
def test_two_cameras_beside_joints_are_written_trained_on_and_act(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(_WRITE.replace("range(20)", "range(3)"), {})
    done = _train(*_FEW)
    assert (done.status, done.errors) == (0, [])
    seen = {
        "joints": np.zeros(6),
        "wrist": np.zeros([48, 64, 3], np.uint8),
        "front": np.zeros([48, 64, 3], np.uint8),
    }
    exec(_ACT, seen)
    assert seen["action"].shape == (7,) and np.isfinite(seen["action"]).all()
    done = _train(*_FEW, "train_eval.network = 'MLPEBM'")
    assert done.status == 1
    assert "'front' has the shape (2, 48, 64, 3): as train_eval.network choose" in done.errors[-1]
    done = _train(*_FEW, "train_eval.network = 'PixelEBM'")
    assert done.status == 1
    assert "several are for HybridEBM, HybridMSE and HybridMDN" in done.errors[-1]
