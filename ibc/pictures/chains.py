"""What samplers do on their way: the iterations of DFO, the chains of Langevin dynamics."""

import dataclasses
import itertools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ibc.runtime import description as description_lib
from ibc.runtime import dfo, philox, planners
from ibc.runtime import policy as policy_lib

SAMPLERS = {"dfo": tuple(dfo.SAMPLERS), "langevin": ("Langevin",)}
"""What can be shown → names, in a description, of the samplers that do it."""


class Chain(NamedTuple):
    """Where a sampler has had its samples."""

    steps: np.ndarray
    """Normalized actions, float32 [K + 1, N, A]: at the start, and after each iteration."""
    sampler: str
    """Its name in the policy's description."""
    is_own: bool
    """Whether the policy samples so; otherwise the sampler's parameters are its defaults."""


def of(search: policy_lib.Search, sampling: description_lib.Sampling, what: str) -> Chain:
    """Has a policy's samples go through its samplers again, and records one of them.

    Samples start as at an episode's first step: without a warm start.

    Args:
      search: How the policy looks for an action.
      sampling: Its samplers.
      what: 'dfo' or 'langevin'. Where the policy uses no such sampler, its starts go through one
        with default parameters instead.

    Raises:
      ValueError: The policy cannot be differentiated, as Langevin dynamics needs, or uses a sampler
        of another kind before.
    """
    stages = sampling.stages
    wanted = [number for number, stage in enumerate(stages) if _is(stage, what)]
    is_own = bool(wanted)
    if not is_own:
        stages, wanted = (_default(what),), [0]
    seeds = philox.split(search.seed, 1 + len(stages))[1:]
    bounds = dfo.Bounds(np.float32(sampling.minimum), np.float32(sampling.maximum))
    actions = planners.starts(sampling, bounds, 1, philox.split(search.seed, 1)[0])
    steps: list[np.ndarray] = []
    for number, (stage, seed) in enumerate(zip(stages[: wanted[-1] + 1], seeds, strict=False)):
        if stage is not None:
            run = _runner(stage["name"])
            recorded, actions = run(search, stage, actions, bounds, seed)
            steps += recorded[bool(steps) :] if number in wanted else []
    return Chain(np.stack(steps), stages[wanted[0]]["name"], is_own)


def _is(stage: Mapping[str, Any] | None, what: str) -> bool:
    return stage is not None and stage["name"] in SAMPLERS[what]


def _runner(name: str) -> Callable[..., tuple[list[np.ndarray], np.ndarray]]:
    for what, run in (("dfo", _dfo), ("langevin", _langevin)):
        if name in SAMPLERS[what]:
            return run
    raise ValueError(
        f"the policy samples by {name} first, which cannot be shown; what can is "
        f"{', '.join(itertools.chain(*SAMPLERS.values()))}."
    )


def _default(what: str) -> dict[str, Any]:
    from ibc.samplers import dfo as dfo_sampler
    from ibc.samplers import langevin

    sampler = {"dfo": dfo_sampler.IterativeDFO, "langevin": langevin.Langevin}[what]()
    return {"name": SAMPLERS[what][0], **dataclasses.asdict(sampler)}


def _dfo(
    search: policy_lib.Search,
    stage: Mapping[str, Any],
    starts: np.ndarray,
    bounds: dfo.Bounds,
    seed: np.ndarray,
) -> tuple[list[np.ndarray], np.ndarray]:
    """Returns the samples [N, A] at each scoring, and those at the end [1, N, A]."""
    scored = []

    def score(actions: np.ndarray) -> np.ndarray:
        scored.append(actions[0])
        return search.score(actions)

    options = {key: value for key, value in stage.items() if key != "name"}
    found = dfo.SAMPLERS[stage["name"]](score, starts, bounds, seed, **options)
    return scored, found.actions


def _langevin(
    search: policy_lib.Search,
    stage: Mapping[str, Any],
    starts: np.ndarray,
    bounds: dfo.Bounds,
    seed: np.ndarray,
) -> tuple[list[np.ndarray], np.ndarray]:
    """Returns the samples [N, A] at the start and after each step, and those at the end."""
    if search.score_tensors is None:
        raise ValueError(
            "Langevin dynamics needs gradients, which ONNX and TFLite graphs do not give: use the "
            "run's folder, or that of a policy that training has exported."
        )
    import tensorflow as tf

    from ibc.samplers import action_space, langevin
    from ibc.utils import keys

    options = {key: value for key, value in stage.items() if key != "name"}
    sampler = langevin.Langevin(**{**options, "return_chain": True, "jit_compile": False})
    space = action_space.ActionSpace(tf.TensorSpec(bounds.minimum.shape), *map(tf.constant, bounds))
    found = sampler(search.score_tensors, tf.constant(starts), space, keys.of(tf.constant(seed)))
    return [starts[0], *found.chain.actions.numpy()[:, 0]], found.actions.numpy()
