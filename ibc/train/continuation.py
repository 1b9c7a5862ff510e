"""What may be another when a stopped run goes on."""

import dataclasses
import re
from collections.abc import Mapping

from ibc.agents import registry
from ibc.train import run_config
from ibc.train.run import run_folder

# Of what evaluations measure and where they start, and what published files set without effect.
_HARMLESS = (
    "AverageSuccessMetric.",
    "PushTEnv.first_seed",
    "get_normalizers.num_samples",
    "get_normalizers.num_batches",
)


def may_change(parameter: str, stored: Mapping[str, str]) -> bool:
    """Tells whether a run may go on with another value of a parameter: no weight depends on it.

    Args:
      parameter: such as 'train_eval.num_iterations'.
      stored: the bindings of the run, parameter → value as gin writes it.
    """
    owner, _, name = parameter.rpartition(".")
    if owner == "train_eval":
        fields = {field.name: field for field in dataclasses.fields(run_config.RunConfig)}
        return name in fields and fields[name].metadata.get("may_change", False)
    agents = registry.registered().values()
    harmless = (*_HARMLESS, *(prefix for agent in agents for prefix in agent.harmless))
    if parameter.startswith(harmless):
        return True
    # What is trained may call it all the same, such as @iterative_dfo() bound to a sampler.
    called = re.compile(rf"@(\S*[./])?{re.escape(owner)}\b")
    if any(called.match(value) for key, value in stored.items() if not key.startswith(harmless)):
        return False
    # Of a sampler, say, whose share of the counter-examples is 0.
    shares = [
        share
        for agent in agents
        for prefix, share in agent.harmless_at_zero.items()
        if parameter.startswith(prefix)
    ]
    return any(run_folder.have_same_value(share, stored, {share: "0.0"}) for share in shares)
