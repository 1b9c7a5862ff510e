"""The block pushing configs for images hold the published values and train."""

import gin
import numpy as np
import pytest
import tensorflow as tf
from tf_agents.specs import tensor_spec
from tf_agents.train.utils import train_utils

from ibc.environments import tasks
from ibc.train import config_files, experiment, run_config
from ibc.train.build import agent_specs, build_agent, training_data
from ibc.utils import gin_config
from tests import shard_testing

_FOLDER = config_files.config_root() / "pushing_pixels"
_NAMES = sorted(path.stem for path in _FOLDER.glob("*.gin"))

_COMMON = {
    "train_eval.image_obs": True,
    "train_eval.batch_size": 128,
    "train_eval.num_iterations": 100000,
    "train_eval.sequence_length": 2,
    "train_eval.learning_rate": 1e-3,
    "train_eval.eval_interval": 5000,
    "train_eval.dataset_eval_fraction": 0.0,
    "train_eval.goal_tolerance": 0.02,
    "train_eval.uniform_boundary_buffer": 0.05,
    "get_normalizers.nested_obs": True,
}
_EBM = {
    "train_eval.loss_type": "ebm",
    "train_eval.network": "PixelEBM",
    "PixelEBM.encoder_network": "ConvMaxpoolEncoder",
    "PixelEBM.value_network": "DenseResnetValue",
    "PixelEBM.target_height": 180,
    "PixelEBM.target_width": 240,
    "DenseResnetValue.width": 1024,
    "DenseResnetValue.num_blocks": 1,
    "IbcPolicy.num_action_samples": 2048,
}
_PUBLISHED = {
    "pixel_ebm_best": {
        **_EBM,
        "train_eval.eval_episodes": 100,
        "ImplicitBCAgent.num_counter_examples": 256,
        "ImplicitBCAgent.fraction_langevin_samples": 0.0,
        "ImplicitBCAgent.add_grad_penalty": False,
        "IbcPolicy.use_dfo": True,
        "IbcPolicy.use_langevin": False,
    },
    "pixel_ebm_langevin": {
        **_EBM,
        "train_eval.eval_episodes": 20,
        "ImplicitBCAgent.num_counter_examples": 8,
        "ImplicitBCAgent.run_full_chain_under_gradient": True,
        "langevin_actions_given_obs.num_iterations": 100,
        "IbcPolicy.optimize_again": True,
        "IbcPolicy.use_dfo": False,
        "IbcPolicy.use_langevin": True,
        "compute_dataset_statistics.min_max_actions": True,
    },
    "pixel_mse_best": {
        "train_eval.loss_type": "mse",
        "train_eval.network": "ConvMLPMSE",
        "train_eval.eval_episodes": 100,
        "train_eval.replay_capacity": 4096,
        "ConvMLPMSE.width": 512,
        "ConvMLPMSE.depth": 4,
        "ConvMLPMSE.rate": 0.1,
        "ConvMLPMSE.coord_conv": True,
        "ConvMLPMSE.target_height": 180,
        "ConvMLPMSE.target_width": 240,
    },
    "pixel_mdn_best": {
        "train_eval.loss_type": "mdn",
        "train_eval.network": "ConvMLPMDN",
        "train_eval.eval_episodes": 100,
        "ConvMLPMDN.width": 512,
        "ConvMLPMDN.depth": 8,
        "ConvMLPMDN.rate": 0.1,
        "ConvMLPMDN.num_components": 26,
        "ConvMLPMDN.training_temperature": 2.0,
        "ConvMLPMDN.test_temperature": 2.0,
        "ConvMLPMDN.test_variance_exponent": 4.0,
        "compute_dataset_statistics.min_max_actions": True,
    },
}
# What makes three steps of any of these files a matter of seconds.
_SMALL = (
    "train_eval.batch_size = 4",
    "train_eval.num_iterations = 3",
    "DenseResnetValue.width = 16",
    "ImplicitBCAgent.num_counter_examples = 4",
    "langevin_actions_given_obs.num_iterations = 3",
    "IbcPolicy.num_action_samples = 16",
    *[
        f"{network}.target_{side} = 16"
        for network in ("PixelEBM", "ConvMLPMSE", "ConvMLPMDN")
        for side in ("height", "width")
    ],
)


def _configure(name, bindings=()):
    # The files bind nothing of the simulator, so they are read where it is not installed.
    config_files.configure(["PARTICLE"], [str(_FOLDER / f"{name}.gin")], bindings)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Record file of two episodes with images of 24×32 pixels of noise."""
    observation_spec = {
        "angle": tf.TensorSpec([1], tf.float32),
        "rgb": tf.TensorSpec([24, 32, 3], tf.uint8),
    }
    action_spec = tensor_spec.BoundedTensorSpec([2], tf.float32, -9.0, 9.0)
    spec = shard_testing.frame_spec(observation_spec, action_spec)
    return shard_testing.write(tmp_path_factory.mktemp("pixels") / "a.tfrecord", (8, 6), spec)


@pytest.mark.parametrize("name", _PUBLISHED)
def test_published_values(name):
    _configure(name)
    for parameter, value in {**_COMMON, **_PUBLISHED[name]}.items():
        assert gin.query_parameter(parameter) == value, parameter


@pytest.mark.parametrize("name", _NAMES)
def test_network_fits_the_loss_and_trains(name, data):
    _configure(name, _SMALL)
    read = training_data.get_data(data, gin.query_parameter("train_eval.sequence_length"), {})
    agent = build_agent.build_agent(
        *agent_specs.of_data(read.train.spec, 2),
        gin.query_parameter("train_eval.loss_type"),
        gin.query_parameter("train_eval.network"),
        read.normalizers,
        0.05,
        tf.keras.optimizers.legacy.Adam(gin.query_parameter("train_eval.learning_rate")),
        train_utils.create_train_step(),
        seed=0,
    )
    train = tf.function(agent.train)
    before = [variable.numpy() for variable in agent.cloning_network.trainable_variables]
    for experience, _ in read.train.as_tf_dataset(4).take(3):
        assert np.isfinite(train(experience).loss)
    first_and_last = list(zip(before, agent.cloning_network.trainable_variables, strict=True))
    # A convolution's weights, and those of the last layer.
    for old, variable in (first_and_last[0], first_and_last[-2]):
        assert np.any(old != variable.numpy()), variable.name


def test_run_of_three_steps_and_its_export(data, tmp_path):
    _configure("pixel_ebm_best", _SMALL)
    experiment.run(run_config.RunConfig(dataset_path=data, root_dir=str(tmp_path), skip_eval=True))
    act = tf.saved_model.load(str(tmp_path / "policies" / "greedy_policy")).signatures["action"]
    specs = act.structured_input_signature[1]
    images = specs["arg_0_observation_rgb"]
    assert images.dtype == tf.uint8 and images.shape[1:] == [2, 24, 32, 3]
    inputs = {name: tf.ones([5, *spec.shape[1:]], spec.dtype) for name, spec in specs.items()}
    action = act(**inputs)["action"]
    assert action.shape == (5, 2) and np.abs(action).max() <= 9


@pytest.mark.parametrize("name", _NAMES)
def test_bare_names_mean_these_files_for_block_pushing(name):
    folders = [config_files.config_root() / f for f in tasks.get_task("PUSH").config_families]
    assert gin_config.find_file(name, folders).parent == _FOLDER


def test_training_and_an_episode_of_block_pushing(golden, tmp_path):
    pytest.importorskip("pybullet")
    path = golden("data/push_rgb/oracle_push_rgb_0.tfrecord")
    bindings = (*_SMALL, "train_eval.eval_episodes = 1", "train_eval.num_envs = 1")
    config_files.configure(["PUSH"], ["pixel_ebm_quick"], bindings)
    results = experiment.run(
        run_config.RunConfig(
            task=["PUSH"], dataset_path=str(path), root_dir=str(tmp_path), goal_tolerance=10.0
        )
    )
    # Any step reaches a goal of ten metres.
    assert results["PUSH"]["AverageSuccessMetric"] == 1
    assert results["PUSH"]["AverageEpisodeLength"] == 1
