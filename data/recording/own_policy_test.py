"""Controllers of the user's own: what they see, what they may return."""

import numpy as np
import pytest

from ibc.data import policy_eval
from ibc.data.recording import options, own_policy
from ibc.environments import suite
from tests import training

_MODULE = """
import numpy as np

class Toward:
    def __init__(self, env, seed):
        self.env, self.seed, self.resets = env, seed, 0

    def reset(self):
        self.resets += 1

    def __call__(self, observation):
        Toward.seen = observation
        return np.float64(observation["pos_first_goal"])

class Wrong(Toward):
    def __call__(self, observation):
        return {wrong}

five = 5
"""


def _write(folder, monkeypatch, name, wrong="None"):
    (folder / f"{name}.py").write_text(_MODULE.replace("{wrong}", wrong))
    monkeypatch.chdir(folder)


def test_it_sees_the_latest_frame_and_is_reset(tmp_path, monkeypatch):
    _write(tmp_path, monkeypatch, "latest_frame")
    env = suite.load("PARTICLE", history_length=2)
    policy = own_policy.OwnPolicy(env, "latest_frame:Toward", seed=7, has_history=True)
    controller = policy._controller
    assert controller.seed == 7 and controller.env is suite.gym_env(env)
    for resets in (1, 2):
        time_step = env.reset()
        for _ in range(2):
            step = policy.action(time_step)
            for key, seen in controller.seen.items():
                np.testing.assert_array_equal(seen, time_step.observation[key][-1])
            np.testing.assert_array_equal(step.action, time_step.observation["pos_first_goal"][-1])
            assert step.action.dtype == np.float32
            time_step = env.step(step.action)
        assert controller.resets == resets


def test_it_is_recorded(tmp_path, monkeypatch):
    _write(tmp_path, monkeypatch, "recorded")
    found = training.record("PARTICLE", "mine.tfrecord", "recorded:Toward", num_episodes=3)
    assert found.metrics["AverageFirstGoalDistance"] < 0.05
    assert (tmp_path / "mine.tfrecord").exists()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("np.zeros(3)", r"returned float64 of the shape \(3,\) as an action, expected .*\(2,\)"),
        ("'left'", "returned <U4 of the shape"),
        ("[0.5, float('nan')]", "which is not finite"),
    ],
)
def test_what_is_no_action_is_refused(tmp_path, monkeypatch, wrong, message):
    name = f"wrong_{abs(hash(wrong))}"
    _write(tmp_path, monkeypatch, name, wrong)
    env = suite.load("PARTICLE")
    policy = own_policy.OwnPolicy(env, f"{name}:Wrong", seed=0, has_history=False)
    with pytest.raises(ValueError, match=message):
        policy.action(env.reset())


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("no_such_module:Toward", "policy 'no_such_module:Toward': there is no module"),
        ("named:Away", "the module 'named' has no class 'Away'"),
        ("named:five", "the module 'named' has no class 'five'"),
        ("named:", "the module 'named' has no class ''"),
    ],
)
def test_what_is_no_controller_is_refused(tmp_path, monkeypatch, policy, message):
    _write(tmp_path, monkeypatch, "named")
    asked = options.EvaluationOptions(task="PARTICLE", policy=policy, num_episodes=1)
    with pytest.raises(ValueError, match=message):
        policy_eval.evaluate(asked)
