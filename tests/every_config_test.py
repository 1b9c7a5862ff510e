"""Every config that ships trains, evaluates and exports, on real demonstrations of its task."""

import pathlib

import gin
import numpy as np
import pytest
import tensorflow as tf

from ibc.data.recording import options as recording_options
from ibc.data.recording import recorder
from ibc.train import config_files, experiment, run_config

_FILES = sorted(config_files.config_root().glob("*/*.gin"))
_TASKS = {
    "particle": "PARTICLE",
    "pushing_states": "PUSH",
    "pushing_pixels": "PUSH",
    "d4rl": "door-human-v0",
}
_SIMULATORS = {"pushing_states": "pybullet", "pushing_pixels": "pybullet", "d4rl": "mujoco"}
_IN_PROCESSES = config_files.config_root() / "d4rl" / "mlp_mse_best.gin"
# Networks keep their sizes; there is less of what is done with them.
_SMALL = (
    "train_eval.batch_size = 2",
    "train_eval.num_iterations = 3",
    "train_eval.eval_episodes = 1",
    "train_eval.eval_interval = 0",
    "train_eval.num_envs = 1",
    "train_eval.goal_tolerance = 0.02",
    "IbcPolicy.num_action_samples = 8",
    "langevin_actions_given_obs.num_iterations = 2",
    "iterative_dfo.num_iterations = 2",
    "ImplicitBCAgent.num_counter_examples = 8",
    "AutoregressiveBCAgent.num_counter_examples = 8",
)


@pytest.fixture(scope="module")
def demonstrations(tmp_path_factory):
    """Returns a function from a folder of configs to a record file for it, recorded once."""
    paths = {}

    def path(family: str) -> str:
        pytest.importorskip(_SIMULATORS.get(family, "tensorflow"))
        if family not in paths:
            folder = tmp_path_factory.mktemp(family)
            paths[family] = str(folder / "demonstrations.tfrecord")
            options = recording_options.EvaluationOptions(
                task=_TASKS[family],
                # D4RL's tasks have no oracle.
                policy="random" if family == "d4rl" else "oracle",
                num_episodes=2,
                dataset_path=paths[family],
                use_image_obs=family == "pushing_pixels",
            )
            recorder.run(options)
            gin.clear_config()
        return paths[family]

    return path


def assert_same_files(one: pathlib.Path, other: pathlib.Path) -> None:
    """Checks that two folders hold the same, so that what is true of one is true of both."""
    contents = [
        {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        for folder in (one, other)
    ]
    assert contents[0] and contents[0] == contents[1]


@pytest.mark.slow
@pytest.mark.parametrize("file", _FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_three_steps_an_episode_and_an_export(file, demonstrations, tmp_path):
    family = file.parent.name
    data = demonstrations(family)
    # Episodes of one config are evaluated in processes.
    in_processes = ["train_eval.num_envs = 2", "train_eval.eval_episodes = 2"]
    bindings = [*_SMALL, *(in_processes if file == _IN_PROCESSES else [])]
    config_files.configure([_TASKS[family]], [str(file)], bindings)
    results = experiment.run(
        run_config.RunConfig(task=[_TASKS[family]], dataset_path=data, root_dir=str(tmp_path))
    )
    averages = results[_TASKS[family]]
    assert averages["AverageEpisodeLength"] >= 1
    assert all(np.isfinite(value) for value in averages.values())
    assert_same_files(tmp_path / "policies" / "policy", tmp_path / "policies" / "collect_policy")
    for name in ("policy", "greedy_policy"):
        exported = tf.saved_model.load(str(tmp_path / "policies" / name))
        specs = exported.signatures["action"].structured_input_signature[1]
        inputs = {key: tf.ones([1, *spec.shape[1:]], spec.dtype) for key, spec in specs.items()}
        action = exported.signatures["action"](**inputs)["action"]
        assert np.all(np.isfinite(action))
