"""Runs that average weights, keep the best checkpoints and measure more, with and without stops."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

from ibc.train import experiment_test, run_config
from ibc.train.loop import training_loop
from ibc.train.run import policy_export

AVERAGED = ("train_eval.use_ema = True", "train_eval.ema_power = 0.5")
BEST = (
    "train_eval.num_iterations = 12",
    "train_eval.eval_interval = 2",
    "train_eval.checkpoint_interval = 6",
    "train_eval.fused_train_steps = 3",
    "train_eval.policy_save_interval = 0",
    "train_eval.top_k_checkpoints = 2",
    "train_eval.learning_rate = 0.01",
)


def _exported(folder) -> list[np.ndarray]:
    policy = tf.saved_model.load(str(folder / "policies" / "policy"))
    return [v.numpy() for v in policy.model_variables if v.dtype == tf.float32]


def _in_checkpoint(folder, prefix) -> set[bytes]:
    newest = tf.train.latest_checkpoint(str(folder / "train" / "checkpoints"))
    names = [name for name, _ in tf.train.list_variables(newest) if name.startswith(prefix)]
    return {tf.train.load_variable(newest, name).tobytes() for name in names}


def test_the_average_is_exported_and_training_does_not_notice(tmp_path, particle_data):
    for name, more in (("plain", ()), ("averaged", AVERAGED)):
        steps = "train_eval.num_iterations = 8"
        experiment_test.run(tmp_path / name, particle_data, steps, *more, skip_eval=True)
    trained = [
        _in_checkpoint(tmp_path / name, "agent/_cloning_network") for name in ("plain", "averaged")
    ]
    assert trained[0] == trained[1]
    averages = _in_checkpoint(tmp_path / "averaged", "agent/weight_average/agent/_cloning_network")
    assert len(averages) == 8 and not averages & trained[0]
    exported = {value.tobytes() for value in _exported(tmp_path / "averaged")}
    assert exported == averages
    assert {value.tobytes() for value in _exported(tmp_path / "plain")} <= trained[0]


@pytest.fixture
def no_models(monkeypatch):
    """Leaves out what is slow and has nothing to do with it."""
    monkeypatch.setattr(policy_export.PolicyExporter, "save_models", lambda self: None)


def _run(folder, data, *bindings, **arguments):
    return experiment_test.run(folder, data, *BEST, *bindings, **arguments)


def _names(folder) -> list[str]:
    return sorted(path.name for path in (folder / "policies" / "top_k").glob("*.ckpt"))


def _half(folder, target):
    """Copies what there was after 6 steps, as if the run had been killed before the next save."""
    shutil.copytree(folder, target)
    (target / "train/checkpoints/checkpoint").write_text('model_checkpoint_path: "ckpt-6"\n')


def test_the_best_by_an_evaluations_metric_survive_a_stop(tmp_path, particle_data, no_models):
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    bound = "train_eval.top_k_metric = 'AverageReturn'"
    _run(whole, particle_data, bound, *AVERAGED)
    kept = _names(whole)
    assert 1 <= len(kept) <= 2 and all("-AverageReturn=" in name for name in kept)
    for name in kept:
        # As an exported policy takes them.
        assert (whole / "policies/top_k" / name / "variables/variables.index").exists()
    _half(whole, halves)
    _run(halves, particle_data, bound, *AVERAGED)
    assert _names(halves) == kept
    lists = [(folder / "policies/top_k/top_k.json").read_text() for folder in (whole, halves)]
    assert lists[0] == lists[1]


@pytest.mark.parametrize("metric", ["val_loss", "train_action_mse_error"])
def test_the_best_by_what_is_measured_in_training(
    tmp_path, particle_data, no_models, metric, monkeypatch
):
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    on_all, make = [], training_loop.validation_loss
    monkeypatch.setattr(
        training_loop, "validation_loss", lambda *given: on_all.append(given[-1]) or make(*given)
    )
    bound = (
        f"train_eval.top_k_metric = '{metric}'",
        "train_eval.top_k_mode = 'min'",
        "train_eval.train_action_mse_interval = 4",
        "train_eval.dataset_eval_fraction = 0.5",
        "train_eval.eval_loss_interval = 4",
    )
    _run(whole, particle_data, *bound, skip_eval=True)
    assert 1 <= len(_names(whole)) <= 2
    assert {"train_action_mse_error", "Eval_Losses/ebm_total_loss"} <= experiment_test.scalar_tags(
        whole / "train"
    )
    _half(whole, halves)
    _run(halves, particle_data, *bound, skip_eval=True)
    assert _names(halves) == _names(whole)
    # Losses that are compared are of the same windows.
    assert on_all == [metric == "val_loss"] * 2


def test_a_metric_that_evaluations_do_not_give_is_named(tmp_path, particle_data, no_models):
    with pytest.raises(ValueError, match=r"'Average', but what is measured is Average.*AverageRet"):
        _run(tmp_path, particle_data, "train_eval.top_k_metric = 'Average'")
    with pytest.raises(ValueError, match=r"no validation data: set train_eval.validation_ratio"):
        _run(tmp_path / "b", particle_data, "train_eval.top_k_metric = 'val_loss'", skip_eval=True)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"top_k_mode": "best"}, "top_k_mode is 'best'; choose one of max, min"),
        ({"top_k_metric": "a/b"}, "top_k_metric is 'a/b', but must be the name of a metric"),
        (
            {"top_k_metric": "train_action_mse_error"},
            "never measured with train_eval.train_action_mse_interval = 0",
        ),
        ({"top_k_metric": "AverageReturn", "skip_eval": True}, "with --skip_eval there are only"),
        ({"top_k_checkpoints": 0}, "top_k_checkpoints must be a whole number of at least 1"),
        ({"optimizer": "sgd"}, "optimizer is 'sgd'; choose one of adam, adamw"),
        ({"gradient_clipping": 0.0}, "gradient_clipping must be a positive number"),
        ({"warmup_steps": -1}, "warmup_steps must be a whole number of at least 0"),
        ({"ema_power": 0.0}, "ema_power must be a positive number"),
        ({"ema_max_decay": 1.0}, "ema_max_decay must be below 1, got 1.0"),
        ({"train_action_mse_interval": -1}, "train_action_mse_interval must be a whole number"),
    ],
)
def test_what_cannot_be_used_is_one_clear_error(given, message):
    with pytest.raises(ValueError, match=message):
        run_config.RunConfig(task="PARTICLE", **given)
