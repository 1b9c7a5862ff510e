import dataclasses

import pytest

from ibc.train import continuation, run_config


def test_what_decides_no_weight_may_change():
    changing = {field.name for field in dataclasses.fields(run_config.RunConfig)} - {
        "task", "loss_type", "network", "batch_size", "learning_rate", "learning_rate_schedule",
        "decay_steps", "sequence_length", "uniform_boundary_buffer", "for_rnn", "flatten_action",
        "dataset_eval_fraction", "add_time", "seed", "image_obs", "strategy", "max_data_shards",
        "use_warmup", "mixed_precision", "optimizer", "gradient_clipping", "warmup_steps",
        "use_ema", "ema_power", "ema_max_decay", "action_horizon", "latency_steps", "horizon",
        "validation_ratio", "max_train_episodes", "validate_on_others",
    }  # fmt: skip
    found = {name for name in changing if continuation.may_change(f"train_eval.{name}", {})}
    assert found == changing and len(found) == 27
    assert not continuation.may_change("train_eval.batch_size", {})
    assert not continuation.may_change("MLPEBM.depth", {})
    assert continuation.may_change("PushTEnv.first_seed", {})
    assert not continuation.may_change("PushTEnv.observation", {})


@pytest.mark.parametrize(
    ("name", "may_change"),
    [("ImplicitBCAgent.sampler", False), ("my_sampler", False), ("IbcPolicy.sampler", True)],
)
def test_a_sampler_that_is_trained_with_may_not_change(name, may_change):
    for written in ("iterative_dfo", "ibc.samplers.dfo.iterative_dfo", "a/iterative_dfo"):
        stored = {name: f"@{written}()", "ImplicitBCAgent.fraction_dfo_samples": "0.0"}
        assert continuation.may_change("iterative_dfo.num_iterations", stored) == may_change
