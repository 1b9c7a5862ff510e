"""Recordings in any format are told of, converted and trained on, and the policy acts."""

import numpy as np
import pytest
import tensorflow as tf

import ibc
from ibc.data.formats import convert
from tests import commands, own_data_testing, training

pytest.importorskip("h5py", reason="HDF5 files need h5py")
pytest.importorskip("pyarrow", reason="LeRobot's folders need pyarrow")
pytest.importorskip("av", reason="LeRobot's videos need av")
pytest.importorskip("zarr", reason="replay buffers need the package zarr")
from tests import convert_testing

_ENDS = (True, False, True)
_WITH_PICTURES = "lerobot 3.0"


def _d4rl(folder, recorded):
    episodes = own_data_testing.in_hdf5(recorded, ["joints"])
    for episode in episodes:
        episode["observations"] = episode["observations"]["joints"]
    return convert_testing.write_d4rl(folder / "d4rl.hdf5", episodes, _ENDS)


def _minari(folder, recorded):
    episodes = own_data_testing.in_hdf5(recorded, ["joints", "gripper"])
    return convert_testing.write_minari(folder / "minari", episodes, _ENDS)


def _robomimic(folder, recorded):
    episodes = own_data_testing.in_hdf5(recorded, ["joints", "gripper"])
    return convert_testing.write_robomimic(folder / "robomimic.hdf5", episodes, _ENDS)


def _push_t(folder, recorded):
    """Writes a zarr as Diffusion Policy publishes it of Push-T, in pixels."""
    turned = [
        {
            "state": 200 + 9 * np.tile(episode["joints"], 3)[:, :5],
            "action": 200 + 9 * episode["action"][:, :2],
        }
        for episode in recorded
    ]
    return own_data_testing.replay_buffer(folder, turned)


_FORMATS = {
    "D4RL": _d4rl,
    "Minari in HDF5": _minari,
    "Minari in Arrow": own_data_testing.minari_arrow,
    "robomimic": _robomimic,
    "Push-T": _push_t,
    **own_data_testing.ARRAYS,
}
del _FORMATS["lerobot 3.0 with images"]  # Its pictures, as others', are compared in npz_test.
_SMALL = {
    **training.SMALL_NETWORKS,
    **training.bound("train_eval", num_iterations=200, batch_size=16, sequence_length=2),
}
_SMALL_HYBRID = {
    **training.bound("train_eval", network="HybridMSE", batch_size=4, sequence_length=1),
    **training.bound("HybridMSE", width=16, depth=1),
    **training.bound("HybridEncoder", trunk="SmallTrunk", crop_shape=(14, 20)),
}


def _in_process(*arguments):
    done = commands.in_process("ibc-data", arguments)
    assert (done.status, done.errors) == (0, []), done
    return done.output


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name == "npz" else pytest.mark.slow) for name in _FORMATS],
)
def test_a_recording_becomes_a_policy(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    recorded = own_data_testing.episodes((30, 25, 40))
    if name != _WITH_PICTURES:
        recorded = [{k: v for k, v in episode.items() if k != "front"} for episode in recorded]
    path = _FORMATS[name](tmp_path, recorded)
    assert ", 3 episodes" in _in_process("info", path)
    assert "Converted 3 of 3 episodes" in _in_process("convert", path, "mine.tfrecord")
    given = {**_SMALL, **(_SMALL_HYBRID if name == _WITH_PICTURES else {})}
    training.run(
        "mlp_mse_quick.gin",
        training.bindings(given),
        "run",
        task=(),
        dataset_path="mine.tfrecord",
    )
    frames = convert.open_source(path).frames(1)
    policy = ibc.load_policy("run")
    policy.reset()
    action = policy(tf.nest.map_structure(lambda rows: rows[0], frames.observation))
    assert action.shape == frames.action.shape[1:] and np.isfinite(action).all()
