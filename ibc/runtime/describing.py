"""A policy in a few lines of text."""

import numpy as np

from ibc.runtime import description as description_lib

_KINDS = {
    "energy": "implicit policy, one energy",
    "autoregressive": "implicit policy, one energy per action dimension",
    "regression": "explicit policy, regression",
    "mixture": "explicit policy, mixture of normal distributions",
    "unknown": "policy of an export without policy.json",
}
_UNBOUNDED = 1e30


def text(description: description_lib.Description, where: str) -> str:
    """Returns what a policy sees, does, and how.

    Args:
      description: The policy.
      where: Its folder and who runs it.
    """
    is_certain = description.greedy and not description.greedy_samples
    acts = "takes the most probable action" if is_certain else "draws its actions"
    step = description.train_step
    trained = "" if step is None or step < 0 else f", after {step} training steps"
    lines = [f"{_KINDS.get(description.kind, description.kind)}; {acts}{trained}", where]
    count = description.frames
    lines.append("sees the last observation:" if count == 1 else f"sees the last {count} of:")
    for key, field in description.observation.items():
        lines.append(f"  {key or 'array'}  {field.text()}")
    lines.append(f"gives:\n  action  {_action(description.action)}")
    lines.append(f"units: {description.units}")
    if description.sampling:
        lines.append(_sampling(description.sampling))
    if description.chunks:
        lines.append(_chunks(description.chunks))
    if description.made_by:
        lines.append(f"exported by {description.made_by}")
    return "\n".join(lines)


def _action(action: description_lib.Action) -> str:
    known = action.minimum is not None
    if known and np.all(np.abs([action.minimum, action.maximum]) < _UNBOUNDED):
        low, high = (
            np.round(np.broadcast_to(bound, action.shape), 4).tolist()
            for bound in (action.minimum, action.maximum)
        )
        bounds = f"from {low} to {high}"
    else:
        bounds = "without bounds"
    return f"{action.dtype} {action.shape}, {bounds}"


def _sampling(sampling: description_lib.Sampling) -> str:
    stages = [stage for stage in sampling.stages if stage]
    how = " then ".join(
        f"{stage['name']} ({stage['num_iterations']} iterations)"
        if "num_iterations" in stage
        else stage["name"]
        for stage in stages
    )
    warm = sampling.warm_start_fraction
    started = f", {warm:.0%} of them around the action before" if warm else ""
    return f"looks at {sampling.num_action_samples} samples{started}: {how or 'not improved'}"


def _chunks(chunks: description_lib.Chunks) -> str:
    late = f", the first {chunks.latency_steps} come too late" if chunks.latency_steps else ""
    averaged = "" if chunks.temporal_ensemble is None else ", averaged with earlier plans"
    return (
        f"plans {chunks.chunk_steps} actions{late}, executes {chunks.action_steps} before it "
        f"plans again{averaged}"
    )
