import pytest

from ibc.train import config_files, run_config

CHUNKS = ("train_eval.action_horizon = 4", "train_eval.action_steps = 2")


def configure(*bindings: str) -> run_config.RunConfig:
    config_files.configure(["PARTICLE"], [], bindings)
    return run_config.RunConfig(task="PARTICLE")


@pytest.mark.parametrize(
    ("bindings", "message"),
    [
        (
            ["get_normalizers.modes = 'limits'"],
            "modes = 'limits' has no effect on action sequences: bind sequence_coding.normalizer",
        ),
        (["get_normalizers.all_episodes = False"], "bind sequence_coding.train_statistics_only"),
        (["compute_dataset_statistics.use_sqrt_std = True"], "bind sequence_coding.normalizer"),
        (
            ["compute_dataset_statistics.min_max_actions = True", "sequence_coding.components = 3"],
            "no effect on action sequences with sequence_coding.components = 3: bind it to False",
        ),
        (["IbcPolicy.clip = False"], "IbcPolicy.clip = False has no effect on action sequences"),
        (
            ["train_eval.temporal_ensemble = 0.1", "train_eval.action_steps = 4"],
            "with 4 of 4 actions executed before planning again none do: set train_eval.action_st",
        ),
        (
            ["train_eval.loss_type = 'mse'", "train_eval.network = 'MLPMSE'",
             "sequence_coding.counter_examples = 'normal'"],
            "counter_examples = 'normal' has no effect with loss_type 'mse'",
        ),
        (["sequence_coding.normal_std = 2.0"], "normal_std = 2.0 has no effect with uniform"),
        (
            ["sequence_coding.components = 2", "sequence_coding.action_normalizer = 'gaussian'"],
            "action_normalizer = 'gaussian' has no effect with sequence_coding.components",
        ),
        (["sequence_coding.positions = ['x']"], "has no effect with no sequence_coding.reference"),
        (["train_eval.dataset_eval_fraction = 0.5"], "set train_eval.validation_ratio"),
    ],
)  # fmt: skip
def test_what_has_no_effect_on_action_sequences_is_refused(bindings, message):
    with pytest.raises(ValueError, match=message) as error:
        configure(*CHUNKS, *bindings)
    assert "\n" not in str(error.value).split("\n  In call to configurable")[0]


@pytest.mark.parametrize(
    "parameter",
    [
        "train_eval.action_steps = 1",
        "sequence_coding.components = 3",
        "sequence_coding.normalizers = {'a': 'limits'}",
        "sequence_coding.counter_examples = 'normal'",
        "sequence_coding.train_statistics_only = True",
        "sequence_coding.keys = ['pos_agent']",
    ],
)
def test_what_has_no_effect_without_them_is_refused(parameter):
    name = parameter.partition(" ")[0]
    with pytest.raises(ValueError, match=f"{name} is of action sequences: set train_eval.action"):
        configure(parameter)


def test_what_published_files_bind_is_accepted():
    bound = (
        "compute_dataset_statistics.min_max_actions = True",
        "get_normalizers.nested_obs = True",
        "get_normalizers.num_samples = 5000",
    )
    assert configure(*CHUNKS, *bound).sequences.action_steps == 2


def test_parameters_of_sequences_that_are_bound_to_their_defaults_are_accepted_without_them():
    assert configure("sequence_coding.reference = None", CHUNKS[1][:-1] + "None").sequences is None
