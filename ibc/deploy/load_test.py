"""Exported policies in a loop of one's own, run by TensorFlow."""

import shutil
import sys

import numpy as np
import pytest
import tensorflow as tf
from tf_agents.policies import policy_saver
from tf_agents.trajectories import time_step as ts

import ibc
from tests import agent_testing, commands, policy_testing

_NAMES = ("energy", "regression", "chunks")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Returns name → folder of an exported policy."""
    folder = tmp_path_factory.mktemp("exported")
    # Else weights depend on the tests before, and actions may all be clipped to one bound.
    tf.keras.utils.set_random_seed(0)
    return {name: policy_testing.export(name, folder) for name in _NAMES}


def _actions(policy, observations, batch_size=None):
    policy.reset(batch_size)
    return np.array([policy(observation) for observation in observations])


@pytest.mark.parametrize("name", _NAMES)
def test_a_seed_makes_actions_a_function_of_the_observations(exported, name):
    observations = policy_testing.observations()
    policy = ibc.load_policy(exported[name], seed=3)
    actions = _actions(policy, observations)
    np.testing.assert_array_equal(actions, _actions(policy, observations))
    assert actions.shape == (12, *policy.description.action.shape)
    assert np.all((actions >= 0) & (actions <= 1)) and np.ptp(actions) > 0
    rows = policy_testing.observations(3, batch=(2,))
    assert _actions(policy, rows, batch_size=2).shape[:2] == (3, 2)


def test_actions_are_those_of_the_policy_itself(exported):
    loaded = ibc.load_policy(exported["regression"], seed=0)
    observations = policy_testing.observations(3)
    found = _actions(loaded, observations)
    model = tf.saved_model.load(str(exported["regression"]))
    for step, action in enumerate(found):
        window = {
            key: np.float32([[observations[max(0, step - 1)][key], observations[step][key]]])
            for key in observations[0]
        }
        original = model.action(ts.restart(window, 1)).action
        np.testing.assert_allclose(action, original[0], atol=1e-6)


@pytest.mark.parametrize("name", ["energy", "chunks"])
def test_the_best_sample_is_the_first_action(exported, name):
    policy = ibc.load_policy(exported[name], seed=1)
    observation = policy_testing.observations(1)[0]
    policy.reset()
    samples = policy.samples(observation)
    assert np.all(np.diff(samples.energies) >= 0)
    energies = policy.energies(observation, samples.actions)
    np.testing.assert_allclose(energies, samples.energies, atol=1e-5)
    best = samples.actions[0]
    if name == "chunks":  # The first action of a chunk would come too late.
        best = best[policy_testing.CHUNKS["latency_steps"]]
    np.testing.assert_allclose(policy(observation), np.clip(best, 0, 1), atol=1e-6)


def test_a_policy_is_described(exported):
    text = ibc.load_policy(exported["energy"]).describe()
    assert "implicit policy, one energy; takes the most probable action, after 7 training" in text
    assert "looks at 64 samples: iterative_dfo (3 iterations)" in text
    described = ibc.load_policy(exported["energy"]).description
    np.testing.assert_allclose(described.sampling.scale, [0.4, 0.45], rtol=1e-6)
    normalizer = described.observation["goal"].normalizer
    assert np.all(np.equal(normalizer["scale"], 0.5)) and np.all(
        np.equal(normalizer["offset"], -0.25)
    )


def test_a_runs_folder_means_its_greedy_policy(exported, tmp_path):
    (tmp_path / "run" / "train").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="is a run that has exported no policy yet"):
        ibc.load_policy(tmp_path / "run")
    shutil.copytree(exported["regression"], tmp_path / "run" / "policies" / "greedy_policy")
    assert "regression" in ibc.load_policy(tmp_path / "run").describe()


@pytest.mark.parametrize(
    "name, message", [("nowhere", "does not exist"), ("file", "is a file"), ("empty", "holds no")]
)
def test_a_path_without_policy_is_one_line(tmp_path, name, message):
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=rf"{name} {message}.*greedy_policy\.$"):
        ibc.load_policy(tmp_path / name)


def test_a_damaged_model_is_one_line(exported, tmp_path):
    shutil.copytree(exported["regression"], tmp_path / "cut")
    path = tmp_path / "cut" / "saved_model.pb"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="cut cannot be loaded as a policy") as error:
        ibc.load_policy(tmp_path / "cut")
    assert "\n" not in str(error.value)


def test_older_exports_act_without_seeds_and_energies(tmp_path):
    """They hold neither policy.json nor functions beside TF-Agents' own."""
    saver = policy_saver.PolicySaver(policy_testing.make("warm"), batch_size=None)
    saver.save(str(tmp_path / "policy"))
    with pytest.raises(ValueError, match="exported before policies took seeds: leave seed out"):
        ibc.load_policy(tmp_path / "policy", seed=0)
    policy = ibc.load_policy(tmp_path / "policy")
    assert policy.description.frames == agent_testing.OBS_SPEC["goal"].shape[0]
    actions = _actions(policy, policy_testing.observations(3))
    assert actions.shape == (3, 2) and np.all((actions >= 0) & (actions <= 1))
    with pytest.raises(ValueError, match="gives no energies: it was exported before"):
        policy.energies(policy_testing.observations(1)[0], actions)


def test_importing_the_package_does_not_import_tensorflow():
    code = "import sys, ibc; ibc.load_policy; assert 'tensorflow' not in sys.modules"
    done = commands.python("-c", code)
    assert done.returncode == 0, done.stderr
    assert sys.modules["tensorflow"]
