"""A policy in training as one that acts on single observations, as exported ones do."""

import types

from tf_agents.policies import tf_policy

from ibc.agents import greedy_policy
from ibc.deploy import saved_model
from ibc.runtime import policy as policy_lib
from ibc.train.run import policy_parts


def of(policy: tf_policy.TFPolicy, seed: int) -> policy_lib.Policy:
    """Returns a policy that acts greedily by the weights that another one has at any time.

    Args:
      policy: One of ours.
      seed: Makes its actions a function of the observations.

    Raises:
      ValueError: Observations or actions are nested deeper than exports allow.
    """
    greedy = greedy_policy.SeededGreedyPolicy(policy)
    description = policy_parts.describe(greedy)
    if description is None:
        raise ValueError("the policy's observations or actions are nested: it has no description.")
    with policy_parts.tracing_once(greedy, policy_parts.Traced()) as functions:
        model = types.SimpleNamespace(get_initial_state=greedy.get_initial_state, **functions)
    backend = saved_model.ModelBackend(model, description, "the policy in training")
    return policy_lib.Policy(backend, seed)
