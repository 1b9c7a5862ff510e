"""Config files, options and checks of the imitation algorithms."""

import json
import math

import gin
import numpy as np
import pytest
import tensorflow as tf

from ibc.agents.sac_agent_test import batch_of
from ibc.online import algorithms, options, run_config
from ibc.rewards import learned_reward
from ibc.train import config_files
from ibc.utils import gin_config, keys

_FOLDER = config_files.config_root() / "online"
_KEY = keys.Key(tf.constant([0, 0]))
_SETTING = algorithms.Setting(5, 2, expert_trajectories=3, time_horizon=40, seed=0)


@pytest.fixture(autouse=True)
def _fresh_gin():
    gin.clear_config()
    yield
    gin.clear_config()


def _parse(*files, bindings=()):
    gin.clear_config()
    gin_config.parse(files, bindings, search_folders=[_FOLDER])
    return options.bound()


def _value(found, dotted):
    *prefix, name = dotted.split(".")
    return getattr(getattr(found, prefix[-1]), name)


def _published(golden):
    return json.load(open(golden("online_imitation/hyperparameters.json")))


def test_defaults_are_the_published_ones(golden):
    found = options.bound()
    elsewhere = {"seed", "steps", "env", "check_time_usage", "save_trajectories", "render"}
    for name, value in _published(golden)["general"].items():
        if name not in elsewhere:
            assert _value(found, name) == value, name


@pytest.mark.parametrize("group", ["algorithms", "optimised"])
def test_config_files_are_the_published_settings(golden, group):
    for name, values in _published(golden)[group].items():
        found = _parse(f"{name}.gin")
        for option, value in values.items():
            expected = math.inf if value == "inf" else value
            if option != "imitation.mix_expert_data" or value is not True:
                assert _value(found, option) == expected, (name, option)


def test_every_published_option_is_known(golden):
    published = _published(golden)
    dotted = {
        name
        for group in ("algorithms", "optimised")
        for d in published[group].values()
        for name in d
    }
    assert dotted <= set(options.names())


def _log_policy(observation, action):
    return -tf.reduce_sum(tf.square(action), -1) - 0 * observation[:, 0]


@pytest.mark.parametrize("name", [n for n in algorithms.ALGORITHMS if n != "PWIL"])
def test_every_algorithm_rewards_a_batch(name):
    found = _parse(f"{name}.gin", bindings=["imitation.pretraining.iterations = 2"])
    algorithms.check(name, found)
    learned = algorithms.get(name).build(found, _SETTING)
    agent, expert = batch_of(16, seed=0), batch_of(16, seed=1)
    for step in range(learned.pretraining_steps):
        learned.pretrain(expert, keys.Key(tf.constant([0, step])))
    learned.prepare(expert, _KEY)
    told = learned.train(agent, expert, _log_policy, _KEY)
    assert all(np.isfinite(value) for value in told.values())
    progress = learned_reward.Progress(tf.constant(40.0), tf.constant(2.0))
    batch = learned.learner_batch(agent, expert, _log_policy, progress, _KEY)
    assert batch.reward.shape == [16] and np.isfinite(batch.reward).all()


def test_pwil_rewards_steps_as_they_are_taken():
    found = _parse("PWIL.gin")
    learned = algorithms.get("PWIL").build(found, _SETTING)
    learned.prepare(batch_of(30), _KEY)
    assert learned.moment is learned_reward.Moment.COLLECTION
    assert 0 < learned.reward_of_step(batch_of(1, seed=2)) <= 5


@pytest.mark.parametrize(
    ("name", "bindings", "message"),
    [
        ("AdRIL", ["imitation.mix_expert_data = 'none'"], "cannot use imitation.mix_expert_data"),
        ("GAIL", ["imitation.mix_expert_data = 'prefill_memory'"], "give 'none' or 'mixed_batch'"),
        ("DRIL", ["imitation.state_only = True"], "no reward of states alone"),
        ("SAC", ["imitation.state_only = True"], "no reward of states alone"),
        ("GIAL", [], "Did you mean GAIL"),
        (
            "GAIL",
            ["imitation.mix_expert_data = 'mixed'"],
            "imitation.mix_expert_data must be one of",
        ),
        ("GAIL", ["training.batch_size = 0"], "training.batch_size must be a whole number"),
        ("GAIL", ["reinforcement.discount = 1.5"], "reinforcement.discount must be in"),
        ("GAIL", ["imitation.trajectory = 5"], "trajectories"),
        ("GAIL", ["imitation.discriminator.deph = 5"], "depth"),
    ],
)
def test_what_cannot_be_is_refused(name, bindings, message):
    with pytest.raises(ValueError, match=message):
        algorithms.check(name, _parse(*[f"{name}.gin"] * (name != "GIAL"), bindings=bindings))


def test_shaping_is_an_option_and_no_weight_depends_on_how_often_is_evaluated():
    found = _parse("GAIL.gin", bindings=["imitation.shaping.scale = 2.0"])
    assert found.shaping.scale == 2 and found.shaping.changes_anything
    free = run_config.free_names()
    assert {"evaluation.interval", "logging.interval", "online_train_eval.steps"} <= free
    assert not {"training.batch_size", "imitation.shaping.scale", "memory.size"} & free


def test_a_tuned_set_is_of_its_algorithm():
    assert algorithms.check_tuned_set("GAIL", "GAIL_5_trajectories") == "GAIL_5_trajectories.gin"
    assert algorithms.check_tuned_set("SQIL", "AdRIL_5_trajectories")
    assert algorithms.check_tuned_set("DAC", "5_trajectories") == "GAIL_5_trajectories.gin"
    assert algorithms.check_tuned_set("BC", "a/BC_3_trajectories.gin") == "a/BC_3_trajectories.gin"


@pytest.mark.parametrize(
    ("tuned", "message"),
    [
        ("PWIL_5_trajectories", "is tuned for PWIL, but the algorithm is GAIL"),
        ("a/PWIL_5_trajectories.gin", "is tuned for PWIL, but the algorithm is GAIL"),
        ("GAIL_6_trajectories", "no tuned set; of GAIL there are: .* Did you mean GAIL_5_traj"),
        ("nonsense", "no tuned set; of GAIL there are: GAIL_10_trajectories, "),
    ],
)
def test_other_tuned_sets_are_refused(tuned, message):
    with pytest.raises(ValueError, match=message):
        algorithms.check_tuned_set("GAIL", tuned)
