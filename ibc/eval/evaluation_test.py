import functools
import json

import numpy as np
import pytest
import tensorflow as tf

from ibc.environments.utils import termination
from ibc.eval import eval_env, evaluation


def rest(time_steps, seeds):
    """Stays where the agent is."""
    return np.asarray(time_steps.observation["pos_agent"][:, -1], np.float32)


def make(folder, step, act=rest, video=False) -> evaluation.Evaluation:
    load = functools.partial(eval_env.load, sequence_length=2)
    return evaluation.Evaluation(["PARTICLE"], load, act, step, folder, 2, 1, video, False)


def test_an_evaluation_is_done_once_all_its_files_are_there(tmp_path):
    step = tf.Variable(5, dtype=tf.int64)
    evaluator = make(tmp_path, step)
    assert not evaluator.is_done()
    evaluator.run()
    assert evaluator.is_done() and make(tmp_path, step).is_done()
    assert not make(tmp_path, step, video=True).is_done()
    step.assign(6)
    assert not evaluator.is_done()
    results = json.loads((tmp_path / "eval/Particle-v0/results.json").read_text())
    assert results["step"] == 5


def test_an_evaluation_that_was_broken_off_is_not_done(tmp_path):
    calls = []

    def act(time_steps, seeds):
        calls.append(seeds)
        if len(calls) == 70:  # in the second episode
            raise termination.Terminated
        return rest(time_steps, seeds)

    evaluator = make(tmp_path, tf.Variable(5, dtype=tf.int64), act)
    with pytest.raises(termination.Terminated):
        evaluator.run()
    assert not evaluator.is_done()
    assert not list(tmp_path.rglob("results.json"))
