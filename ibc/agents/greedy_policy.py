"""TF-Agents' greedy policy, extended to explicit seeds."""

import tensorflow as tf
from tf_agents.policies import greedy_policy
from tf_agents.trajectories import policy_step
from tf_agents.trajectories import time_step as ts
from tf_agents.typing import types

from ibc.agents import distributions


class SeededGreedyPolicy(greedy_policy.GreedyPolicy):
    """Takes the wrapped policy's most probable action, as a function of the seed.

    Policies whose distribution is itself random offer `seeded_distribution(time_step, seed,
    policy_state)`, which returns a policy step whose state is that after acting by the mode;
    TF-Agents' greedy policy would not pass them the seed. What this one exports needs nothing
    but TensorFlow to be loaded.
    """

    def _action(
        self,
        time_step: ts.TimeStep,
        policy_state: types.NestedTensor,
        seed: types.Seed | None = None,
    ) -> policy_step.PolicyStep:
        seeded_distribution = getattr(self.wrapped_policy, "seeded_distribution", None)
        if seeded_distribution is None:
            step = self.wrapped_policy.distribution(time_step, policy_state)
        else:
            step = seeded_distribution(time_step, seed, policy_state)
        return step._replace(action=tf.nest.map_structure(lambda d: d.mode(), step.action))

    def _distribution(
        self, time_step: ts.TimeStep, policy_state: types.NestedTensor
    ) -> policy_step.PolicyStep:
        step = self._action(time_step, policy_state)
        return step._replace(action=tf.nest.map_structure(distributions.point, step.action))
