from tensorboard.plugins.hparams import plugin_data_pb2

from ibc.train import experiment_test
from ibc.train.run import run_board


def test_places_and_macros_are_no_hyperparameters():
    bound = {
        "MLPEBM.width": "16",
        "MLPEBM.layers": "'ResNet'",
        "IbcPolicy.sampler": "@hill_climbing()",
        "train_eval.root_dir": "'runs'",
        "train_eval.seed": "3",
        "lr": "1e-3",
    }
    assert run_board.hyperparameters(bound, seed=4) == {
        "MLPEBM.width": 16,
        "MLPEBM.layers": "ResNet",
        "IbcPolicy.sampler": "@hill_climbing()",
        "seed": 4,
    }


def test_a_run_has_its_config_and_its_beginning_and_end(tmp_path):
    board = run_board.RunBoard(tmp_path)
    board.begin("MLPEBM.width = 16\n", {"MLPEBM.width": 16, "task": "PARTICLE"})
    board.end()
    found = {value.tag: value for _, value in experiment_test.summaries(tmp_path)}
    assert b"MLPEBM.width = 16" in found["config"].tensor.string_val[0]
    assert found["config"].metadata.plugin_data.plugin_name == "text"
    told = [
        plugin_data_pb2.HParamsPluginData.FromString(value.metadata.plugin_data.content)
        for tag, value in found.items()
        if tag != "config"
    ]
    start = next(one.session_start_info for one in told if one.HasField("session_start_info"))
    assert start.hparams["MLPEBM.width"].number_value == 16
    assert start.hparams["task"].string_value == "PARTICLE"
    assert any(one.HasField("session_end_info") for one in told)
