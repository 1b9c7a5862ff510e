"""A controller of the user's own, named as `--policy=my_module:MyController`."""

from typing import Any

import numpy as np
from tf_agents.environments import py_environment
from tf_agents.policies import py_policy
from tf_agents.trajectories import policy_step
from tf_agents.trajectories import time_step as ts

from ibc.data.recording import options as recording_options
from ibc.environments import suite


class OwnPolicy(py_policy.PyPolicy):
    """Acts as a controller does that knows nothing of this library.

    It is built from the Gymnasium environment and a seed, called with the latest observation, and
    returns an action. If it has a method `reset()`, that is called before an episode's first one.
    """

    def __init__(self, env: py_environment.PyEnvironment, name: str, seed: int, has_history: bool):
        """Creates the controller.

        Args:
          env: The environment that it acts in.
          name: 'module:name' of its class.
          seed: Passed on to it.
          has_history: Whether observations are windows of frames, of which it sees the last.

        Raises:
          ValueError: There is no such class.
        """
        super().__init__(env.time_step_spec(), env.action_spec())
        self._name, self._has_history = name, has_history
        self._controller = recording_options.users_controller(name)(suite.gym_env(env), seed)

    def _action(
        self, time_step: ts.TimeStep, policy_state: Any = (), seed: Any = None
    ) -> policy_step.PolicyStep:
        if time_step.is_first() and hasattr(self._controller, "reset"):
            self._controller.reset()
        observation = time_step.observation
        if self._has_history:
            observation = _last_frames(observation)
        action = np.asarray(self._controller(observation))
        expected = self.action_spec.shape
        if action.shape != expected or action.dtype.kind not in "fiu":
            raise ValueError(
                f"policy '{self._name}' returned {action.dtype} of the shape {action.shape} as an "
                f"action, expected numbers of the shape {expected}."
            )
        if not np.isfinite(action).all():
            raise ValueError(f"policy '{self._name}' returned {action}, which is not finite.")
        return policy_step.PolicyStep(action.astype(self.action_spec.dtype), policy_state)


def _last_frames(observation: Any) -> Any:
    if isinstance(observation, dict):
        return {key: value[-1] for key, value in observation.items()}
    return observation[-1]
