"""Config files bind the names that published ones bind; each file that ships parses."""

import gin
import pytest

from ibc.train import config_files

_CONFIGS = sorted(config_files.config_root().rglob("*.gin"))

# Every published parameter of what exists, with its published default.
_DEFAULTS = {
    "train_eval": dict(
        batch_size=512,
        num_iterations=20000,
        learning_rate=1e-3,
        decay_steps=100,
        replay_capacity=100000,
        eval_interval=1000,
        eval_loss_interval=100,
        eval_episodes=1,
        fused_train_steps=100,
        sequence_length=2,
        uniform_boundary_buffer=0.05,
        for_rnn=False,
        flatten_action=True,
        dataset_eval_fraction=0.0,
        goal_tolerance=0.02,
        seed=0,
        viz_img=False,
        skip_eval=False,
        num_envs=1,
        shared_memory_eval=False,
        image_obs=False,
        max_data_shards=-1,
        use_warmup=False,
    ),
    "ImplicitBCAgent": dict(
        num_counter_examples=256,
        fraction_dfo_samples=0.0,
        fraction_langevin_samples=1.0,
        ebm_loss_type="info_nce",
        late_fusion=False,
        compute_mse=False,
        run_full_chain_under_gradient=False,
        return_full_chain=True,
        add_grad_penalty=True,
        grad_norm_type="inf",
        softmax_temperature=1.0,
    ),
    "IbcPolicy": dict(
        num_action_samples=2**14,
        clip=True,
        use_dfo=False,
        use_langevin=True,
        inference_langevin_noise_scale=1.0,
        optimize_again=False,
        again_stepsize_init=0.1,
        again_stepsize_final=1e-5,
        late_fusion=False,
    ),
    "iterative_dfo": dict(temperature=1.0, num_iterations=3, iteration_std=0.33),
    "langevin_actions_given_obs": dict(
        num_iterations=25,
        sampler_stepsize_init=0.1,
        sampler_stepsize_decay=0.8,
        noise_scale=1.0,
        grad_clip=None,
        delta_action_clip=0.1,
        stop_chain_grad=True,
        apply_exp=False,
        use_polynomial_rate=True,
        sampler_stepsize_final=1e-5,
        sampler_stepsize_power=2.0,
        return_chain=False,
        grad_norm_type="inf",
        late_fusion=False,
    ),
    "grad_penalty": dict(
        only_apply_final_grad_penalty=True,
        grad_margin=1.0,
        square_grad_penalty=True,
        grad_loss_weight=1.0,
    ),
    "MLPEBM": dict(
        width=512,
        depth=2,
        rate=0.1,
        activation="relu",
        layers="MLPDropout",
        kernel_initializer="normal",
        bias_initializer="normal",
        dense_layer_type="regular",
    ),
    "MLPMSE": dict(width=512, depth=2, rate=0.1, layers="MLPDropout"),
    "MLPMDN": dict(
        width=512,
        depth=2,
        rate=0.1,
        layers="MLPDropout",
        num_components=1,
        training_temperature=2.5,
        test_temperature=2.5,
        test_variance_exponent=1.0,
    ),
    "PixelEBM": dict(target_height=90, target_width=120),
    "DenseResnetValue": dict(width=512, num_blocks=2),
    "ConvMLPMSE": dict(
        width=512,
        depth=2,
        rate=0.1,
        coord_conv=True,
        target_height=90,
        target_width=120,
        layers="MLPDropout",
    ),
    "ConvMLPMDN": dict(
        width=512,
        depth=2,
        rate=0.1,
        coord_conv=True,
        target_height=90,
        target_width=120,
        layers="MLPDropout",
        num_components=1,
        training_temperature=2.5,
        test_temperature=2.5,
        test_variance_exponent=1.0,
    ),
    "ResNetLayer": dict(normalizer=None),
    "get_normalizers": dict(nested_obs=True, nested_actions=False, num_batches=100),
    "compute_dataset_statistics": dict(min_max_actions=False, use_sqrt_std=False),
    "ParticleEnv": dict(
        n_steps=50,
        n_dim=2,
        hide_velocity=False,
        dt=0.005,
        repeat_actions=10,
        k_p=10.0,
        k_v=5.0,
        goal_distance=0.05,
    ),
}
# Theirs are the data's to say; every config file that is published binds them.
_WITHOUT_DEFAULT = {("get_normalizers", "nested_obs"), ("get_normalizers", "nested_actions")}


@pytest.mark.parametrize("path", _CONFIGS, ids=lambda path: path.name)
def test_config_files_parse(path):
    config_files.configure(["PARTICLE"], [str(path)], [])


def test_every_published_parameter_can_be_bound(tmp_path):
    path = tmp_path / "published.gin"
    lines = [f"{c}.{p} = {v!r}" for c, values in _DEFAULTS.items() for p, v in values.items()]
    path.write_text("\n".join(lines))
    config_files.configure(["PARTICLE"], [str(path)], [])


@pytest.mark.parametrize("configurable", _DEFAULTS)
def test_defaults_are_the_published_ones(configurable):
    import inspect

    config_files.configure(["PARTICLE"], [], [])
    target = gin.get_configurable(configurable)
    if inspect.isclass(target):
        target = target.__init__
    parameters = inspect.signature(target).parameters
    for name, value in _DEFAULTS[configurable].items():
        if (configurable, name) not in _WITHOUT_DEFAULT:
            assert parameters[name].default == value, name


def test_published_values_of_the_particle_task():
    config_files.configure(["PARTICLE"], ["mlp_ebm_langevin_best"], [])
    expected = {
        "train_eval.batch_size": 512,
        "train_eval.num_iterations": 100000,
        "train_eval.eval_interval": 10000,
        "train_eval.eval_episodes": 50,
        "train_eval.learning_rate": 1e-3,
        "MLPEBM.width": 2048,
        "MLPEBM.depth": 2,
        "MLPEBM.rate": 0.0,
        "ImplicitBCAgent.num_counter_examples": 8,
        "langevin_actions_given_obs.num_iterations": 100,
        "IbcPolicy.num_action_samples": 512,
        "IbcPolicy.optimize_again": False,
        "compute_dataset_statistics.min_max_actions": True,
        "get_normalizers.num_samples": 5000,
    }
    for name, value in expected.items():
        assert gin.query_parameter(name) == value, name
