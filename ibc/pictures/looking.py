"""What a policy thinks after one observation, as flat actions and their energies."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from ibc.runtime import description as description_lib
from ibc.runtime import policy as policy_lib

_DRAWN = 256
_REFUSED = {
    "regression": "it is a regression, which gives one action and rates no other",
    "autoregressive": "it has an energy for each number of an action, given those before, and none "
    "of the whole action",
    "unknown": "it was exported before policies had energies; run the training command again, "
    "which exports the finished run anew",
}


@dataclasses.dataclass(frozen=True)
class View:
    """What a policy thinks after one observation.

    Actions are flat and in the environment's units, [A]; of a policy of action sequences, they are
    the normalized numbers that stand for a chunk.
    """

    action: np.ndarray
    """What it does next, as the environment takes it."""
    chosen: np.ndarray
    """The same as a flat action; the best chunk of a policy of action sequences."""
    samples: np.ndarray
    """Actions that it was chosen among, [N, A]."""
    energies: Callable[[np.ndarray], np.ndarray]
    """Actions [N, A] → energies float32 [N]."""
    minimum: np.ndarray
    """Lower bounds of what is sampled, [A]."""
    maximum: np.ndarray
    """Upper bounds, [A]."""
    flat: Callable[[np.ndarray], np.ndarray]
    """An action of the environment, or a chunk of them [P, ...] → a flat action [A]."""
    search: policy_lib.Search | None = None
    """How the action was looked for; None of a mixture."""


def check(description: description_lib.Description) -> None:
    """Checks that a policy rates actions.

    Raises:
      ValueError: It does not; the message says why.
    """
    why = _REFUSED.get(description.kind)
    if description.kind == "mixture" and description.chunks:
        why = "it is a mixture over the numbers of action sequences"
    if why:
        raise ValueError(
            f"this policy has no landscape: {why}. Energies and mixtures of single actions, and "
            "energies of action sequences, have one."
        )


def look(policy: policy_lib.Policy, observation: Any) -> View:
    """Returns what a policy thinks after an observation, and has it act.

    Args:
      policy: An implicit policy, which goes on to its next step.
      observation: As the policy takes it.

    Raises:
      RuntimeError, TypeError, ValueError: As a call of the policy; or it rates no actions.
    """
    check(policy.description)
    if policy.description.kind == "mixture":
        return _of_mixture(policy, observation)
    search, described = policy.search(observation), policy.description
    normalized = search.samples()
    samples = in_units(described, normalized[0])
    best = samples[np.argmax(search.score(normalized)[0])]
    action = policy(observation)
    sampling = described.sampling
    return View(
        action=action,
        chosen=best if described.chunks else np.ravel(action),
        samples=samples,
        energies=lambda actions: -search.score(_normalized(described, actions)[np.newaxis])[0],
        minimum=in_units(described, np.float32(sampling.minimum)),
        maximum=in_units(described, np.float32(sampling.maximum)),
        search=search,
        flat=lambda given: in_units(described, search.normalized(given[np.newaxis, np.newaxis]))[
            0, 0
        ],
    )


def in_units(description: description_lib.Description, normalized: np.ndarray) -> np.ndarray:
    """Maps normalized actions [..., A] to flat ones, see `View`."""
    if description.chunks:
        return normalized
    sampling = description.sampling
    return normalized * np.float32(sampling.scale) + np.float32(sampling.offset)


def _normalized(description: description_lib.Description, actions: np.ndarray) -> np.ndarray:
    """Maps flat actions [..., A] to normalized ones."""
    actions = np.asarray(actions, np.float32)
    if description.chunks:
        return actions
    sampling = description.sampling
    return (actions - np.float32(sampling.offset)) / np.float32(sampling.scale)


def _of_mixture(policy: policy_lib.Policy, observation: Any) -> View:
    """Returns the view of a mixture density, whose energy is −log p."""
    logits, means, scales = policy.components(observation)
    action, spec = policy(observation), policy.description.action
    minimum, maximum = (
        np.broadcast_to(np.float32(bound), spec.shape).ravel()
        for bound in (spec.minimum, spec.maximum)
    )
    chosen = np.random.default_rng(0).choice(len(logits), _DRAWN, p=_softmax(logits))
    noise = np.random.default_rng(1).normal(size=(_DRAWN, len(minimum)))
    return View(
        action=action,
        chosen=np.ravel(action),
        samples=means[chosen] + scales[chosen] * noise,
        energies=lambda actions: mixture_energies(logits, means, scales, actions),
        minimum=minimum,
        maximum=maximum,
        flat=np.ravel,
    )


def mixture_energies(
    logits: np.ndarray, means: np.ndarray, scales: np.ndarray, actions: np.ndarray
) -> np.ndarray:
    """Returns −log density of a mixture of normal distributions at actions [N, A]: [N].

    Args:
      logits: Of the components, [K].
      means: Theirs, [K, A].
      scales: Their standard deviations, [K, A].
      actions: [N, A].
    """
    deviations = (actions[:, np.newaxis] - means) / scales
    of_components = -0.5 * np.square(deviations).sum(axis=2) - np.log(scales).sum(axis=1)
    weighted = of_components + np.log(_softmax(logits))
    most = weighted.max(axis=1)
    total = np.log(np.exp(weighted - most[:, np.newaxis]).sum(axis=1)) + most
    return 0.5 * means.shape[1] * np.log(2 * np.pi) - total


def _softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(np.float64(logits) - logits.max())
    return weights / weights.sum()
