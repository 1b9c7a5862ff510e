"""Config files bind the names that published ones bind, to their values; each that ships parses."""

import inspect

import gin
import pytest

from ibc.environments import robosuite_env, tasks
from ibc.train import config_files
from ibc.train.build import build_agent
from ibc.utils import gin_config
from tests import training

bound = training.bound

_SHIPPED = sorted(config_files.config_root().rglob("*.gin"))
# Those of learning by interaction, and of energies of pairs, have programs and tests of their own.
_ELSEWHERE = ("online", "maze", "motions", "particle_goal", "video")
_FILES = [file for file in _SHIPPED if file.parent.name not in _ELSEWHERE]

_MLP = dict(width=512, depth=2, rate=0.1, layers="MLPDropout")
_CONV = dict(coord_conv=True, target_height=90, target_width=120)
_MIXTURE = dict(
    num_components=1, training_temperature=2.5, test_temperature=2.5, test_variance_exponent=1.0
)
# Every published parameter of what exists, with its published default.
_DEFAULTS = {
    **bound("train_eval", batch_size=512, num_iterations=20000, sequence_length=2, seed=0),
    **bound("train_eval", learning_rate=1e-3, decay_steps=100, use_warmup=False),
    **bound("train_eval", replay_capacity=100000, max_data_shards=-1, dataset_eval_fraction=0.0),
    **bound("train_eval", eval_interval=1000, eval_loss_interval=100, fused_train_steps=100),
    **bound("train_eval", eval_episodes=1, num_envs=1, goal_tolerance=0.02, skip_eval=False),
    **bound("train_eval", viz_img=False, shared_memory_eval=False, image_obs=False, for_rnn=False),
    **bound("train_eval", uniform_boundary_buffer=0.05, flatten_action=True),
    **bound("ImplicitBCAgent", num_counter_examples=256, ebm_loss_type="info_nce"),
    **bound("ImplicitBCAgent", fraction_dfo_samples=0.0, fraction_langevin_samples=1.0),
    **bound("ImplicitBCAgent", run_full_chain_under_gradient=False, return_full_chain=True),
    **bound("ImplicitBCAgent", add_grad_penalty=True, grad_norm_type="inf"),
    **bound("ImplicitBCAgent", late_fusion=False, compute_mse=False, softmax_temperature=1.0),
    **bound("IbcPolicy", num_action_samples=2**14, clip=True, use_dfo=False, use_langevin=True),
    **bound("IbcPolicy", inference_langevin_noise_scale=1.0, optimize_again=False),
    **bound("IbcPolicy", again_stepsize_init=0.1, again_stepsize_final=1e-5, late_fusion=False),
    **bound("iterative_dfo", temperature=1.0, num_iterations=3, iteration_std=0.33),
    **bound("langevin_actions_given_obs", num_iterations=25, noise_scale=1.0, grad_clip=None),
    **bound("langevin_actions_given_obs", sampler_stepsize_init=0.1, sampler_stepsize_decay=0.8),
    **bound("langevin_actions_given_obs", use_polynomial_rate=True, sampler_stepsize_power=2.0),
    **bound("langevin_actions_given_obs", sampler_stepsize_final=1e-5, delta_action_clip=0.1),
    **bound("langevin_actions_given_obs", stop_chain_grad=True, apply_exp=False),
    **bound("langevin_actions_given_obs", return_chain=False, grad_norm_type="inf"),
    **bound("langevin_actions_given_obs", late_fusion=False),
    **bound("grad_penalty", only_apply_final_grad_penalty=True, square_grad_penalty=True),
    **bound("grad_penalty", grad_margin=1.0, grad_loss_weight=1.0),
    **bound("MLPEBM", **_MLP, activation="relu", dense_layer_type="regular"),
    **bound("MLPEBM", kernel_initializer="normal", bias_initializer="normal"),
    **bound("MLPMSE", **_MLP),
    **bound("MLPMDN", **_MLP, **_MIXTURE),
    **bound("PixelEBM", target_height=90, target_width=120),
    **bound("DenseResnetValue", width=512, num_blocks=2),
    **bound("ConvMLPMSE", **_MLP, **_CONV),
    **bound("ConvMLPMDN", **_MLP, **_CONV, **_MIXTURE),
    **bound("ResNetLayer", normalizer=None),
    **bound("get_normalizers", nested_obs=True, nested_actions=False, num_batches=100),
    **bound("compute_dataset_statistics", min_max_actions=False, use_sqrt_std=False),
    **bound("ParticleEnv", n_steps=50, n_dim=2, hide_velocity=False, dt=0.005),
    **bound("ParticleEnv", repeat_actions=10, k_p=10.0, k_v=5.0, goal_distance=0.05),
}
# Theirs are the data's to say; every config file that is published binds them.
_WITHOUT_DEFAULT = {"get_normalizers.nested_obs", "get_normalizers.nested_actions"}

# Of all files but those of the particle task.
_COMMON = {
    **bound("train_eval", dataset_eval_fraction=0.0, goal_tolerance=0.02),
    **bound("train_eval", uniform_boundary_buffer=0.05, eval_interval=5000),
}
_LANGEVIN = {
    **bound("ImplicitBCAgent", num_counter_examples=8, run_full_chain_under_gradient=True),
    **bound("langevin_actions_given_obs", num_iterations=100),
    **bound("IbcPolicy", optimize_again=True),
    **bound("compute_dataset_statistics", min_max_actions=True),
}
_BY_LANGEVIN = bound("IbcPolicy", use_dfo=False, use_langevin=True)
_BY_DFO = {
    **bound("ImplicitBCAgent", num_counter_examples=256, fraction_langevin_samples=0.0),
    **bound("ImplicitBCAgent", add_grad_penalty=False),
    **bound("IbcPolicy", use_dfo=True, use_langevin=False),
}
_D4RL = {
    **_COMMON,
    **bound("train_eval", batch_size=512, num_iterations=100000, eval_episodes=100),
    **bound("train_eval", sequence_length=1),
    **bound("get_normalizers", nested_obs=False),
    **bound("ResNetLayer", normalizer=None),
}
_STATES = {
    **_COMMON,
    **bound("train_eval", batch_size=512, sequence_length=2, decay_steps=100),
    **bound("get_normalizers", nested_obs=True),
    **bound("ResNetLayer", normalizer=None),
}
_STATES_SHORT = {**_STATES, **bound("train_eval", num_iterations=50000, eval_episodes=20)}
_STATES_BEST = {**_STATES, **bound("train_eval", num_iterations=100000, eval_episodes=100)}
_STATES_EBM = {
    **bound("train_eval", loss_type="ebm", network="MLPEBM", learning_rate=1e-3),
    **bound("train_eval", replay_capacity=10000),
    **bound("get_normalizers", num_samples=5000),
    **bound("compute_dataset_statistics", min_max_actions=True),
    **bound("MLPEBM", layers="ResNetPreActivation", width=128, rate=0.0),
}
_STATES_DFO = {
    **_STATES_EBM,
    **_BY_DFO,
    **bound("ImplicitBCAgent", compute_mse=True),
    **bound("IbcPolicy", num_action_samples=16384),
}
_PIXELS = {
    **_COMMON,
    **bound("train_eval", image_obs=True, batch_size=128, num_iterations=100000),
    **bound("train_eval", sequence_length=2, learning_rate=1e-3, eval_episodes=100),
    **bound("get_normalizers", nested_obs=True),
}
_PIXEL_EBM = {
    **_PIXELS,
    **bound("train_eval", loss_type="ebm", network="PixelEBM"),
    **bound("PixelEBM", encoder_network="ConvMaxpoolEncoder", value_network="DenseResnetValue"),
    **bound("PixelEBM", target_height=180, target_width=240),
    **bound("DenseResnetValue", width=1024, num_blocks=1),
    **bound("IbcPolicy", num_action_samples=2048),
}
# Of Diffusion Policy's implicit policies (arXiv 2303.04137).
_SEQUENCES = {
    **bound("train_eval", loss_type="ebm", optimizer="adamw", learning_rate=1e-4, seed=42),
    **bound("train_eval", learning_rate_schedule="cosine_warmup", validation_ratio=0.02),
    **bound("train_eval", sequence_length=2, uniform_boundary_buffer=0.0, eval_episodes=50),
    **bound("ImplicitBCAgent", positive_noise_std=1e-4, fraction_langevin_samples=0.0),
    **bound("IbcPolicy", dfo_variant="andy"),
    **bound("andy_dfo", num_iterations=5),
}
_SINGLE_STEPS = {
    **_SEQUENCES,
    **bound("train_eval", horizon=2, action_horizon=1, warmup_steps=500),
    **bound("ImplicitBCAgent", num_counter_examples=1024),
    **bound("IbcPolicy", num_action_samples=1024),
}
_LOW_DIMENSIONAL = {
    **_SINGLE_STEPS,
    **bound("train_eval", network="MLPEBM", batch_size=256, num_iterations=222500),
    **bound("MLPEBM", width=1024, depth=4, rate=0.1),
}
_HYBRID = {
    **bound("train_eval", network="HybridEBM"),
    **bound("HybridEBM", width=1024, depth=4, rate=0.1),
}
# Config file → published values.
_PUBLISHED = {
    "pusht/ibc_dfo_lowdim": {**_LOW_DIMENSIONAL, **bound("train_eval", max_train_episodes=90)},
    "pusht/ibc_dfo_hybrid": {
        **_SINGLE_STEPS,
        **_HYBRID,
        # 3050 epochs of 89 steps.
        **bound("train_eval", image_obs=True, batch_size=128, num_iterations=271450),
        **bound("train_eval", max_train_episodes=90, validate_on_others=True),
        **bound("HybridEncoder", keys=("image", "agent_pos"), crop_shape=(84, 84)),
    },
    "robomimic/ibc_dfo_lowdim": {
        **_LOW_DIMENSIONAL,
        **bound("sequence_coding", normalizer="robomimic_lowdim", action_normalizer="identity"),
    },
    "robomimic/ibc_dfo_hybrid": {
        **_SEQUENCES,
        **_HYBRID,
        **bound("train_eval", horizon=10, action_horizon=8, warmup_steps=10, batch_size=64),
        **bound("ImplicitBCAgent", num_counter_examples=100),
        **bound("IbcPolicy", num_action_samples=100),
        **bound("HybridEncoder", crop_shape=(76, 76)),
        **bound("sequence_coding", normalizer="robomimic", action_normalizer="identity"),
    },
    "particle/mlp_ebm_langevin_best": {
        **_LANGEVIN,
        **bound("train_eval", batch_size=512, num_iterations=100000, learning_rate=1e-3),
        **bound("train_eval", eval_interval=10000, eval_episodes=50),
        **bound("MLPEBM", width=2048, depth=2, rate=0.0),
        **bound("IbcPolicy", num_action_samples=512, optimize_again=False),
        **bound("get_normalizers", num_samples=5000),
    },
    "d4rl/mlp_ebm_langevin_best": {
        **_D4RL,
        **_LANGEVIN,
        **bound("train_eval", loss_type="ebm", network="MLPEBM", learning_rate=5e-4),
        **bound("compute_dataset_statistics", use_sqrt_std=True),
        **bound("MLPEBM", width=512, depth=8, rate=0.0, dense_layer_type="spectral_norm"),
        **bound("langevin_actions_given_obs", sampler_stepsize_init=0.5, delta_action_clip=0.5),
        **bound("langevin_actions_given_obs", noise_scale=0.5),
        **bound("IbcPolicy", num_action_samples=512, again_stepsize_init=1e-5),
        **bound("IbcPolicy", inference_langevin_noise_scale=0.5),
    },
    "d4rl/mlp_mse_best": {
        **_D4RL,
        **bound("train_eval", loss_type="mse", network="MLPMSE", learning_rate=1e-3),
        **bound("train_eval", decay_steps=200),
        **bound("MLPMSE", width=2048, depth=8, rate=0.1),
    },
    "d4rl/mlp_mdn": {
        **_D4RL,
        **bound("train_eval", loss_type="mdn", network="MLPMDN", learning_rate=1e-4),
        **bound("MLPMDN", width=128, depth=2, rate=0.0, num_components=26),
        **bound("MLPMDN", training_temperature=2.5, test_temperature=2.5),
    },
    "pushing_states/mlp_ebm": {**_STATES_SHORT, **_STATES_DFO, **bound("MLPEBM", depth=16)},
    "pushing_states/mlp_ebm_best": {**_STATES_BEST, **_STATES_DFO, **bound("MLPEBM", depth=8)},
    "pushing_states/mlp_ebm_langevin": {
        **_STATES_BEST,
        **_STATES_EBM,
        **_LANGEVIN,
        **_BY_LANGEVIN,
        **bound("train_eval", eval_episodes=20),
        **bound("MLPEBM", depth=16, dense_layer_type="regular"),
        **bound("ImplicitBCAgent", add_grad_penalty=True),
        **bound("grad_penalty", grad_margin=1.0, only_apply_final_grad_penalty=True),
        **bound("IbcPolicy", num_action_samples=512),
    },
    "pushing_states/mlp_mse": {
        **_STATES_SHORT,
        **bound("train_eval", loss_type="mse", network="MLPMSE", learning_rate=1e-3),
        **bound("MLPMSE", width=128, depth=16, rate=0.1),
    },
    "pushing_states/mlp_mse_best": {
        **_STATES_BEST,
        **bound("train_eval", loss_type="mse", network="MLPMSE", learning_rate=5e-4),
        **bound("MLPMSE", width=1024, depth=8, rate=0.1),
    },
    "pushing_states/mlp_mdn_best": {
        **_STATES_BEST,
        **bound("train_eval", loss_type="mdn", network="MLPMDN", learning_rate=1e-3),
        **bound("MLPMDN", width=512, depth=8, rate=0.1, num_components=26),
        **bound("MLPMDN", training_temperature=1.0, test_temperature=1.0),
        **bound("MLPMDN", test_variance_exponent=1.0),
    },
    "pushing_pixels/pixel_ebm_best": {**_PIXEL_EBM, **_BY_DFO},
    "pushing_pixels/pixel_ebm_langevin": {
        **_PIXEL_EBM,
        **_LANGEVIN,
        **_BY_LANGEVIN,
        **bound("train_eval", eval_episodes=20),
    },
    "pushing_pixels/pixel_mse_best": {
        **_PIXELS,
        **bound("train_eval", loss_type="mse", network="ConvMLPMSE", replay_capacity=4096),
        **bound("ConvMLPMSE", width=512, depth=4, rate=0.1, coord_conv=True),
        **bound("ConvMLPMSE", target_height=180, target_width=240),
    },
    "pushing_pixels/pixel_mdn_best": {
        **_PIXELS,
        **bound("train_eval", loss_type="mdn", network="ConvMLPMDN"),
        **bound("ConvMLPMDN", width=512, depth=8, rate=0.1, num_components=26),
        **bound("ConvMLPMDN", training_temperature=2.0, test_temperature=2.0),
        **bound("ConvMLPMDN", test_variance_exponent=4.0),
        **bound("compute_dataset_statistics", min_max_actions=True),
    },
}


def _configure(name: str) -> None:
    file = config_files.config_root() / f"{name}.gin"
    # Most files bind nothing of a simulator, so they are read where none is installed.
    task = "PARTICLE"
    if "BlockPush." in file.read_text():
        pytest.importorskip("pybullet")
        task = "PUSH"
    config_files.configure([task], [str(file)], [])


def test_every_published_parameter_can_be_bound(tmp_path):
    path = tmp_path / "published.gin"
    path.write_text("\n".join(training.bindings(_DEFAULTS)))
    config_files.configure(["PARTICLE"], [str(path)], [])


@pytest.mark.parametrize("name", [name for name in _DEFAULTS if name not in _WITHOUT_DEFAULT])
def test_defaults_are_the_published_ones(name):
    config_files.configure(["PARTICLE"], [], [])
    configurable, _, parameter = name.partition(".")
    target = gin.get_configurable(configurable)
    target = target.__init__ if inspect.isclass(target) else target
    assert inspect.signature(target).parameters[parameter].default == _DEFAULTS[name]


@pytest.mark.parametrize("name", _PUBLISHED)
def test_published_values(name):
    _configure(name)
    for parameter, value in _PUBLISHED[name].items():
        assert gin.query_parameter(parameter) == value, parameter


@pytest.mark.parametrize("file", _FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_files_parse_fit_together_and_are_what_bare_names_mean_for_their_tasks(file):
    _configure(f"{file.parent.name}/{file.stem}")
    loss_type, network = map(gin.query_parameter, ("train_eval.loss_type", "train_eval.network"))
    build_agent.check_names(loss_type, network)
    known = robosuite_env.TASKS if file.parent.name == "robomimic" else tasks.TASKS.values()
    family = [task for task in known if file.parent.name in task.config_families]
    # Those of notebooks are for any data, and named with their folder.
    assert bool(family) == (file.parent.name != "notebook")
    for name in (file.stem, file.name):
        for task in family:
            # Tasks without files of their own look in several folders, in this order.
            place = task.config_families.index
            found = gin_config.find_file(name, task.config_folders())
            assert found == file or place(found.parent.name) < place(file.parent.name)


def test_quick_baselines_take_the_implicit_policys_steps():
    values = []
    for name in ("mlp_ebm_quick", "mlp_mse_quick", "mlp_mdn_quick"):
        gin.clear_config()
        _configure(f"pushing_states/{name}")
        shared = "batch_size num_iterations learning_rate learning_rate_schedule sequence_length"
        values.append([gin.query_parameter(f"train_eval.{key}") for key in shared.split()])
    assert values[0] == values[1] == values[2] == [512, 8000, 2e-3, "cosine", 2]
