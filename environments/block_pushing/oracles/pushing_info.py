"""What a pusher knows: the parts of an observation, and how block, target and effector lie."""

import abc
import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np
from tf_agents.environments import py_environment
from tf_agents.policies import py_policy
from tf_agents.trajectories import policy_step, time_step
from tf_agents.typing import types

from ibc.environments import suite
from ibc.environments.block_pushing import block_pushing_normalized


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
        inner = suite.gym_env(env)
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


class BlockOracle(py_policy.PyPolicy, abc.ABC):
    """Displaces the commanded effector as the latest observation suggests; actions are float32."""

    observation_keys: Sequence[str]
    """What is read."""

    def __init__(self, env: py_environment.PyEnvironment, noise_std: float = 0.0, seed: int = 0):
        """Creates the oracle.

        Args:
          env: TF-Agents environment over a block pushing environment.
          noise_std: Standard deviation in metres of Gaussian noise on the displacements.
          seed: Seed of the noise.

        Raises:
          ValueError: The oracle is for another task.
        """
        super().__init__(env.time_step_spec(), env.action_spec())
        self._latest = LatestObservation(env, type(self).__name__, self.observation_keys)
        self._env = suite.gym_env(env)
        self._noise_std = noise_std
        self._noise = np.random.RandomState(seed)

    def _action(
        self,
        time_step: time_step.TimeStep,
        policy_state: types.NestedArray,
        seed: types.Seed | None = None,
    ) -> policy_step.PolicyStep:
        observation = self._read(time_step.observation)
        if time_step.is_first():
            self._start_episode(observation)
        displacement = self._displacement(observation)
        if self._noise_std:
            displacement = displacement + self._noise_std * self._noise.randn(2)
        action = self._in_units_of_actions(displacement.astype(np.float32))
        return policy_step.PolicyStep(action, policy_state)

    def _start_episode(self, observation: Mapping[str, np.ndarray]) -> None:
        """Forgets the last episode."""

    @abc.abstractmethod
    def _displacement(self, observation: Mapping[str, np.ndarray]) -> np.ndarray:
        """Returns the displacement [2] of the commanded effector, in metres."""

    def _read(self, observation: types.NestedArray) -> dict[str, np.ndarray]:
        """Returns the latest values of an observation, in metres and radians."""
        return self._latest(observation)

    def _in_units_of_actions(self, displacement: np.ndarray) -> np.ndarray:
        return displacement


class NormalizedMaps:
    """Reads normalized observations and gives normalized actions, to put before an oracle.

    Actions can be a little outside [-1, 1], where the environment clips them: the oracles'
    speed limits know nothing of the ranges of the maps.
    """

    observation_keys = tuple(block_pushing_normalized.OBSERVATION_RANGES)

    def _read(self, observation: types.NestedArray) -> dict[str, np.ndarray]:
        return block_pushing_normalized.unnormalize_observation(super()._read(observation))

    def _in_units_of_actions(self, displacement: np.ndarray) -> np.ndarray:
        return np.asarray(block_pushing_normalized.normalize_action(displacement), np.float32)


# Distances from the block's centre, in metres, to the points on the pusher's way to it.
PRE_BLOCK_DISTANCE = 0.05
NEXT_TO_BLOCK_DISTANCE = 0.03
TOUCHING_BLOCK_DISTANCE = 0.01


@dataclasses.dataclass(frozen=True)
class PushingInfo:
    """What a pusher has to know in one step; positions [2] in metres, in the plane."""

    block: np.ndarray
    """Centre of the block."""
    effector: np.ndarray
    """Commanded position of the effector."""
    direction: np.ndarray
    """Unit vector from the block to the target: the way to push."""
    angle_error: float
    """Angle of `direction` seen from the block's nearest face, in [-pi/4, pi/4] rad."""
    pre_block: np.ndarray
    """Point behind the block, clear of it."""
    next_to_block: np.ndarray
    """Point behind the block, beside its face."""
    touching_block: np.ndarray
    """Point inside the block: moving there pushes it."""
    block_to_effector: np.ndarray
    """Unit vector from the block to the effector."""


def pushing_info(
    block: np.ndarray, yaw: np.ndarray, target: np.ndarray, effector: np.ndarray
) -> PushingInfo:
    """Measures how block, target and effector lie to each other.

    All is computed in the dtype of the arguments.

    Args:
      block: Position [2] of the block in metres.
      yaw: Orientation [1] of the block in radians.
      target: Position [2] of the target in metres.
      effector: Commanded position [2] of the effector in metres.
    """
    direction = unit(target - block)
    return PushingInfo(
        block=block,
        effector=effector,
        direction=direction,
        angle_error=angle_error(direction, yaw),
        pre_block=block - PRE_BLOCK_DISTANCE * direction,
        next_to_block=block - NEXT_TO_BLOCK_DISTANCE * direction,
        touching_block=block - TOUCHING_BLOCK_DISTANCE * direction,
        block_to_effector=unit(effector - block),
    )


def angle_error(direction: np.ndarray, yaw: np.ndarray) -> float:
    """Returns the angle in [-pi/4, pi/4] from a face of the square block to a direction.

    Args:
      direction: Vector [2].
      yaw: Orientation [1] of the block in radians; quarter turns of it look the same.
    """
    error = np.arctan2(direction[1:], direction[:1]) - yaw
    while error > np.pi / 4:
        error = error - np.pi / 2
    while error < -np.pi / 4:
        error = error + np.pi / 2
    return error.item()


def unit(vector: np.ndarray) -> np.ndarray:
    """Returns a vector [2] scaled to length 1; a zero vector has no direction and stays zero."""
    length = np.linalg.norm(vector)
    return vector / length if length > 0 else np.zeros_like(vector)


def rotated(vector: np.ndarray, angle: float) -> np.ndarray:
    """Returns a vector [2] turned counter-clockwise by an angle in radians, as float64."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin], [sin, cos]]) @ vector


def distance(first: np.ndarray, second: np.ndarray) -> float:
    """Returns the distance between two points [2]."""
    return float(np.linalg.norm(first - second))


def shortened(displacement: np.ndarray, max_length: float) -> np.ndarray:
    """Returns a displacement [2], shortened to `max_length` if it is longer."""
    length = np.linalg.norm(displacement)
    return displacement / length * max_length if float(length) > max_length else displacement
