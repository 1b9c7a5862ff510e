"""`train_eval.memory_limit_mb`: memory stays within it, and nothing else changes."""

import logging
import os
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

from ibc.data.records import specs
from ibc.train import config_files
from ibc.train.run import memory, policy_export
from tests import commands, shard_testing, training

_LIMIT_MB = 50
_BYTES = 120_000_000
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
    pathlib.Path(repeated).write_bytes(pathlib.Path(path).read_bytes() * times)
    return repeated


def _measure(path: str, batch_size: int, folder) -> tuple[bool, int, float]:
    """Returns whether data is streamed, its windows, and the peak memory of a process in MB."""
    arguments = (path, str(batch_size), str(folder))
    found = commands.python("-c", _MEASURED, *arguments, check=True).stdout.split()
    return found[-3] == "True", int(found[-2]), float(found[-1])


@pytest.mark.slow
@pytest.mark.parametrize("kind", _SPECS)
def test_memory_stays_within_the_limit_however_much_data_there_is(tmp_path, kind, report):
    one = shard_testing.write(tmp_path / "one.tfrecord", [49] * 8, _SPECS[kind])
    size = os.path.getsize(one)
    many = _many_times(one, tmp_path, _BYTES // size)
    assert os.path.getsize(many) > 0.95 * _BYTES > 2 * _LIMIT_MB * 1e6
    is_streamed, few, before = _measure(one, _BATCH_SIZES[kind], tmp_path)
    assert not is_streamed and few == 400
    is_streamed, windows, peak = _measure(many, _BATCH_SIZES[kind], tmp_path)
    report(
        f"{kind}: {os.path.getsize(many) / 1e6:.0f} MB of records under a limit of {_LIMIT_MB} MB: "
        f"peak {peak:.0f} MB, {peak - before:.0f} MB more than with {size / 1e6:.1f} MB of records"
    )
    assert is_streamed and windows == few * (_BYTES // size)
    assert peak - before < _LIMIT_MB


# Config and limit: less than six times the record files, more than two batches.
_TRAININGS = {
    "states": ("pushing_states/mlp_mse.gin", 0.01),
    "images": ("pushing_pixels/pixel_mse_best.gin", 0.3),
}
_SMALL = {
    **training.bound("train_eval", batch_size=4, num_iterations=6, eval_loss_interval=3),
    **training.bound("train_eval", dataset_eval_fraction=0.5),
    **training.bound("get_normalizers", nested_obs=True),
    **training.SMALL_NETWORKS,
}


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Returns a function that trains on two record files of a kind, within a limit in MB."""
    monkeypatch.setattr(policy_export.PolicyExporter, "save_models", lambda self: None)

    def trained(folder: str, kind: str, limit: str = "None") -> dict[str, np.ndarray]:
        for i in range(2):
            spec = shard_testing.noise_spec(images=kind == "images")
            shard_testing.write(tmp_path / f"{i}.tfrecord", (30, 20), spec, seed=i)
        config = config_files.config_root() / _TRAININGS[kind][0]
        given = [*training.bindings(_SMALL), f"train_eval.memory_limit_mb = {limit}"]
        data = f"{tmp_path}/*.tfrecord"
        training.run(config, given, tmp_path / folder, task=(), dataset_path=data)
        return training.numbers(tmp_path / folder)

    return trained


@pytest.mark.parametrize("kind", _TRAININGS)
def test_training_within_a_limit_gives_the_same_weights(tmp_path, train, kind, caplog):
    expected = train("held", kind)
    with caplog.at_level(logging.INFO, logger="absl"):
        found = train("streamed", kind, str(_TRAININGS[kind][1]))
    assert "52 and 52 windows for training and validation of 2 record file(s)" in caplog.text
    assert "MB, streamed from disk, which takes 0.0 MB; this process: " in caplog.text
    assert "Peak memory of this process: " in caplog.text
    assert not training.differing(found, expected)
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
def test_a_wrong_limit_is_one_clear_error(train, limit, message):
    with pytest.raises(ValueError, match=message):
        train("run", "states", limit)


def test_the_peak_is_not_below_what_is_resident():
    assert 50 < memory.resident_mb() <= memory.peak_mb() < 1e5
