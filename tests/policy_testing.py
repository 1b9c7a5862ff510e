"""Small exported policies of every kind, and observations for them."""

import pathlib

import numpy as np
from tf_agents.policies import tf_policy
from tf_agents.specs import tensor_spec

from ibc.agents import (
    greedy_policy,
    ibc_policy,
    mdn_agent,
    mse_agent,
    receding_horizon,
    sequence_coding,
)
from ibc.networks.layers import normalizers
from ibc.train.run import policy_export, policy_parts
from tests import agent_testing

_ENERGY = dict(num_action_samples=64, use_dfo=True, use_langevin=False)
CHUNKS = dict(chunk_steps=3, action_steps=2, latency_steps=1, temporal_ensemble=0.3)


def make(name: str) -> tf_policy.TFPolicy:
    """Returns a policy with random weights: greedy, unless its name ends with '_sampling'."""
    policy = _MAKERS[name.removesuffix("_sampling")]()
    return policy if name.endswith("_sampling") else greedy_policy.SeededGreedyPolicy(policy)


def export(name: str, folder: pathlib.Path) -> pathlib.Path:
    """Exports a policy as training does; returns where."""
    policy = make(name)
    policy_export.saver(policy).save(str(folder / name))
    policy_parts.describe(policy, train_step=7).write(folder / name)
    return folder / name


def observations(count: int = 12, batch: tuple[int, ...] = ()) -> list[dict[str, np.ndarray]]:
    """Returns single frames."""
    generator = np.random.default_rng(0)
    return [
        {"alpha": generator.normal(size=(*batch, 3)), "goal": generator.normal(size=(*batch, 2))}
        for _ in range(count)
    ]


def _energy(**options) -> ibc_policy.IbcPolicy:
    network = agent_testing.mlp_energy()
    network.create_variables()
    layer = normalizers.MinMaxDenormalizationLayer([0.0, 0.1], [0.8, 1.0])
    space = agent_testing.space(denormalize=layer)
    values = {"obs_norm_layer": _normalizer(), **_ENERGY, **options}
    return ibc_policy.IbcPolicy(agent_testing.TIME_STEP_SPEC, space, network, **values)


def _normalizer() -> normalizers.NestedLayer:
    layers = {
        key: normalizers.StdNormalizationLayer(np.full(spec.shape, 0.5), np.full(spec.shape, 2.0))
        for key, spec in agent_testing.OBS_SPEC.items()
    }
    return normalizers.NestedLayer(layers)


def _explicit(policy_class, network, **options) -> tf_policy.TFPolicy:
    network.create_variables()
    specs = agent_testing.TIME_STEP_SPEC, agent_testing.space()
    return policy_class(*specs, network, obs_norm_layer=_normalizer(), **options)


def _chunks() -> receding_horizon.RecedingHorizonPolicy:
    generator = np.random.default_rng(1)
    components, _ = np.linalg.qr(generator.normal(size=(3, 2)))
    scales = {key: (np.float32(2), np.float32(0.1)) for key in agent_testing.OBS_SPEC}
    coding = sequence_coding.SequenceCoding(scales, np.full(3, 0.5), components, [0.3, 0.2], 1)
    network = agent_testing.mlp_energy()
    network.create_variables()
    planner = ibc_policy.IbcPolicy(
        agent_testing.TIME_STEP_SPEC,
        agent_testing.space(agent_testing.WIDE_SPEC),
        network,
        obs_norm_layer=coding.features,
        **_ENERGY,
    )
    action_spec = tensor_spec.BoundedTensorSpec([1], np.float32, 0.0, 1.0)
    return receding_horizon.RecedingHorizonPolicy(
        agent_testing.TIME_STEP_SPEC, action_spec, planner, coding, **CHUNKS
    )


_MAKERS = {
    "energy": _energy,
    "warm": lambda: _energy(warm_start_fraction=0.5),
    "andy": lambda: _energy(dfo_variant="andy"),
    "kevin": lambda: _energy(dfo_variant="kevin"),
    "langevin": lambda: _energy(use_dfo=False, use_langevin=True),
    "regression": lambda: _explicit(mse_agent.MsePolicy, agent_testing.mlp_regression()),
    "mixture": lambda: _explicit(mdn_agent.MdnPolicy, agent_testing.mlp_mixture()),
    "mode": lambda: _explicit(
        mdn_agent.MdnPolicy, agent_testing.mlp_mixture(), greedy_samples=False
    ),
    "chunks": _chunks,
}
