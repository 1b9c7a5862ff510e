"""Whole trainings by config files: they learn, evaluate, export policies and say what they did."""

import json
import pathlib
import re

import gin
import numpy as np
import pytest
import tensorflow as tf
from tf_agents.specs import tensor_spec
from tf_agents.train.utils import train_utils
from tf_agents.trajectories import trajectory

from ibc.environments import suite, tasks
from ibc.eval import measured_environment
from ibc.train import config_files
from ibc.train.build import agent_specs, build_agent, training_data
from ibc.train.run import policy_export
from tests import commands, shard_testing, training

bound = training.bound

_ROOT = config_files.config_root()
_FILES = [
    file
    for file in sorted(_ROOT.glob("*/*.gin"))
    if file.parent.name not in ("online", "maze", "motions", "particle_goal", "video")
]
_PIXEL_FILES = [file for file in _FILES if file.parent.name == "pushing_pixels"]
_IN_PROCESSES = _ROOT / "d4rl" / "mlp_mse_best.gin"
# Push-T's file of the same name keeps its ResNet-18, so two of them would prove nothing more.
_SMALL_TRUNK = _ROOT / "robomimic" / "ibc_dfo_hybrid.gin"
# Folder of configs → a task of theirs, if there is a simulator, and the library it needs.
_TASKS = {
    "notebook": (["PARTICLE"], "tensorflow"),
    "particle": (["PARTICLE"], "tensorflow"),
    "pushing_states": (["PUSH"], "pybullet"),
    "pushing_pixels": (["PUSH"], "pybullet"),
    "d4rl": (["door-human-v0"], "mujoco"),
    "pusht": (["PUSHT"], "gym_pusht"),
    "robomimic": ([], "tensorflow"),
}
# Bindings that decide what a policy is made of.
_STRUCTURE = re.compile(
    r"train_eval\.(network|loss_type|action_horizon) = .*"
    r"|IbcPolicy\.(use_langevin|dfo_variant) = .*|HybridEncoder\.keys = .*"
)
# Of the environment's images, where a file sets it.
_IMAGE_SIZE = re.compile(r"^BlockPush\.image_size = \((\d+), (\d+)\)$", re.MULTILINE)
# The first file of every structure: what it exports is what the others of it would.
_EXPORTED = {
    frozenset(filter(_STRUCTURE.match, file.read_text().splitlines())): file
    for file in reversed(_FILES)
}.values()
# Networks keep their sizes; there is less of what is done with them.
_FEW = {
    **bound("train_eval", batch_size=2, num_iterations=3, eval_episodes=1, eval_interval=0),
    **bound("train_eval", num_envs=1, goal_tolerance=0.02),
    **bound("IbcPolicy", num_action_samples=8),
    **bound("langevin_actions_given_obs", num_iterations=2),
    **bound("iterative_dfo", num_iterations=2),
    **bound("ImplicitBCAgent", num_counter_examples=8),
    **bound("AutoregressiveBCAgent", num_counter_examples=8),
}
# Any step of block pushing reaches a goal of ten metres; of these, an episode goes to its end.
_ONE_STEP = bound("train_eval", goal_tolerance=10.0)
_TO_THE_END = (
    _ROOT / "pushing_pixels" / "pixel_hybrid_mse_quick.gin",
    _ROOT / "pushing_states" / "mlp_ebm_quick.gin",
)
_DEMONSTRATIONS = "demonstrations.tfrecord"
# Without a simulator there is no metric.
_FEW_WITHOUT_TASK = {**_FEW, **bound("train_eval", top_k_metric=None)}
_SMALL_PIXELS = {
    **bound("train_eval", batch_size=4, num_iterations=3, eval_episodes=1, num_envs=1),
    **bound("IbcPolicy", num_action_samples=16),
    **bound("HybridEncoder", crop_shape=(20, 28), region=None),
    **training.SMALL_NETWORKS,
}
_SMALL_STATES = {
    **bound("train_eval", batch_size=16, num_iterations=2, eval_episodes=2, num_envs=2),
    **bound("MLPEBM", width=8),
    **bound("IbcPolicy", num_action_samples=8),
}
# What is trained on the particle task → config file, bindings, and lines of what is said of it.
_AGENTS = {
    "mdn": (
        _ROOT / "pushing_states" / "mlp_mdn_best.gin",
        {
            **bound("train_eval", num_iterations=5, batch_size=64, eval_episodes=2),
            **bound("train_eval", dataset_eval_fraction=0.5, eval_loss_interval=5),
            **bound("MLPMDN", width=16),
        },
        ("MLPMDN.num_components = 26", "train_eval.loss_type = 'mdn'"),
    ),
    "autoregressive": (
        "mlp_ebm_quick.gin",
        {
            **bound("train_eval", loss_type="autoregressive", network="AutoregressiveEBM"),
            **bound("train_eval", num_iterations=3, batch_size=32, eval_interval=0),
            **bound("train_eval", eval_episodes=2, num_envs=2),
            **bound("MLPEBM", width=16),
            **bound("AutoregressiveBCAgent", num_counter_examples=4),
            **bound("IbcPolicy", num_action_samples=32),
            **bound("autoregressive_dfo", num_iterations=2),
        },
        ("train_eval.sequence_length = 4", "train_eval.loss_type = 'autoregressive'"),
    ),
}


def exported_action(folder: pathlib.Path, name: str, batch_size: int) -> tuple[dict, np.ndarray]:
    """Returns the specs of an exported policy's inputs, and its actions for ones."""
    act = tf.saved_model.load(str(folder / "policies" / name)).signatures["action"]
    specs = act.structured_input_signature[1]
    inputs = {
        key: tf.ones([batch_size, *spec.shape[1:]], spec.dtype) for key, spec in specs.items()
    }
    return specs, act(**inputs)["action"].numpy()


@pytest.mark.parametrize("name", _AGENTS)
def test_agents_train_evaluate_and_export(name, tmp_path, particle_data):
    config, given, said = _AGENTS[name]
    results = training.run(config, training.bindings(given), tmp_path, dataset_path=particle_data)
    assert results["PARTICLE"]["AverageEpisodeLength"] == 50
    operative = (tmp_path / "operative-gin-config.txt").read_text()
    assert all(line in operative for line in said)
    length = gin.query_parameter("train_eval.sequence_length")
    time_step = measured_environment.load("PARTICLE", length).reset()
    batch = tf.nest.map_structure(lambda x: tf.repeat(x[None], 8, axis=0), time_step)
    for policy in ("policy", "greedy_policy", "collect_policy"):
        exported = tf.saved_model.load(str(tmp_path / "policies" / policy))
        actions = exported.action(batch, ()).action.numpy()
        assert actions.shape == (8, 2) and np.all((actions >= 0) & (actions <= 1))
        # Equal observations, but as many draws as rows.
        assert len(np.unique(actions, axis=0)) > 1


def _robomimic_spec() -> trajectory.Trajectory:
    """The spec of one frame of robomimic's files of a robot arm, with its two cameras."""
    sizes = {"object": 10, "robot0_eef_pos": 3, "robot0_eef_quat": 4, "robot0_gripper_qpos": 2}
    cameras = ("agentview_image", "robot0_eye_in_hand_image")
    observation = {
        **{key: tf.TensorSpec([size]) for key, size in sizes.items()},
        **{key: tf.TensorSpec([84, 84, 3], tf.uint8) for key in cameras},
    }
    action = tensor_spec.BoundedTensorSpec([7], tf.float32, -9.0, 9.0)
    return shard_testing.frame_spec(observation, action)


@pytest.fixture(scope="module")
def demonstrations(made_once):
    """Returns a function from a folder of configs to a record file for it, recorded once."""

    def path(family: str, images: bool, size: str | None) -> str:
        task, library = _TASKS[family]
        pytest.importorskip(library)

        def record(folder: pathlib.Path) -> None:
            name = str(folder / _DEMONSTRATIONS)
            if task:
                # D4RL's tasks and Push-T have no oracle.
                policy = "random" if family in ("d4rl", "pusht") else "oracle"
                options = dict(use_image_obs=images, image_size=size)
                training.record(*task, name, policy, num_episodes=1, **options)
            else:
                shard_testing.write(name, (12, 9), _robomimic_spec())

        return str(made_once(f"{family}_{images}_{size}", record) / _DEMONSTRATIONS)

    return path


@pytest.mark.slow
@pytest.mark.parametrize("file", _FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_three_steps_an_episode_and_an_export(file, demonstrations, tmp_path, monkeypatch):
    not_exported = {}
    if file not in _EXPORTED:
        monkeypatch.setattr(policy_export.PolicyExporter, "save_models", lambda self: None)
        not_exported = bound("train_eval", policy_save_interval=0)
    family = file.parent.name
    text = file.read_text()
    size = _IMAGE_SIZE.search(text)
    data = demonstrations(
        family, "train_eval.image_obs = True" in text, size and f"{size[1]}x{size[2]}"
    )
    task, _ = _TASKS[family]
    # Episodes of one config are evaluated in processes.
    in_processes = bound("train_eval", num_envs=2, eval_episodes=2)
    few = _FEW if task else _FEW_WITHOUT_TASK
    if family.startswith("pushing") and file not in _TO_THE_END:
        few = {**few, **_ONE_STEP}
    more = {
        _IN_PROCESSES: in_processes,
        _SMALL_TRUNK: bound("HybridEncoder", trunk="SmallTrunk"),
    }
    given = training.bindings({**few, **not_exported, **more.get(file, {})})
    results = training.run(file, given, tmp_path, task, dataset_path=data)
    assert list(results) == task
    for averages in results.values():
        assert averages["AverageEpisodeLength"] >= (2 if file in _TO_THE_END else 1)
        assert all(np.isfinite(value) for value in averages.values())
    if file not in _EXPORTED:
        return
    # What is true of one is true of both.
    policies = [commands.contents(tmp_path / "policies" / p) for p in ("policy", "collect_policy")]
    assert policies[0] and policies[0] == policies[1]
    for name in ("policy", "greedy_policy"):
        assert np.all(np.isfinite(exported_action(tmp_path, name, 1)[1]))


@pytest.fixture(scope="module")
def pixels(tmp_path_factory) -> str:
    """Record file of two episodes with images of 24×32 pixels of noise."""
    path = tmp_path_factory.mktemp("pixels") / "a.tfrecord"
    return shard_testing.write(path, (8, 6), shard_testing.noise_spec(images=True))


@pytest.mark.parametrize("file", _PIXEL_FILES, ids=lambda file: file.stem)
def test_all_of_a_network_for_images_learns(file, pixels):
    # Where the files bind nothing of the simulator, they are read without it.
    task = "PARTICLE"
    if _IMAGE_SIZE.search(file.read_text()):
        task, _ = "PUSH", pytest.importorskip("pybullet")
    config_files.configure([task], [str(file)], training.bindings(_SMALL_PIXELS))
    length = gin.query_parameter("train_eval.sequence_length")
    read = training_data.get_data(pixels, length, {})
    agent = build_agent.build_agent(
        *agent_specs.of_data(read.train.spec, length),
        gin.query_parameter("train_eval.loss_type"),
        gin.query_parameter("train_eval.network"),
        read.normalizers,
        0.05,
        tf.keras.optimizers.legacy.Adam(gin.query_parameter("train_eval.learning_rate")),
        train_utils.create_train_step(),
        seed=0,
    )
    train = tf.function(agent.train, autograph=False)
    before = [variable.numpy() for variable in agent.cloning_network.trainable_variables]
    for experience, _ in read.train.as_tf_dataset(4).take(3):
        assert np.isfinite(train(experience).loss)
    first_and_last = list(zip(before, agent.cloning_network.trainable_variables, strict=True))
    # A convolution's weights, and those of the last layer.
    for old, variable in (first_and_last[0], first_and_last[-2]):
        assert np.any(old != variable.numpy()), variable.name


def test_a_policy_for_images_is_exported_with_their_type(pixels, tmp_path):
    given = training.bindings(_SMALL_PIXELS)
    file = _ROOT / "pushing_pixels" / "pixel_ebm_best.gin"
    training.run(file, given, tmp_path, task=(), dataset_path=pixels)
    specs, action = exported_action(tmp_path, "greedy_policy", 5)
    images = specs["arg_0_observation_rgb"]
    assert images.dtype == tf.uint8 and images.shape[1:] == [2, 24, 32, 3]
    assert action.shape == (5, 2) and np.abs(action).max() <= 9


def test_training_and_an_episode_of_block_pushing(golden, tmp_path):
    pytest.importorskip("pybullet")
    path = golden("data/push_rgb/oracle_push_rgb_0.tfrecord")
    options = dict(dataset_path=str(path), goal_tolerance=10.0)
    given = training.bindings(_SMALL_PIXELS)
    results = training.run("pixel_ebm_quick", given, tmp_path, ["PUSH"], **options)
    # Any step reaches a goal of ten metres.
    assert results["PUSH"]["AverageSuccessMetric"] == 1
    assert results["PUSH"]["AverageEpisodeLength"] == 1


def test_every_task_is_evaluated_and_results_are_aggregated(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    training.record("REACH", tasks.get_task("REACH").default_dataset())
    # The demonstrations are found where they are recorded by default.
    given = training.bindings(_SMALL_STATES)
    results = training.run("mlp_ebm_quick.gin", given, tmp_path / "run", ["REACH", "PUSH"])
    assert set(results) == {"REACH", "PUSH"}
    metrics = "AverageReturn AverageEpisodeLength AverageFinalGoalDistance AverageSuccessMetric"
    for task, env_id, limit in (("REACH", "BlockReach-v0", 50), ("PUSH", "BlockPush-v0", 100)):
        written = json.loads((tmp_path / "run" / "eval" / env_id / "results.json").read_text())
        assert written["averages"] == results[task]
        assert set(written["averages"]) == set(metrics.split())
        assert all(e["AverageEpisodeLength"] <= limit for e in written["episodes"])


def test_missing_demonstrations_name_the_command_that_records_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="--task=PUSH --policy=oracle") as error:
        training.run("mlp_ebm.gin", [], tmp_path / "run", ["PUSH"])
    assert "--generate_data" in str(error.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("task", ["PUSH", "REACH", "INSERT", "PUSH_MULTIMODAL"])
def test_evaluation_sets_the_goal_tolerance(task):
    environment = measured_environment.load(task, 2, goal_tolerance=0.03)
    assert suite.gym_env(environment).goal_dist_tolerance == 0.03
    environment.seed(0)
    observation = environment.reset().observation
    np.testing.assert_array_equal(*observation["block_translation"])
    environment.close()
