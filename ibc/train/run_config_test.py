import dataclasses
import datetime
import re

import gin
import pytest
import tensorflow as tf

from ibc.train import config_files, run_config
from ibc.train.devices import cluster_test


def make(**given) -> run_config.RunConfig:
    return run_config.RunConfig(**{"task": "PARTICLE", **given})


def test_the_folder_is_root_tag_time(tmp_path):
    root = str(tmp_path)
    assert make(root_dir=root).folder() == tmp_path
    assert make(root_dir=root, tag="a/b").folder() == tmp_path / "a" / "b"
    timed = make(root_dir=root, tag="t", add_time=True).folder()
    assert timed.parent == tmp_path / "t" and re.fullmatch(r"\d{8}-\d{6}", timed.name)
    datetime.datetime.strptime(timed.name, "%Y%m%d-%H%M%S")


def cluster_strategy() -> tf.distribute.Strategy:
    return cluster_test.FakeStrategy(cluster_test.WORKERS, "worker", 0, devices_per_machine=1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"root_dir": "a\0"}, "root_dir is .*null character"),
        ({"root_dir": "a", "tag": "b\0"}, "--tag is .*null character"),
        ({"tag": "/elsewhere"}, r"outside of train_eval\.root_dir"),
        ({"tag": "../x"}, r"outside of train_eval\.root_dir"),
        ({"tag": "a/../../x"}, r"outside of train_eval\.root_dir"),
        ({"task": 3}, "train_eval.task must be a name or a list of names, got 3"),
        ({"task": None, "generate_data": True, "skip_eval": True, "dataset_path": "x"}, "a --task"),
        ({"for_rnn": True}, "none of the networks here is recurrent"),
        ({"shared_memory_eval": True, "num_envs": 2}, "train_eval.num_envs = 2: give one"),
        ({"learning_rate_schedule": "linear"}, "choose one of exponential, warmup, cosine"),
        ({"network": "MLPMSE"}, "trained with loss_type 'mse'"),
        ({"memory_limit_mb": 0}, "memory_limit_mb must be a positive number"),
        ({"strategy": "mirrored"}, "'mirrored', but must be a tf.distribute.Strategy"),
        ({"strategy": cluster_strategy(), "generate_data": True}, "record on every machine"),
        ({"strategy": cluster_strategy(), "add_time": True}, "name the run with --tag"),
    ],
)
def test_what_cannot_be_used_is_one_clear_error(given, message):
    with pytest.raises(ValueError, match=message) as error:
        make(**given)
    assert "\n" not in str(error.value).split("\n  In call to configurable")[0]


@pytest.mark.parametrize(
    ("binding", "message"),
    [
        ("train_eval.strategy = 'x'", "leave it out, and choose devices with --multi_gpu"),
        ("train_eval.strategy = @train_eval()", "lead in a circle: @train_eval"),
        ("train_eval.bach_size = 3", r"'train_eval' has no parameter 'bach_size' \(did you mean b"),
        ("train_eval.batch_size = 'many'", "train_eval.batch_size must be a whole number"),
    ],
)
def test_what_no_config_file_can_bind_is_one_clear_error(binding, message):
    with pytest.raises(ValueError, match=message):
        config_files.configure(["PARTICLE"], [], [binding])


def test_gin_binds_what_the_caller_leaves_open():
    config_files.configure(["PARTICLE"], [], ["train_eval.seed = 7", "train_eval.batch_size = 9"])
    config = make(batch_size=3)
    assert (config.seed, config.batch_size, config.task_names) == (7, 3, ["PARTICLE"])
    assert "train_eval.seed = 7" in gin.operative_config_str()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.seed = 8
