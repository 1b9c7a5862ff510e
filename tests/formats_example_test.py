"""The example of docs/formats.md, run as a reader would."""

import pathlib
import re
import shlex
import textwrap

import numpy as np
import pytest

from ibc.data import ibc_data
from ibc.data.records import shard_reader

pytest.importorskip("h5py")
_DOCUMENT = pathlib.Path(__file__).parent.parent / "docs" / "formats.md"
_SECTION = "A file of one's own: block pushing with two cameras"


def _blocks(section: str) -> list[str]:
    """Returns the indented blocks of a section of the document."""
    text = _DOCUMENT.read_text().split(f"\n## {section}\n")[1].split("\n## ")[0]
    return [
        textwrap.dedent(block)
        for block in re.findall(r"(?:^(?: {4}.*|)\n)+", text, re.M)
        if block.strip()
    ]


def test_block_pushing_is_recorded_with_two_cameras_and_converted(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    script, commands = _blocks(_SECTION)
    exec(compile(script.replace("EPISODES = 20", "EPISODES = 2"), "two_cameras.py", "exec"), {})
    _, *converting = commands.strip().splitlines()
    for command in converting:
        program, *arguments = shlex.split(command)
        assert program == "ibc-data"
        ibc_data.main(arguments)
    told = capsys.readouterr().out
    assert "push.hdf5: a robomimic HDF5 file, 2 episodes\n  environment: BlockPush-v0" in told
    shard = shard_reader.read_shard(converting[-1].split()[-1])
    shard_reader.check_every_image(shard)
    images = [shard.frames.observation[key] for key in ("front_image", "top_image")]
    assert len(shard.episodes()) == 2 and len(images[0]) == len(images[1]) == len(shard)
    assert shard.frames.observation["effector_translation"].shape == (len(shard), 2)
    assert not np.array_equal(*images)
    # The oracle solves the task, which is rewarded in the last step.
    last_steps = [steps.stop - 2 for steps in shard.episodes()]
    assert (shard.frames.reward[last_steps] > 0).all()
