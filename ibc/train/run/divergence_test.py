"""Trainings that diverge say where and on what, and leave the last good weights."""

import functools
import pathlib
import re

import numpy as np
import pytest
import tensorflow as tf

from ibc.data.windows import dataset
from ibc.train import experiment_test
from tests import commands, training

_CONFIGS = {
    "ebm": "particle/mlp_ebm_quick.gin",
    "mse": "particle/mlp_mse.gin",
    "mdn": "pushing_states/mlp_mdn_quick.gin",
}
_SMALL = (
    "train_eval.batch_size = 64",
    "train_eval.num_iterations = 30",
    "train_eval.fused_train_steps = 4",
    "train_eval.checkpoint_interval = 4",
    "train_eval.policy_save_interval = 0",
    "train_eval.sequence_length = 2",
    "train_eval.learning_rate_schedule = 'exponential'",
    "MLPEBM.width = 16",
    "MLPMSE.width = 16",
    "MLPMDN.width = 16",
)


def diverge(folder: pathlib.Path, data: str, loss_type: str, *bindings: str) -> str:
    """Trains until the loss is not finite; returns the message."""
    run = functools.partial(experiment_test.run, config=_CONFIGS[loss_type], small=_SMALL)
    with pytest.raises(FloatingPointError) as error:
        run(folder, data, *bindings, skip_eval=True)
    message = str(error.value).split("\n  In call to configurable")[0]
    assert "\n" not in message
    return message


def dump(folder: pathlib.Path, message: str) -> dict[str, np.ndarray]:
    """Reads the batch that the message names."""
    (path,) = folder.glob("diverged_batch_*.npz")
    step = int(re.search(r"not finite at training step (\d+)", message)[1])
    assert path.name == f"diverged_batch_{step}.npz" and str(path) in message
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def assert_checkpoint_is_good(folder: pathlib.Path) -> None:
    saved = any((folder / "train").glob("checkpoints/*.index"))
    for name, value in training.numbers(folder).items() if saved else ():
        assert np.all(np.isfinite(value)), name


@pytest.mark.parametrize("loss_type", _CONFIGS)
def test_a_huge_learning_rate_names_step_layer_and_batch(tmp_path, particle_data, loss_type):
    message = diverge(tmp_path, particle_data, loss_type, "train_eval.learning_rate = 1e30")
    assert f"{loss_type}_total_loss" in message and "Lower train_eval.learning_rate" in message
    assert re.search(r"Largest weight: [\d.]+e\+\d+ in [\w/]+:0; largest gradient: ", message)
    assert re.search(r"; largest activation: .+ in [\w/]*dense(_\d+)?\. ", message)
    arrays = dump(tmp_path, message)
    assert arrays["action"].shape == (64, 2) and arrays["observation/pos_agent"].shape == (64, 2, 2)
    assert len(arrays["not_finite_inputs"]) == 0
    expected = np.flatnonzero(~np.isfinite(arrays["loss"]))
    np.testing.assert_array_equal(arrays["not_finite_losses"], expected)
    assert_checkpoint_is_good(tmp_path)


@pytest.mark.parametrize("loss_type", _CONFIGS)
@pytest.mark.parametrize("outlier", [np.nan, 1e38])
def test_an_outlier_is_found_in_its_batch(tmp_path, particle_data, monkeypatch, loss_type, outlier):
    normalized = dataset.WindowDataset.normalized
    frame = 100

    def with_outlier(self, *layers):
        # Shards with values that are not finite are refused, so it is put in behind the reader.
        result = normalized(self, *layers)
        values = result._observation["pos_agent"].numpy()
        values[frame] = outlier
        result._observation = {**result._observation, "pos_agent": tf.constant(values)}
        return result

    monkeypatch.setattr(dataset.WindowDataset, "normalized", with_outlier)
    message = diverge(tmp_path, particle_data, loss_type)
    arrays = dump(tmp_path, message)
    (holds_it,) = np.nonzero((arrays["window"] == frame) | (arrays["window"] == frame + 1))
    assert len(holds_it)
    if np.isfinite(outlier):
        assert len(arrays["not_finite_inputs"]) == 0
        assert arrays["observation/pos_agent"].max() > 1e37
    else:
        np.testing.assert_array_equal(arrays["not_finite_inputs"], holds_it)
        shown = ", ".join(map(str, holds_it))
        assert f"Examples with values that are not finite: {shown} ({len(holds_it)}" in message
    assert set(arrays["not_finite_losses"]) <= set(holds_it)
    assert_checkpoint_is_good(tmp_path)


def test_a_batch_that_cannot_be_written_does_not_hide_the_error(
    tmp_path, particle_data, monkeypatch
):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    message = diverge(tmp_path, particle_data, "mse", "train_eval.learning_rate = 1e30")
    assert "batch could not be written (No space left on device: " in message
    assert not list(tmp_path.rglob("*.npz"))


def test_the_command_has_a_status_for_it(tmp_path, particle_data):
    bindings = (
        *_SMALL,
        f"train_eval.root_dir = '{tmp_path}'",
        f"train_eval.dataset_path = '{particle_data}'",
        "train_eval.learning_rate = 1e30",
    )
    flags = ["--task=PARTICLE", "--skip_eval", f"--gin_file={_CONFIGS['mse']}"]
    flags += [f"--gin_bindings={binding}" for binding in bindings]
    done = commands.python_at_once("-m", "ibc.train_eval", *flags, cwd=tmp_path)
    assert done.returncode == 3
    (line,) = commands.errors_among(done.stderr)
    assert "not finite at training step" in line and "diverged_batch_" in line
