"""Measuring episodes, with TF-Agents' metrics as the witness."""

import numpy as np
from tf_agents.metrics import py_metrics
from tf_agents.trajectories import policy_step, trajectory

from ibc.environments import suite
from ibc.eval import measured_environment


def test_return_and_length_are_those_of_tf_agents_metrics():
    measured = measured_environment.MeasuredEnvironment(suite.load("PARTICLE"))
    witness = suite.load("PARTICLE")
    metrics = [
        py_metrics.AverageReturnMetric(buffer_size=1),
        py_metrics.AverageEpisodeLengthMetric(buffer_size=1),
    ]
    for seed in (5, 2, 8):
        rng = np.random.RandomState(seed)
        measured.start(measured_environment.Assignment(seed))
        witness.seed(seed)
        time_step, outcome = witness.reset(), None
        while outcome is None:
            action = rng.uniform(size=2).astype(np.float32)
            outcome = measured.step(action)
            before, time_step = time_step, witness.step(action)
            for metric in metrics:
                metric(
                    trajectory.from_transition(before, policy_step.PolicyStep(action), time_step)
                )
        assert time_step.is_last() and outcome.seed == seed and outcome.episode is None
        assert list(outcome.metrics)[:2] == [metric.name for metric in metrics]
        assert list(outcome.metrics.values())[:2] == [float(m.result()) for m in metrics]
