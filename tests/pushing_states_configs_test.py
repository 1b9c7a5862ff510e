"""The block pushing configs for state observations hold the published values."""

import gin
import pytest

from ibc.environments import tasks
from ibc.train import config_files
from ibc.train.build import build_agent
from ibc.utils import gin_config

_FOLDER = config_files.config_root() / "pushing_states"

_COMMON = {
    "train_eval.batch_size": 512,
    "train_eval.sequence_length": 2,
    "train_eval.dataset_eval_fraction": 0.0,
    "train_eval.goal_tolerance": 0.02,
    "train_eval.uniform_boundary_buffer": 0.05,
    "train_eval.decay_steps": 100,
    "get_normalizers.nested_obs": True,
    "ResNetLayer.normalizer": None,
}
_EBM = {
    "train_eval.loss_type": "ebm",
    "train_eval.network": "MLPEBM",
    "train_eval.replay_capacity": 10000,
    "train_eval.learning_rate": 1e-3,
    "get_normalizers.num_samples": 5000,
    "compute_dataset_statistics.min_max_actions": True,
    "MLPEBM.layers": "ResNetPreActivation",
    "MLPEBM.width": 128,
    "MLPEBM.rate": 0.0,
}
_DFO = {
    **_EBM,
    "ImplicitBCAgent.num_counter_examples": 256,
    "ImplicitBCAgent.fraction_langevin_samples": 0.0,
    "ImplicitBCAgent.add_grad_penalty": False,
    "ImplicitBCAgent.compute_mse": True,
    "IbcPolicy.num_action_samples": 16384,
    "IbcPolicy.use_dfo": True,
    "IbcPolicy.use_langevin": False,
}
_PUBLISHED = {
    "mlp_ebm": {**_DFO, "MLPEBM.depth": 16},
    "mlp_ebm_best": {**_DFO, "MLPEBM.depth": 8},
    "mlp_ebm_langevin": {
        **_EBM,
        "MLPEBM.depth": 16,
        "MLPEBM.dense_layer_type": "regular",
        "ImplicitBCAgent.num_counter_examples": 8,
        "ImplicitBCAgent.run_full_chain_under_gradient": True,
        "ImplicitBCAgent.add_grad_penalty": True,
        "grad_penalty.grad_margin": 1.0,
        "grad_penalty.only_apply_final_grad_penalty": True,
        "langevin_actions_given_obs.num_iterations": 100,
        "IbcPolicy.num_action_samples": 512,
        "IbcPolicy.optimize_again": True,
        "IbcPolicy.use_dfo": False,
        "IbcPolicy.use_langevin": True,
    },
    "mlp_mse": {
        "train_eval.loss_type": "mse",
        "train_eval.network": "MLPMSE",
        "train_eval.learning_rate": 1e-3,
        "MLPMSE.width": 128,
        "MLPMSE.depth": 16,
        "MLPMSE.rate": 0.1,
    },
    "mlp_mse_best": {
        "train_eval.loss_type": "mse",
        "train_eval.network": "MLPMSE",
        "train_eval.learning_rate": 5e-4,
        "MLPMSE.width": 1024,
        "MLPMSE.depth": 8,
        "MLPMSE.rate": 0.1,
    },
    "mlp_mdn_best": {
        "train_eval.loss_type": "mdn",
        "train_eval.network": "MLPMDN",
        "train_eval.learning_rate": 1e-3,
        "MLPMDN.width": 512,
        "MLPMDN.depth": 8,
        "MLPMDN.rate": 0.1,
        "MLPMDN.num_components": 26,
        "MLPMDN.training_temperature": 1.0,
        "MLPMDN.test_temperature": 1.0,
        "MLPMDN.test_variance_exponent": 1.0,
    },
}
# File -> steps, and the episodes of each evaluation, every 5,000 steps.
_LENGTHS = {
    "mlp_ebm": (50000, 20),
    "mlp_ebm_best": (100000, 100),
    "mlp_ebm_langevin": (100000, 20),
    "mlp_mse": (50000, 20),
    "mlp_mse_best": (100000, 100),
    "mlp_mdn_best": (100000, 100),
}


def _configure(name):
    # The files bind nothing of the simulator, so they are read where it is not installed.
    config_files.configure(["PARTICLE"], [str(_FOLDER / f"{name}.gin")], [])


@pytest.mark.parametrize("name", _PUBLISHED)
def test_published_values(name):
    _configure(name)
    steps, episodes = _LENGTHS[name]
    lengths = {
        "train_eval.num_iterations": steps,
        "train_eval.eval_interval": 5000,
        "train_eval.eval_episodes": episodes,
    }
    for parameter, value in {**_COMMON, **lengths, **_PUBLISHED[name]}.items():
        assert gin.query_parameter(parameter) == value, parameter


@pytest.mark.parametrize("name", sorted(path.stem for path in _FOLDER.glob("*.gin")))
def test_network_fits_the_loss(name):
    _configure(name)
    loss_type = gin.query_parameter("train_eval.loss_type")
    build_agent.check_names(loss_type, gin.query_parameter("train_eval.network"))


def test_quick_baselines_take_the_implicit_policys_steps():
    values = []
    for name in ("mlp_ebm_quick", "mlp_mse_quick", "mlp_mdn_quick"):
        gin.clear_config()
        _configure(name)
        shared = "batch_size num_iterations learning_rate learning_rate_schedule sequence_length"
        values.append([gin.query_parameter(f"train_eval.{key}") for key in shared.split()])
    assert values[0] == values[1] == values[2] == [512, 8000, 2e-3, "cosine", 2]


@pytest.mark.parametrize("name", [*_PUBLISHED, "mlp_ebm_quick.gin"])
def test_bare_names_mean_these_files_for_block_pushing(name):
    folders = [config_files.config_root() / f for f in tasks.get_task("PUSH").config_families]
    assert gin_config.find_file(name, folders).parent == _FOLDER
