"""What a policy is made of, for whoever uses its export: its description, and functions of it.

A SavedModel's `action` draws by itself and takes TF-Agents' time steps. The functions here are what
`ibc.load_policy` and `ibc-export` call instead: they take plain tensors and an explicit seed.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.util import nest
from tf_agents.policies import tf_policy
from tf_agents.trajectories import time_step as ts
from tf_agents.typing import types

from ibc.agents import (
    autoregressive_agent,
    base_agent,
    greedy_policy,
    ibc_policy,
    mdn_agent,
    mse_agent,
    receding_horizon,
)
from ibc.networks.layers import normalizers
from ibc.runtime import description

_SEED = tf.TensorSpec([2], tf.int32, "seed")
# The first that fits.
_KINDS = {
    autoregressive_agent.AutoregressivePolicy: "autoregressive",
    ibc_policy.IbcPolicy: "energy",
    mse_agent.MsePolicy: "regression",
    mdn_agent.MdnPolicy: "mixture",
}


@dataclasses.dataclass(frozen=True)
class _Layers:
    """A policy taken apart."""

    whole: tf_policy.TFPolicy
    """As it is exported."""
    chunked: receding_horizon.RecedingHorizonPolicy | None
    """What acts by chunks, if it does."""
    planner: tf_policy.TFPolicy
    """What the network gives: actions, or chunks."""
    greedy: bool
    """Whether the most probable one is taken."""

    @classmethod
    def of(cls, policy: tf_policy.TFPolicy) -> "_Layers":
        greedy = isinstance(policy, greedy_policy.SeededGreedyPolicy)
        inner = policy.wrapped_policy if greedy else policy
        chunked = inner if isinstance(inner, receding_horizon.RecedingHorizonPolicy) else None
        return cls(policy, chunked, chunked.planner if chunked else inner, greedy)


Functions = dict[str, Callable[..., Any]]
"""Name → traced function."""


@dataclasses.dataclass(frozen=True)
class Traced:
    """What policies that are made of the same parts share: tracing takes long."""

    exported: dict[int, Functions] = dataclasses.field(default_factory=dict)
    """Identity of a part → functions of it that are exported."""
    methods: dict[int, Functions] = dataclasses.field(default_factory=dict)
    """Identity of what plans → what its methods were traced as."""


@contextlib.contextmanager
def tracing_once(policy: tf_policy.TFPolicy, traced: Traced) -> Iterator[Functions]:
    """Gives functions to export with a policy by their names, traced for any batch size.

    Within, whatever else is traced of the policy calls what they have traced already.

    Policies of ours have `seeded_action(step_type [B], observation [B, T, ...], policy_state, seed
    [2])`, which returns a policy step. Implicit ones have `encode(observation)`, `score(encoding,
    normalized actions [B, N, A])` and `samples(observation, seed)`, normalized; explicit ones
    `regress(observation)` or `components(observation)`. Policies of action sequences have
    `code(observation, chunks [B, P, A])` and `decode(observation, agent's actions [B, K])`.

    Args:
      policy: The policy.
      traced: What was traced for other policies is used again where they have the same parts;
        what is traced is added.
    """
    planner = _Layers.of(policy).planner
    if not isinstance(planner, base_agent.NetworkPolicy):
        yield {}  # Of whose seeds nothing is known.
        return
    with planner.tracing_once(traced.methods.setdefault(id(planner), {})):
        yield _functions(policy, traced)


def _functions(policy: tf_policy.TFPolicy, traced: Traced) -> Functions:
    layers, found = _Layers.of(policy), {}
    observation = _batched(policy.time_step_spec.observation, "observation")
    for part, trace in ((layers.planner, _of_planner), (layers.chunked, _of_chunks)):
        if id(part) not in traced.exported:
            traced.exported[id(part)] = trace(part, observation)
        found |= traced.exported[id(part)]

    def seeded_action(step_type, observation, policy_state, seed):
        time_step = _time_step(policy, step_type, observation)
        return policy.action(time_step, policy_state, seed=seed)

    state = _batched(policy.policy_state_spec, "policy_state")
    step_type = tf.TensorSpec([None], tf.int32, "step_type")
    return {"seeded_action": _traced(seeded_action, step_type, observation, state, _SEED), **found}


def describe(
    policy: tf_policy.TFPolicy, train_step: int | None = None
) -> description.Description | None:
    """Describes a policy; None where it is none of ours, or what it sees or does is nested deeper.

    Args:
      policy: The policy.
      train_step: Training steps behind it.
    """
    layers = _Layers.of(policy)
    if not isinstance(layers.planner, base_agent.NetworkPolicy):
        return None
    observed, spec = policy.time_step_spec.observation, policy.action_spec
    by_key = observed if isinstance(observed, Mapping) else {"": observed}
    leaves = [*by_key.values(), spec]
    frames = {
        leaf.shape[0] for leaf in by_key.values() if not tf.nest.is_nested(leaf) and leaf.shape
    }
    if any(map(tf.nest.is_nested, leaves)) or len(frames) != 1:
        return None
    layers_of = _normalizers(layers.planner, by_key)
    kinds = (kind for type_, kind in _KINDS.items() if isinstance(layers.planner, type_))
    return description.Description(
        kind=next(kinds, "unknown"),
        frames=frames.pop(),
        observation={
            key: description.Field(
                tuple(leaf.shape[1:]), leaf.dtype.as_numpy_dtype.__name__, layers_of.get(key)
            )
            for key, leaf in by_key.items()
        },
        action=description.Action(
            tuple(spec.shape),
            spec.dtype.as_numpy_dtype.__name__,
            getattr(spec, "minimum", None),
            getattr(spec, "maximum", None),
            clip=True if layers.greedy else policy._clip,
        ),
        greedy=layers.greedy,
        greedy_samples=getattr(layers.planner, "greedy_samples", False),
        sampling=_sampling(layers.planner),
        chunks=layers.chunked and description.Chunks(**layers.chunked.steps),
        train_step=train_step,
        made_by=_package(),
    )


def _of_planner(planner: tf_policy.TFPolicy, observation: types.NestedTensorSpec) -> Functions:
    if isinstance(planner, ibc_policy.IbcPolicy):
        return _of_energy(planner, observation)
    if isinstance(planner, mse_agent.MsePolicy):
        return {"regress": _traced(planner.once(planner.regress), observation)}
    if isinstance(planner, mdn_agent.MdnPolicy):
        return {"components": _traced(planner.components, observation)}
    return {}


def _of_chunks(
    chunked: receding_horizon.RecedingHorizonPolicy | None, observation: types.NestedTensorSpec
) -> Functions:
    if chunked is None:
        return {}
    coding, steps = chunked.coding, chunked.steps["chunk_steps"]
    chunk = tf.TensorSpec([None, steps, *chunked.action_spec.shape], tf.float32, "chunks")
    coded = tf.TensorSpec([None, coding.size], tf.float32, "actions")
    return {
        "code": _traced(coding.encode, observation, chunk),
        "decode": _traced(coding.decode, observation, coded),
    }


def _of_energy(planner: ibc_policy.IbcPolicy, observation: types.NestedTensorSpec) -> Functions:
    def samples(observation, seed):
        first = tf.fill([tf.shape(tf.nest.flatten(observation)[0])[0]], ts.StepType.FIRST)
        return planner.samples(_time_step(planner, first, observation), seed)

    encode = _traced(planner.once(planner.encode), observation)
    encoding = encode.get_concrete_function(observation).structured_outputs
    encoding = tf.TensorSpec([None, *encoding.shape[1:]], encoding.dtype, "encoding")
    actions = tf.TensorSpec([None, None, planner.action_space.size], tf.float32, "actions")
    return {
        "encode": encode,
        "score": _traced(planner.score, encoding, actions),
        "samples": _traced(samples, observation, _SEED),
    }


def _traced(fn: Callable[..., Any], *specs: Any) -> Callable[..., Any]:
    traced = fn if hasattr(fn, "get_concrete_function") else tf.function(fn, autograph=False)
    traced.get_concrete_function(*specs)
    return traced


def _batched(specs: types.NestedTensorSpec, name: str) -> types.NestedTensorSpec:
    """Adds a batch axis, and the names that TensorFlow gives an argument's parts.

    Under other names, SavedModel would trace a function again.
    """
    paths = ["_".join((name, *map(str, path))) for path, _ in nest.flatten_with_tuple_paths(specs)]
    leaves = [
        tf.TensorSpec([None, *spec.shape], spec.dtype, path)
        for path, spec in zip(paths, tf.nest.flatten(specs), strict=True)
    ]
    return tf.nest.pack_sequence_as(specs, leaves)


def _time_step(
    policy: tf_policy.TFPolicy, step_type: tf.Tensor, observation: types.NestedTensor
) -> ts.TimeStep:
    """Makes a time step whose reward and discount, which no policy looks at, are zero and one."""
    zeros = tf.zeros_like(step_type, tf.float32)
    reward, discount = policy.time_step_spec.reward, policy.time_step_spec.discount
    return ts.TimeStep(
        step_type, tf.cast(zeros, reward.dtype), tf.cast(zeros + 1, discount.dtype), observation
    )


def _sampling(planner: tf_policy.TFPolicy) -> description.Sampling | None:
    if not isinstance(planner, ibc_policy.IbcPolicy):
        return None
    space, values = planner.action_space, planner.sampling
    scale, offset = _affine(space.denormalize)
    stages = [stage and _stage(stage) for stage in values.pop("stages")]
    return description.Sampling(
        minimum=space.minimum.numpy(),
        maximum=space.maximum.numpy(),
        scale=np.broadcast_to(scale, [space.size]),
        offset=np.broadcast_to(offset, [space.size]),
        stages=stages,
        **values,
    )


def _stage(stage: Any) -> dict[str, Any]:
    """Returns a sampler's name and parameters."""
    stage = getattr(stage, "sampler", stage)  # Of blocks, whose work they are.
    fields = dataclasses.asdict(stage) if dataclasses.is_dataclass(stage) else {}
    name = getattr(stage, "NAME", "") or type(stage).__name__
    return {"name": name, **{key: value for key, value in fields.items() if _is_plain(value)}}


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, str))


def _normalizers(
    planner: tf_policy.TFPolicy, by_key: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Returns key → how its values are normalized, as far as that is an affine map."""
    layer = getattr(planner, "obs_norm_layer", None)
    coding = getattr(layer, "__self__", None)
    if hasattr(coding, "scales"):
        pairs = coding.scales
    else:
        nested = isinstance(layer, normalizers.NestedLayer)
        each = layer.leaf_layers if nested else [layer]
        keys = sorted(by_key)  # In the order of tf.nest.
        pairs = {
            key: _affine(one)
            for key, one in zip(keys, each, strict=len(keys) == len(each))
            if hasattr(one, "as_affine")
        }
    formula = "x * scale + offset, images in [0, 1] first"
    return {
        key: {"formula": formula, "scale": np.asarray(scale), "offset": np.asarray(offset)}
        for key, (scale, offset) in pairs.items()
    }


def _affine(layer: Any) -> tuple[np.ndarray, np.ndarray]:
    """Returns scale and offset of an affine layer, or those of an affine function."""
    if layer is None:
        return np.ones([]), np.zeros([])
    if hasattr(layer, "as_affine"):
        return layer.as_affine()
    offset = np.asarray(layer(tf.zeros([1])), np.float64)
    return np.asarray(layer(tf.ones([1])), np.float64) - offset, offset


def _package() -> str:
    try:
        return f"ibc-tf {metadata.version('ibc-tf')}"
    except metadata.PackageNotFoundError:
        return "ibc-tf"
