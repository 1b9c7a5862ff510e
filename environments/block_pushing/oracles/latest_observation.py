"""Reads the named parts of an observation, whatever wrappers the environment has."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from tf_agents.environments import py_environment
from tf_agents.typing import types

from ibc.environments import bridge


class LatestObservation:
    """Function from an observation to the float32 values of some of its keys.

    Observations may be stacked over time (the latest is last) and flattened to one vector
    (keys sorted), as the wrappers of `suite.load` do.
    """

    def __init__(self, env: py_environment.PyEnvironment, owner: str, keys: Sequence[str]):
        """Creates the reader.

        Args:
          env: TF-Agents environment over a Gymnasium one with dictionary observations.
          owner: Name of the policy that reads, for the error.
          keys: Keys to read.

        Raises:
          ValueError: The environment's observations lack a key, or its actions are positions.
        """
        inner = bridge.gym_env(env)
        spaces = getattr(inner.observation_space, "spaces", {})
        missing = [key for key in keys if key not in spaces]
        if missing:
            raise ValueError(
                f"{owner} needs observations with {', '.join(missing)}, but "
                f"{type(inner).__name__} has: {', '.join(spaces) or 'no named ones'}; "
                "choose the oracle of the task."
            )
        if getattr(inner, "abs_action", False):
            raise ValueError(
                f"{owner} gives displacements, but {type(inner).__name__}.abs_action is True: "
                "leave the binding out, or give another policy."
            )
        self._keys = tuple(keys)
        self._shapes = {key: spaces[key].shape for key in sorted(spaces)}

    def __call__(self, observation: types.NestedArray) -> dict[str, np.ndarray]:
        """Returns the latest value of each key, of the shape the environment gives it."""
        if not isinstance(observation, Mapping):
            observation = self._split(np.asarray(observation))
        return {
            key: np.asarray(observation[key], np.float32).reshape(-1, *self._shapes[key])[-1]
            for key in self._keys
        }

    def _split(self, flat: np.ndarray) -> dict[str, np.ndarray]:
        ends = np.cumsum([math.prod(shape) for shape in self._shapes.values()])
        return dict(zip(self._shapes, np.split(flat, ends[:-1], axis=-1), strict=True))
