"""The configs for D4RL tasks hold the published values."""

import gin
import pytest

from ibc.environments.d4rl import task as d4rl_tasks
from ibc.train import config_files
from ibc.train.build import build_agent
from ibc.utils import gin_config

_FOLDER = config_files.config_root() / "d4rl"

_COMMON = {
    "train_eval.batch_size": 512,
    "train_eval.num_iterations": 100000,
    "train_eval.eval_interval": 5000,
    "train_eval.eval_episodes": 100,
    "train_eval.sequence_length": 1,
    "train_eval.dataset_eval_fraction": 0.0,
    "train_eval.goal_tolerance": 0.02,
    "train_eval.uniform_boundary_buffer": 0.05,
    "get_normalizers.nested_obs": False,
    "ResNetLayer.normalizer": None,
}
_PUBLISHED = {
    "mlp_ebm_langevin_best": {
        "train_eval.loss_type": "ebm",
        "train_eval.network": "MLPEBM",
        "train_eval.learning_rate": 5e-4,
        "compute_dataset_statistics.min_max_actions": True,
        "compute_dataset_statistics.use_sqrt_std": True,
        "MLPEBM.width": 512,
        "MLPEBM.depth": 8,
        "MLPEBM.rate": 0.0,
        "MLPEBM.dense_layer_type": "spectral_norm",
        "ImplicitBCAgent.num_counter_examples": 8,
        "ImplicitBCAgent.run_full_chain_under_gradient": True,
        "langevin_actions_given_obs.num_iterations": 100,
        "langevin_actions_given_obs.sampler_stepsize_init": 0.5,
        "langevin_actions_given_obs.delta_action_clip": 0.5,
        "langevin_actions_given_obs.noise_scale": 0.5,
        "IbcPolicy.num_action_samples": 512,
        "IbcPolicy.optimize_again": True,
        "IbcPolicy.again_stepsize_init": 1e-5,
        "IbcPolicy.inference_langevin_noise_scale": 0.5,
    },
    "mlp_mse_best": {
        "train_eval.loss_type": "mse",
        "train_eval.network": "MLPMSE",
        "train_eval.learning_rate": 1e-3,
        "train_eval.decay_steps": 200,
        "MLPMSE.width": 2048,
        "MLPMSE.depth": 8,
        "MLPMSE.rate": 0.1,
    },
    "mlp_mdn": {
        "train_eval.loss_type": "mdn",
        "train_eval.network": "MLPMDN",
        "train_eval.learning_rate": 1e-4,
        "MLPMDN.width": 128,
        "MLPMDN.depth": 2,
        "MLPMDN.rate": 0.0,
        "MLPMDN.num_components": 26,
        "MLPMDN.training_temperature": 2.5,
        "MLPMDN.test_temperature": 2.5,
    },
}


@pytest.mark.parametrize("name", _PUBLISHED)
def test_published_values(name):
    # The files bind nothing of a simulator, so they are read where none is installed.
    config_files.configure(["PARTICLE"], [str(_FOLDER / f"{name}.gin")], [])
    for parameter, value in {**_COMMON, **_PUBLISHED[name]}.items():
        assert gin.query_parameter(parameter) == value, parameter
    loss_type = gin.query_parameter("train_eval.loss_type")
    build_agent.check_names(loss_type, gin.query_parameter("train_eval.network"))


@pytest.mark.parametrize("name", _PUBLISHED)
def test_bare_names_mean_these_files_for_d4rl_tasks(name):
    for task in d4rl_tasks.TASKS:
        folders = [config_files.config_root() / f for f in task.config_families]
        assert gin_config.find_file(name, folders).parent == _FOLDER
