"""Training and evaluation on block pushing: several tasks, default data, goal tolerance."""

import json

import numpy as np
import pytest

from ibc.data.recording import options as recording_options
from ibc.data.recording import recorder
from ibc.environments import suite, tasks
from ibc.eval import measured_environment
from ibc.train import config_files, experiment, run_config

_SMALL = (
    "train_eval.batch_size = 16",
    "train_eval.num_iterations = 2",
    "train_eval.eval_episodes = 2",
    "train_eval.num_envs = 2",
    "MLPEBM.width = 8",
    "IbcPolicy.num_action_samples = 8",
)


def record(task, path):
    """Records two oracle episodes."""
    options = recording_options.EvaluationOptions(
        task=task, policy="oracle", num_episodes=2, dataset_path=str(path)
    )
    recorder.run(options)


def test_every_task_is_evaluated_and_results_are_aggregated(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tasks.get_task("REACH").default_dataset()
    record("REACH", path)
    import gin

    gin.clear_config()
    config_files.configure(["REACH", "PUSH"], ["mlp_ebm_quick.gin"], _SMALL)
    # The demonstrations are found where they are recorded by default.
    results = experiment.run(
        run_config.RunConfig(task=["REACH", "PUSH"], root_dir=str(tmp_path / "run"))
    )
    assert set(results) == {"REACH", "PUSH"}
    for task, env_id in (("REACH", "BlockReach-v0"), ("PUSH", "BlockPush-v0")):
        written = json.loads((tmp_path / "run" / "eval" / env_id / "results.json").read_text())
        assert written["averages"] == results[task]
        assert set(written["averages"]) == {
            "AverageReturn",
            "AverageEpisodeLength",
            "AverageFinalGoalDistance",
            "AverageSuccessMetric",
        }
        lengths = [episode["AverageEpisodeLength"] for episode in written["episodes"]]
        assert max(lengths) <= {"REACH": 50, "PUSH": 100}[task]


def test_missing_demonstrations_name_the_command_that_records_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config_files.configure(["PUSH"], ["mlp_ebm.gin"], [])
    with pytest.raises(FileNotFoundError, match="--task=PUSH --policy=oracle") as error:
        experiment.run(run_config.RunConfig(task=["PUSH"], root_dir=str(tmp_path / "run")))
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


def test_a_server_shows_one_environment_of_one_task(tmp_path):
    config_files.configure(["PUSH"], ["mlp_ebm_quick.gin"], [])
    with pytest.raises(ValueError, match="shared_memory_eval shows one environment"):
        experiment.run(
            run_config.RunConfig(task=["PUSH"], root_dir=str(tmp_path), shared_memory_eval=True)
        )
