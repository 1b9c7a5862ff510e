"""Tests of what is told of recordings in other formats, and of the values of steps."""

import numpy as np
import pytest

from ibc.data import ibc_data
from ibc.data.records import shard_reader
from tests import shard_testing

convert_testing = pytest.importorskip("tests.convert_testing")


def _told(capsys, *arguments) -> list[str]:
    ibc_data.main(["info", *arguments])
    return [line.strip() for line in capsys.readouterr().out.splitlines()]


def _values(lines, name) -> dict[str, np.ndarray]:
    """Returns the statistics below the line that begins with a name."""
    (at,) = [number for number, line in enumerate(lines) if line.split(":")[0] == name]
    rows = [line.split() for line in lines[at + 1 : at + 5]]
    return {title: np.array(numbers, float) for title, *numbers in rows}


def _assert_statistics(lines, name, values):
    found = _values(lines, name)
    assert list(found) == ["min", "max", "mean", "std"]
    for title, numbers in found.items():
        expected = getattr(np, title)(np.float64(values), axis=0)
        np.testing.assert_allclose(numbers, expected, rtol=1e-4, atol=1e-4, err_msg=title)


def test_a_robomimic_file_is_described(tmp_path, capsys):
    random = np.random.RandomState(0)
    episodes = [convert_testing.episode(n, 3, 7, n) for n in (4, 3, 5)]
    for episode in episodes:
        length = len(episode["actions"]) + 1
        image = random.randint(0, 256, (length, 8, 12, 3), np.uint8)
        episode["observations"] = {"object": episode["observations"], "agentview_image": image}
    path = convert_testing.write_robomimic(
        tmp_path / "lift.hdf5",
        episodes,
        (True, True, False),
        numbers=(0, 1, 3),
        masks={"train": ["demo_0", "demo_3"], "valid": ["demo_1"]},
    )
    lines = _told(capsys, path)
    assert lines[:6] == [
        f"{path}: a robomimic HDF5 file, 3 episodes",
        "environment: Lift",
        "masks: train 2, valid 1",
        "Demo numbers have gaps: 3 demos, the last is demo_3.",
        "steps: 12, per episode 3 to 5",
        lines[5],
    ]
    returns = [episode["rewards"].sum() for episode in episodes]
    assert float(lines[5].split()[-1]) == pytest.approx(np.mean(returns), rel=1e-5)
    assert "observation/agentview_image: uint8[8, 12, 3]" in lines
    assert "observation/object: float64[3]" in lines and "action: float64[7]" in lines
    seen = [episode["observations"] for episode in episodes]
    for name, values in (
        ("observation/object", np.concatenate([part["object"][:-1] for part in seen])),
        ("action", np.concatenate([episode["actions"] for episode in episodes])),
        (
            "observation/agentview_image",
            np.concatenate([part["agentview_image"][:-1].reshape(-1, 1) for part in seen]),
        ),
    ):
        _assert_statistics(lines, name, values)


def test_absolute_actions_are_told(tmp_path, capsys):
    path = convert_testing.write_robomimic(
        tmp_path / "a.hdf5",
        [convert_testing.episode(4, 3, 7, 0)],
        [True],
        env_args='{"env_kwargs": {"control_delta": false}}',
    )
    lines = _told(capsys, path)
    assert lines[1:4] == [
        "environment: not named",
        "actions are poses; their rotations are read as 6 numbers",
        "masks: none",
    ]
    assert len(_values(lines, "action")["min"]) == 10


def test_push_t_demonstrations_are_described(tmp_path, capsys):
    state = np.float32(np.random.RandomState(0).uniform(100, 600, (9, 5)))
    np.savez(tmp_path / "a.npz", state=state, action=state[:, 2:4], episode_ends=np.array([3, 9]))
    lines = _told(capsys, str(tmp_path / "a.npz"))
    assert lines[0] == f"{tmp_path}/a.npz: Push-T demonstrations, 2 episodes"
    assert lines[1] == "steps: 9, per episode 3 to 6"
    assert "observation/keypoints: float32[18]" in lines
    _assert_statistics(lines, "observation/agent_pos", state[:, :2])
    _assert_statistics(lines, "observation/block_pose", state[:, 2:])
    _assert_statistics(lines, "action", state[:, 2:4])


def test_values_of_record_files_are_those_of_their_steps(tmp_path, capsys):
    paths = [shard_testing.write(tmp_path / f"a_{i}.tfrecord", (4, 3), seed=i) for i in range(2)]
    lines = _told(capsys, str(tmp_path / "a_*.tfrecord"))
    at = lines.index(
        "Values over all steps, from which normalizers take limits, means and deviations:"
    )
    shards = [shard_reader.read_shard(path).frames for path in paths]
    # The random frames after an episode's last step bring a reward, so they count.
    for name, part in (("observation/position", "position"), ("action", None)):
        values = [s.action if part is None else s.observation[part] for s in shards]
        _assert_statistics(lines[at:], name, np.concatenate(values))


def test_the_joining_frames_of_record_files_do_not_count(tmp_path, capsys):
    state = np.float32(np.random.RandomState(0).uniform(100, 600, (9, 5)))
    np.savez(tmp_path / "a.npz", state=state, action=state[:, 2:4], episode_ends=np.array([3, 9]))
    path = str(tmp_path / "a.tfrecord")
    ibc_data.main(["convert", str(tmp_path / "a.npz"), path])
    lines = _told(capsys, path)
    start = [line for line in lines if line.startswith("Values over all steps")]
    lines = lines[lines.index(start[0]) :]
    _assert_statistics(lines, "observation/agent_pos", state[:, :2])
    _assert_statistics(lines, "action", state[:, 2:4])


def test_pictures_are_of_record_files(tmp_path, capsys):
    path = convert_testing.write_robomimic(
        tmp_path / "a.hdf5", [convert_testing.episode(4, 3, 7, 0)], [True]
    )
    with pytest.raises(SystemExit):
        ibc_data.main(["info", path, f"--picture={tmp_path}/a.png"])
    assert "is of record files: convert" in capsys.readouterr().err
