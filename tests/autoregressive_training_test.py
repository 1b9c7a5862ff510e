"""Autoregressive energies, from bindings to exported policies."""

import gin
import numpy as np
import tensorflow as tf

from ibc.eval import measured_environment
from ibc.train import config_files, experiment, run_config

_BINDINGS = """
    train_eval.loss_type = 'autoregressive'
    train_eval.network = 'AutoregressiveEBM'
    train_eval.num_iterations = 3
    train_eval.batch_size = 32
    train_eval.eval_interval = 0
    train_eval.eval_episodes = 2
    train_eval.num_envs = 2
    MLPEBM.width = 16
    AutoregressiveBCAgent.num_counter_examples = 4
    IbcPolicy.num_action_samples = 32
    autoregressive_dfo.num_iterations = 2
"""


def test_bindings_train_evaluate_and_export(tmp_path, particle_data):
    bindings = [line.strip() for line in _BINDINGS.split("\n") if line.strip()]
    config_files.configure(["PARTICLE"], ["mlp_ebm_quick.gin"], bindings)
    results = experiment.run(
        run_config.RunConfig(task=["PARTICLE"], root_dir=str(tmp_path), dataset_path=particle_data)
    )
    assert results["PARTICLE"]["AverageEpisodeLength"] == 50
    assert gin.query_parameter("train_eval.sequence_length") == 4
    batch = tf.nest.map_structure(
        lambda value: value[None], measured_environment.load("PARTICLE", 4).reset()
    )
    policy = tf.saved_model.load(str(tmp_path / "policies" / "greedy_policy"))
    action = policy.action(batch, ()).action.numpy()
    assert action.shape == (1, 2) and np.all((action >= 0) & (action <= 1))
