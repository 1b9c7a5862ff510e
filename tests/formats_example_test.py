"""The example of docs/formats.md, run as a reader would."""

import contextlib
import io
import pathlib
import re
import shlex
import textwrap

import numpy as np
import pytest

from ibc.data.records import shard_reader
from tests import commands, training

pytest.importorskip("h5py")
_DOCUMENT = pathlib.Path(__file__).parent.parent / "docs" / "formats.md"
_SECTION = "A file of one's own: block pushing with two cameras"
_RECORDS = "datasets/push_two_cameras/push_two_cameras.tfrecord"
_FEW = {
    **training.bound("train_eval", num_iterations=3, batch_size=8),
    **training.bound("ImplicitBCAgent", num_counter_examples=8),
    # With these, every action lies within the bounds of the data.
    **training.bound("sequence_coding", counter_examples="uniform", components=None),
}


def _blocks(section: str) -> list[str]:
    """Returns the indented blocks of a section of the document."""
    text = _DOCUMENT.read_text().split(f"\n## {section}\n")[1].split("\n## ")[0]
    return [
        textwrap.dedent(block)
        for block in re.findall(r"(?:^(?: {4}.*|)\n)+", text, re.M)
        if block.strip()
    ]


@pytest.fixture(scope="module", name="recorded")
def _recorded(tmp_path_factory):
    """A folder in which two episodes were recorded and converted, and what the commands said."""
    script, converting, *_ = _blocks(_SECTION)
    folder, told = tmp_path_factory.mktemp("two_cameras"), []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        exec(compile(script.replace("EPISODES = 20", "EPISODES = 2"), "two_cameras.py", "exec"), {})
        for command in converting.strip().splitlines()[1:]:
            program, *arguments = shlex.split(command)
            told.append(commands.in_process(program, arguments).output)
    return folder, told


def test_block_pushing_is_recorded_with_two_cameras_and_converted(recorded):
    folder, told = recorded
    assert "push.hdf5: a robomimic HDF5 file, 2 episodes\n  environment: BlockPush-v0" in told[0]
    shard = shard_reader.read_shard(str(folder / _RECORDS))
    shard_reader.check_every_image(shard)
    images = [shard.frames.observation[key] for key in ("front_image", "top_image")]
    assert len(shard.episodes()) == 2 and len(images[0]) == len(images[1]) == len(shard)
    assert shard.frames.observation["effector_translation"].shape == (len(shard), 2)
    assert not np.array_equal(*images)
    # The oracle solves the task, which is rewarded in the last step.
    last_steps = [steps.stop - 2 for steps in shard.episodes()]
    assert (shard.frames.reward[last_steps] > 0).all()


@pytest.mark.slow
def test_a_policy_of_two_cameras_is_trained_and_acts(recorded, monkeypatch):
    folder, _ = recorded
    monkeypatch.chdir(folder)
    _, _, train, act = _blocks(_SECTION)
    given = [f"--gin_bindings={binding}" for binding in training.bindings(_FEW)]
    python, program, *arguments = shlex.split(train.replace("\\\n", ""))
    assert (python, program) == ("python", "ibc/train_eval.py")
    done = commands.in_process("train_eval", [*arguments, *given])
    assert (done.status, done.errors) == (0, [])
    names = {}
    with contextlib.redirect_stdout(io.StringIO()) as said:
        exec(compile(act, "act.py", "exec"), names)
    action = names["action"].numpy()
    assert action.shape == (1, 2) and said.getvalue() == f"{action}\n"
    recorded_actions = shard_reader.read_shard(_RECORDS).frames.action
    low, high = recorded_actions.min(axis=0), recorded_actions.max(axis=0)
    margin = 0.05 * (high - low) + 1e-6
    assert np.all((action >= low - margin) & (action <= high + margin))
