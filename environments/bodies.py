"""Bodies of MuJoCo: which numbers of an observation are whose joint, and where their parts are.

Gymnasium's bodies (half-cheetah, hopper, walker2d, ant, humanoid) observe the positions of their
joints but for how far they have got, then the velocities. So an observation alone tells a pose, in
a recording, too, that has nothing else.
"""

import fnmatch
from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np

from ibc.environments import suite, tasks

_FREE_POSITIONS, _FREE_VELOCITIES = 7, 6
_BODIES = "halfcheetah, hopper, walker2d or ant"
_KNOWN = ("HalfCheetah-", "Hopper-", "Walker2d-", "Ant-", "Humanoid-")


def is_known(env_id: str) -> bool:
    """Returns whether a Gymnasium id is that of one of its bodies that walk, of any version."""
    return env_id.startswith(_KNOWN)


def load(task: str) -> "Body":
    """Loads the environment of a task; returns its body.

    Raises:
      ValueError: Unknown task, or see `Body`.
      ImportError: The simulator is not installed.
    """
    name = tasks.gym_name(task)
    tasks.get_task(name).register()
    return Body(suite.gym_env(suite.load(name, max_episode_steps=0)), task)


class Body:
    """The body of an environment, whose simulation it uses: an episode in it is over then."""

    def __init__(self, env: gymnasium.Env, task: str):
        """Finds the body; begins an episode to see what it observes.

        Args:
          env: The environment.
          task: Its name, for messages.

        Raises:
          ValueError: It has none, or does not observe its joints.
        """
        inner = env.unwrapped
        self._simulation: Any = getattr(inner, "simulator", inner)
        if not all(hasattr(self._simulation, name) for name in ("model", "data", "set_state")):
            raise ValueError(_refusal(task))
        model, data = self._simulation.model, self._simulation.data
        self._free = bool(model.njnt and model.jnt_type[0] == 0)
        self._unseen = 2 if self._free else 1
        self.state_size = model.nq + model.nv - self._unseen
        """Numbers of an observation that are joints', the first ones."""
        observed = env.reset(seed=0)[0]
        state = np.concatenate([data.qpos[self._unseen :], data.qvel])
        seen = np.ravel(observed)[: self.state_size] if not isinstance(observed, dict) else ()
        if len(seen) != len(state) or not np.allclose(seen, state, atol=1e-5):
            raise ValueError(_refusal(task))
        self.seconds = float(self._simulation.dt)
        """From an observation to the next."""
        self.joints, self.root = self._indices(model)

    def _indices(self, model: Any) -> tuple[dict[str, tuple[int, ...]], frozenset[str]]:
        """Returns name → numbers of the observation, and the names of the root's joints."""
        joints = [model.joint(number) for number in range(model.njnt)]
        found = {}
        for joint in joints:
            is_free = joint.type[0] == 0
            first, count = int(joint.qposadr[0]), _FREE_POSITIONS if is_free else 1
            places = [at - self._unseen for at in range(first, first + count)]
            first, count = int(joint.dofadr[0]), _FREE_VELOCITIES if is_free else 1
            speeds = [at + model.nq - self._unseen for at in range(first, first + count)]
            found[joint.name] = (*(at for at in places if at >= 0), *speeds)
        trunk = joints[0].bodyid[0]
        return found, frozenset(joint.name for joint in joints if joint.bodyid[0] == trunk)

    def features(self, patterns: Sequence[str]) -> list[int]:
        """Returns the numbers of an observation that are of some joints, and those of the root.

        Args:
          patterns: Names such as 'bthigh', or 'b*' for all that begin so.

        Raises:
          ValueError: One means no joint; the message names those that there are.
        """
        names = set(self.root)
        for pattern in patterns:
            matching = fnmatch.filter(self.joints, pattern)
            if not matching:
                raise ValueError(
                    f"there is no joint '{pattern}': give some of {', '.join(self.joints)}, or "
                    "patterns such as 'b*'."
                )
            names.update(matching)
        return sorted(at for name in names for at in self.joints[name])

    def place(self, observation: np.ndarray) -> None:
        """Moves the body to where it was observed [O], with its velocities."""
        positions, velocities = self._state(np.asarray(observation, np.float64))
        self._simulation.set_state(positions, velocities)

    def positions(self, observations: np.ndarray, repeat: int = 1) -> np.ndarray:
        """Returns where the parts of the body are.

        How far it has got is not observed, so that it is the sum of its velocities, from 0 on.

        Args:
          observations: Of an episode [T, O].
          repeat: Steps of the environment from one observation to the next.

        Returns:
          float64 [T, B, D] in metres, the root first; D is 2 for a body in a plane, x and z.
        """
        import mujoco

        observations = np.asarray(observations, np.float64)
        first = self._simulation.model.nq - self._unseen
        speeds = observations[:, first : first + self._unseen]
        way = np.cumsum(speeds[:-1], axis=0) * self.seconds * repeat
        way = np.concatenate([np.zeros_like(speeds[:1]), way])
        model, data = self._simulation.model, self._simulation.data
        found = np.zeros([len(observations), model.nbody - 1, 3])
        for time, observation in enumerate(observations):
            data.qpos[:], data.qvel[:] = self._state(observation)
            data.qpos[: self._unseen] = way[time]
            mujoco.mj_kinematics(model, data)
            found[time] = data.xpos[1:]
        return found if self._free else found[:, :, [0, 2]]

    def _state(self, observation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns positions and velocities of the joints, at the origin."""
        joined = np.concatenate([np.zeros(self._unseen), observation[: self.state_size]])
        return np.split(joined, [self._simulation.model.nq])


def _refusal(task: str) -> str:
    return (
        f"task {task} is no body of MuJoCo that observes its joints, which names of joints, poses "
        f"and starts from demonstrations need: use a task such as {_BODIES}."
    )
