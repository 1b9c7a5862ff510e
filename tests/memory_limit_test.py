"""`train_eval.memory_limit_mb`: memory stays within it, and nothing else changes."""

import logging
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from tf_agents.specs import tensor_spec

from ibc.data.records import specs
from ibc.train import config_files, experiment, run_config
from ibc.train.run import memory, policy_export
from tests import shard_testing

_LIMIT_MB = 50
_BATCHES = 40
_SPECS = {
    # A record of 4 kB, one of 9 kB.
    "states": shard_testing.frame_spec({"sensors": tf.TensorSpec([1000], tf.float32)}),
    "images": shard_testing.frame_spec({"rgb": tf.TensorSpec([96, 128, 3], tf.uint8)}),
}
_BATCH_SIZES = {"states": 256, "images": 32}
_MEASURED = f"""
import itertools, sys
import ibc
from ibc.train.build import training_data
from ibc.train.run import memory
path, batch_size, scratch = sys.argv[1], int(sys.argv[2]), sys.argv[3]
data = training_data.get_data(path, 2, {{}}, memory_limit_mb={_LIMIT_MB}, scratch_folder=scratch)
data.train.fingerprint()
for batch in itertools.islice(data.train.as_tf_dataset(batch_size), {_BATCHES}):
    pass
print(data.train.is_streamed, data.train.num_windows, memory.peak_mb())
"""


def _many_times(path: str, folder, times: int) -> str:
    """Writes a record file that has another one's records many times, and returns its path."""
    repeated = str(folder / "repeated.tfrecord")
    shutil.copyfile(path + specs.SPEC_SUFFIX, repeated + specs.SPEC_SUFFIX)
    with open(path, "rb") as file:
        records = file.read()
    with open(repeated, "wb") as file:
        for _ in range(times):
            file.write(records)
    return repeated


def _measure(path: str, batch_size: int, folder) -> tuple[bool, int, float]:
    """Returns whether data is streamed, its windows, and the peak memory of a process in MB."""
    command = [sys.executable, "-c", _MEASURED, path, str(batch_size), str(folder)]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return found[-3] == "True", int(found[-2]), float(found[-1])


@pytest.mark.slow
@pytest.mark.parametrize("kind", _SPECS)
def test_memory_stays_within_the_limit_however_much_data_there_is(tmp_path, kind, report):
    one = shard_testing.write(tmp_path / "one.tfrecord", [49] * 8, _SPECS[kind])
    size = os.path.getsize(one)
    many = _many_times(one, tmp_path, 200_000_000 // size)
    assert os.path.getsize(many) > 190_000_000
    is_streamed, few, before = _measure(one, _BATCH_SIZES[kind], tmp_path)
    assert not is_streamed and few == 400
    is_streamed, windows, peak = _measure(many, _BATCH_SIZES[kind], tmp_path)
    report(
        f"{kind}: {os.path.getsize(many) / 1e6:.0f} MB of records under a limit of {_LIMIT_MB} MB: "
        f"peak {peak:.0f} MB, {peak - before:.0f} MB more than with {size / 1e6:.1f} MB of records"
    )
    assert is_streamed and windows == few * (200_000_000 // size)
    assert peak - before < _LIMIT_MB


_STATE = {"position": tf.TensorSpec([3], tf.float32)}
# Observation, config and limit: less than six times the record files, more than two batches.
_TRAININGS = {
    "states": (_STATE, "pushing_states/mlp_mse.gin", 0.01),
    "images": (
        {**_STATE, "rgb": tf.TensorSpec([24, 32, 3], tf.uint8)},
        "pushing_pixels/pixel_mse_best.gin",
        0.3,
    ),
}
_SMALL = (
    "train_eval.batch_size = 4",
    "train_eval.num_iterations = 6",
    "train_eval.eval_loss_interval = 3",
    "train_eval.dataset_eval_fraction = 0.5",
    "get_normalizers.nested_obs = True",
    "MLPMSE.width = 16",
    "ConvMLPMSE.width = 16",
    "ConvMLPMSE.target_height = 16",
    "ConvMLPMSE.target_width = 16",
)


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Returns a function that writes two record files of a kind and returns their glob."""
    monkeypatch.setattr(policy_export.PolicyExporter, "save_models", lambda self: None)
    action = tensor_spec.BoundedTensorSpec([2], tf.float32, -9.0, 9.0)

    def written(kind: str) -> str:
        spec = shard_testing.frame_spec(_TRAININGS[kind][0], action)
        for i in range(2):
            shard_testing.write(tmp_path / f"{i}.tfrecord", (30, 20), spec, seed=i)
        return f"{tmp_path}/*.tfrecord"

    return written


def _train(folder, data: str, kind: str, *bindings: str) -> dict[str, np.ndarray]:
    """Trains a few steps; returns the numbers of the checkpoint."""
    import gin

    gin.clear_config()
    config = str(config_files.config_root() / _TRAININGS[kind][1])
    config_files.configure([], [config], [*_SMALL, *bindings])
    experiment.run(run_config.RunConfig(root_dir=str(folder), dataset_path=data, skip_eval=True))
    newest = tf.train.latest_checkpoint(str(folder / "train" / "checkpoints"))
    names = [name for name, _ in tf.train.list_variables(newest)]
    values = {name: np.asarray(tf.train.load_variable(newest, name)) for name in names}
    return {name: value for name, value in values.items() if value.dtype.kind in "fi"}


@pytest.mark.parametrize("kind", _TRAININGS)
def test_training_within_a_limit_gives_the_same_weights(tmp_path, write, kind, caplog):
    data = write(kind)
    expected = _train(tmp_path / "held", data, kind)
    limit = f"train_eval.memory_limit_mb = {_TRAININGS[kind][2]}"
    with caplog.at_level(logging.INFO, logger="absl"):
        found = _train(tmp_path / "streamed", data, kind, limit)
    assert "52 and 52 windows for training and validation of 2 record file(s)" in caplog.text
    assert "MB, streamed from disk, which takes 0.0 MB; this process: " in caplog.text
    assert "Peak memory of this process: " in caplog.text
    assert found.keys() == expected.keys() and len(found) > 10
    assert not [name for name in found if found[name].tobytes() != expected[name].tobytes()]
    assert not [name for name in os.listdir(tmp_path / "streamed") if "tmp" in name]


@pytest.mark.parametrize(
    "limit, message",
    [
        ("0", "train_eval.memory_limit_mb must be a positive number, got 0"),
        ("-1.5", "train_eval.memory_limit_mb must be a positive number, got -1.5"),
        ("'much'", "memory_limit_mb must be a"),
        ("0.0001", r"memory_limit_mb is 0.0001, but .*0.tfrecord needs 1: .*batch_size"),
    ],
)
def test_a_wrong_limit_is_one_clear_error(tmp_path, write, limit, message):
    with pytest.raises(ValueError, match=message):
        _train(tmp_path / "run", write("states"), "states", f"train_eval.memory_limit_mb = {limit}")


def test_the_peak_is_not_below_what_is_resident():
    assert 50 < memory.resident_mb() <= memory.peak_mb() < 1e5
