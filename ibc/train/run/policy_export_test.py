"""What is exported, and that no SavedModel is computed twice."""

import pytest
import tensorflow as tf
from tf_agents.networks import sequential
from tf_agents.policies import actor_policy, policy_saver
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts

from ibc.agents import greedy_policy, ibc_policy
from ibc.train.run import policy_export, policy_parts
from tests import policy_testing


class _Agent:
    def __init__(self, policy, collect_policy):
        self.policy, self.collect_policy = policy, collect_policy


def _policy() -> actor_policy.ActorPolicy:
    observation = tf.TensorSpec([3])
    action = tensor_spec.BoundedTensorSpec([2], tf.float32, 0.0, 1.0)
    network = sequential.Sequential([tf.keras.layers.Dense(2)], input_spec=observation)
    return actor_policy.ActorPolicy(ts.time_step_spec(observation), action, network)


@pytest.fixture
def saved(monkeypatch) -> list[str]:
    """The folders that PolicySaver has written models to."""
    folders = []
    save = policy_saver.PolicySaver.save

    def counted(self, folder, *args, **kwargs):
        folders.append(folder)
        return save(self, folder, *args, **kwargs)

    monkeypatch.setattr(policy_saver.PolicySaver, "save", counted)
    return folders


@pytest.mark.parametrize("shared, models", [(True, 2), (False, 3)])
def test_models_are_computed_once_per_policy_and_step(tmp_path, saved, shared, models):
    policy = _policy()
    agent = _Agent(policy, policy if shared else _policy())
    step = tf.Variable(5, dtype=tf.int64)
    exporter = policy_export.PolicyExporter(tmp_path, agent, step, interval=5)
    exporter(5)
    exporter.save_models()
    assert len(saved) == models and exporter.is_written(5)
    step.assign(7)
    exporter.save_models()
    assert len(saved) == 2 * models
    for name in ("policy", "greedy_policy", "collect_policy"):
        loaded = tf.saved_model.load(str(tmp_path / name))
        assert int(loaded.get_train_step()) == 7
    assert not list(tmp_path.rglob(".*"))


def test_saving_traces_nothing_again(tmp_path):
    policy, traces = _policy(), []
    act, distribution = policy.action, policy.distribution
    policy.action = lambda *args, **kwargs: traces.append("action") or act(*args, **kwargs)
    policy.distribution = lambda *args, **kwargs: (
        traces.append("d") or distribution(*args, **kwargs)
    )
    saver = policy_export.saver(policy)
    before = list(traces)
    assert sorted(set(before)) == ["action", "d"]
    saver.save(str(tmp_path / "policy"))
    assert traces == before


@pytest.mark.parametrize("name", ["energy_sampling", "chunks_sampling"])
def test_optimizing_samples_is_traced_once_for_all_that_is_exported(name, tmp_path, monkeypatch):
    traces = []
    improved = ibc_policy.IbcPolicy._improved
    monkeypatch.setattr(
        ibc_policy.IbcPolicy, "_improved", lambda *args: traces.append(1) or improved(*args)
    )
    policy, traced = policy_testing.make(name), policy_parts.Traced()
    for each in (policy, greedy_policy.SeededGreedyPolicy(policy)):
        policy_export.saver(each, None, traced).save(str(tmp_path / "policy"))
    assert traces == [1]
