"""Oracles of the normalized tasks: the plain ones behind the normalized environment's maps."""

import gin
import numpy as np
from tf_agents.trajectories import policy_step, time_step
from tf_agents.typing import types

from ibc.environments.block_pushing import block_pushing_normalized
from ibc.environments.block_pushing.oracles import oriented_push_oracle, reach_oracle


class _Normalized:
    """Reads normalized observations and gives normalized actions, to put before an oracle.

    Actions can be a little outside [-1, 1], where the environment clips them: the oracles'
    speed limits know nothing of the ranges of the maps.
    """

    observation_keys = (
        "effector_target_translation",
        "effector_target_to_block_translation",
        "block_orientation_cos_sin",
        "effector_target_to_target_translation",
        "target_orientation_cos_sin",
    )

    def _action(
        self,
        time_step: time_step.TimeStep,
        policy_state: types.NestedArray,
        seed: types.Seed | None = None,
    ) -> policy_step.PolicyStep:
        step = super()._action(time_step, policy_state, seed)
        normalized = block_pushing_normalized.normalize_action(step.action)
        return step._replace(action=np.asarray(normalized, np.float32))

    def _read(self, observation: types.NestedArray) -> dict[str, np.ndarray]:
        return block_pushing_normalized.unnormalize_observation(super()._read(observation))


@gin.configurable
class OrientedPushNormalizedOracle(_Normalized, oriented_push_oracle.OrientedPushOracle):
    """`OrientedPushOracle` for PUSH_NORMALIZED; noise is added before the map, in metres."""


@gin.configurable
class ReachNormalizedOracle(_Normalized, reach_oracle.ReachOracle):
    """`ReachOracle` for REACH_NORMALIZED."""
