"""The mixture density baseline, from its config file to its exported policies."""

import numpy as np
import pytest
import tensorflow as tf

from ibc.eval import measured_environment
from ibc.train import config_files, experiment, run_config

_CONFIG = config_files.config_root() / "pushing_states" / "mlp_mdn_best.gin"


@pytest.fixture(scope="module")
def finished(tmp_path_factory, particle_data):
    """A run of a few steps on the particle task; returns its folder and results."""
    folder = tmp_path_factory.mktemp("mdn")
    bindings = (
        "train_eval.num_iterations = 5",
        "train_eval.batch_size = 64",
        "train_eval.eval_episodes = 2",
        "train_eval.dataset_eval_fraction = 0.5",
        "train_eval.eval_loss_interval = 5",
        "MLPMDN.width = 16",
    )
    config_files.configure(["PARTICLE"], [str(_CONFIG)], bindings)
    results = experiment.run(
        run_config.RunConfig(task=["PARTICLE"], root_dir=str(folder), dataset_path=particle_data)
    )
    return folder, results


def test_config_trains_and_evaluates(finished):
    folder, results = finished
    assert results["PARTICLE"]["AverageEpisodeLength"] == 50
    config = (folder / "operative-gin-config.txt").read_text()
    assert "MLPMDN.num_components = 26" in config and "train_eval.loss_type = 'mdn'" in config


def test_exported_policies(finished):
    folder, _ = finished
    time_step = measured_environment.load("PARTICLE", 2).reset()
    batch = tf.nest.map_structure(lambda x: tf.repeat(x[None], 8, axis=0), time_step)
    for name in ("policy", "greedy_policy", "collect_policy"):
        policy = tf.saved_model.load(str(folder / "policies" / name))
        actions = policy.action(batch, ()).action.numpy()
        assert np.all((actions >= 0) & (actions <= 1))
        # Equal observations, but as many draws as rows.
        assert len(np.unique(actions, axis=0)) > 1
