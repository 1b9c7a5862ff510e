"""N steps, a stop and N more are 2N steps, bit for bit; what is not the same run is refused."""

import logging
import pathlib
import shutil

import pytest

from ibc.train import config_files
from ibc.train.loop import schedule
from ibc.train.run import policy_export
from tests import shard_testing, training

bound = training.bound

_PIXELS = config_files.config_root() / "pushing_pixels"
_STATES = config_files.config_root() / "pushing_states"
_PARTICLE = config_files.config_root() / "particle"
_SMALL = {
    **bound("train_eval", batch_size=8, policy_save_interval=0),
    **bound("train_eval", learning_rate_schedule="exponential"),
    **training.SMALL_NETWORKS,
}
_WITH_DFO = bound("ImplicitBCAgent", fraction_dfo_samples=0.5)
_PUBLISHED = {
    **bound("train_eval", optimizer="adamw", gradient_clipping=0.5, use_ema=True),
    **bound("train_eval", learning_rate_schedule="cosine_warmup", warmup_steps=5),
    **bound("get_normalizers", modes="limits"),
}
# Name → config file and further bindings.
_CASES = {
    "states, EBM with DFO": (_PARTICLE / "mlp_ebm_quick.gin", _WITH_DFO),
    "states, EBM with Langevin": (_PARTICLE / "mlp_ebm_langevin_quick.gin", {}),
    "states, Langevin, mixed": (
        _PARTICLE / "mlp_ebm_langevin_quick.gin",
        bound("train_eval", mixed_precision=True)
        | bound("MLPEBM", dense_layer_type="spectral_norm"),
    ),
    "states, MSE in float16": (
        _PARTICLE / "mlp_mse.gin",
        bound("train_eval", mixed_precision="float16"),
    ),
    "states, MSE": (_PARTICLE / "mlp_mse.gin", {}),
    "states, MSE, as published for sequences": (_PARTICLE / "mlp_mse.gin", _PUBLISHED),
    "states, EBM, as published for sequences": (
        _PARTICLE / "mlp_ebm_quick.gin",
        _PUBLISHED | bound("ImplicitBCAgent", positive_noise_std=1e-4),
    ),
    "states, MDN, cosine": (
        _STATES / "mlp_mdn_quick.gin",
        bound("train_eval", learning_rate_schedule="cosine"),
    ),
    "states, autoregressive": (_PARTICLE / "mlp_ebm_autoregressive_quick.gin", {}),
    "images, EBM with DFO": (_PIXELS / "pixel_ebm_best.gin", _WITH_DFO),
    "images, EBM with Langevin": (_PIXELS / "pixel_ebm_langevin.gin", {}),
    "images, MSE": (_PIXELS / "pixel_mse_best.gin", {}),
    "images, MDN": (_PIXELS / "pixel_mdn_best.gin", {}),
}
_FAST = "states, MSE"
_ALWAYS = (_FAST, "states, MSE, as published for sequences")


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> dict[str, str]:
    """Record files of two episodes of noise: of states, of others, and of images."""
    folder = tmp_path_factory.mktemp("data")
    return {
        name: shard_testing.write(
            folder / f"{name}.tfrecord", (12, 9), shard_testing.noise_spec(name == "images"), seed
        )
        for name, seed in (("states", 0), ("others", 1), ("images", 0))
    }


@pytest.fixture(autouse=True)
def no_export(monkeypatch):
    """Leaves out what is slow and has nothing to do with it."""
    monkeypatch.setattr(policy_export.PolicyExporter, "save_models", lambda self: None)


def train(folder: pathlib.Path, name: str, data: str, steps: int, *bindings: str) -> None:
    """Trains to a step, from where the folder's run has stopped."""
    config, more = _CASES[name]
    bound_too = [f"train_eval.num_iterations = {steps}", *bindings]
    given = [*training.bindings({**_SMALL, **more}), *bound_too]
    training.run(config, given, folder, task=(), dataset_path=data)


@pytest.mark.parametrize(
    "name", [c if c in _ALWAYS else pytest.param(c, marks=pytest.mark.slow) for c in _CASES]
)
def test_stopping_and_going_on_changes_nothing(tmp_path, data, name, monkeypatch, report):
    path = data[name.partition(",")[0]]
    pauses = ("train_eval.checkpoint_interval = 7", "train_eval.fused_train_steps = 7")
    train(tmp_path / "whole", name, path, 14, *pauses)
    # What there was after 7 steps, as if the run had been killed then.
    shutil.copytree(tmp_path / "whole", tmp_path / "halves")
    newest = tmp_path / "halves/train/checkpoints/checkpoint"
    newest.write_text('model_checkpoint_path: "ckpt-7"\n')
    middle = training.numbers(tmp_path / "halves")
    # Calls of the compiled loop of another length change nothing either.
    monkeypatch.setattr(schedule.Pace, "steps", lambda self, most: min(3, most))
    train(tmp_path / "halves", name, path, 14, *pauses)
    whole = training.numbers(tmp_path / "whole")
    differing = training.differing(whole, training.numbers(tmp_path / "halves"))
    moved = training.differing(whole, middle)
    count = sum(value.size for value in whole.values())
    report(
        f"{name:28} {len(whole):3} variables, {count:6} numbers: {len(moved)} moved after the "
        f"stop, {len(differing)} differ from those of an unbroken run"
    )
    assert not differing and len(moved) > 5


def test_what_decides_the_result_may_not_change(tmp_path, data):
    path = data["states"]
    train(tmp_path / "run", _FAST, path, 2)
    for arguments, message in (
        ((path, 4, "train_eval.batch_size = 4"), "train_eval.batch_size was 8, now 4"),
        ((path, 4, "MLPMSE.rate = 0.2"), r"MLPMSE.rate was 0.1, now 0.2"),
        ((path, 4, "train_eval.seed = 1"), "seed was 0, now 1"),
        (
            (data["others"], 4),
            r"data was '23 windows with checksum \w+', now '23 windows with checksum",
        ),
    ):
        with pytest.raises(ValueError, match=message) as error:
            train(tmp_path / "run", _FAST, *arguments)
        assert "Continue it with the same ones, or give this run its own" in str(error.value)


def test_a_default_value_that_is_bound_or_no_longer_bound_is_no_change(tmp_path, data, caplog):
    train(tmp_path / "run", _FAST, data["states"], 2, "train_eval.mixed_precision = False")
    bound = ("train_eval.flatten_action = True", "RATE = 0.1", "MLPMSE.rate = %RATE")
    train(tmp_path / "run", _FAST, data["states"], 4, *bound)
    assert "goes on with other parameters: train_eval.num_iterations was 2, now 4." in caplog.text
    with pytest.raises(ValueError, match=r"mixed_precision was not set, now True\)"):
        train(tmp_path / "run", _FAST, data["states"], 6, "train_eval.mixed_precision = True")


def test_what_does_not_may(tmp_path, data, caplog):
    train(tmp_path / "run", _FAST, data["states"], 2)
    moved = str(tmp_path / "moved.tfrecord")
    for suffix in ("", ".spec", ".manifest.json"):
        pathlib.Path(moved + suffix).write_bytes(pathlib.Path(data["states"] + suffix).read_bytes())
    with caplog.at_level(logging.INFO, logger="absl"):
        bound = ("train_eval.eval_episodes = 9", "train_eval.replay_capacity = 5")
        train(tmp_path / "run", _FAST, moved, 4, *bound)
    assert "Going on from the checkpoint at step 2 of 4." in caplog.text
    assert "goes on with other parameters: train_eval.eval_episodes was 20, now 9; " in caplog.text
