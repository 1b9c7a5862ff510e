"""What a training tells of itself, from the first step to the last evaluation."""

import pytest

from ibc.train import config_files, experiment, run_config
from ibc.train.loop import progress
from tests import training

_FEW = training.bindings(
    {
        **training.bound("train_eval", num_iterations=6, batch_size=16, eval_interval=4),
        **training.bound("train_eval", eval_loss_interval=3, dataset_eval_fraction=0.5),
        **training.bound("train_eval", fused_train_steps=2, eval_episodes=1, num_envs=1),
        **training.SMALL_NETWORKS,
    }
)


def _run(folder, data: str, report: progress.Report):
    config_files.configure(["PARTICLE"], ["mlp_mse_quick.gin"], _FEW)
    config = run_config.RunConfig(task="PARTICLE", root_dir=str(folder), dataset_path=data)
    return experiment.run(config, report)


def test_all_that_is_done_is_told(tmp_path, particle_data):
    told = []
    results = _run(tmp_path, particle_data, told.append)
    assert told[0] == progress.Progress(0, 6)
    assert {one.num_iterations for one in told} == {6}
    losses = {one.step: one.loss for one in told if one.loss is not None}
    # A call is compiled for the first step alone.
    assert list(losses) == [1, 2, 3, 4, 6]
    assert [one.step for one in told if "val_loss" in one.measured] == [3, 6]
    assert [one.step for one in told if one.is_evaluating] == [4, 6]
    assert [(one.step, one.episodes_done) for one in told if one.episodes] == [(4, 1), (6, 1)]
    evaluated = [(one.step, one.averages) for one in told if one.averages]
    assert [step for step, _ in evaluated] == [4, 6] and evaluated[-1][1] == results
    assert told[-1].averages == results


def test_an_error_of_who_is_told_ends_the_training(tmp_path, particle_data):
    def refuse(told: progress.Progress) -> None:
        raise RuntimeError(f"enough after {told.step}")

    with pytest.raises(RuntimeError, match="enough after 0"):
        _run(tmp_path, particle_data, refuse)
