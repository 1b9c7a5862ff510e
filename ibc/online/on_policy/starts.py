"""Episodes that begin in states of demonstrations, for bodies of MuJoCo."""

from collections.abc import Callable

import gymnasium
import numpy as np

from ibc.environments import bodies
from ibc.online import interaction_env


class StartedEnv:
    """An environment some of whose episodes begin in recorded states.

    So an agent sees late parts of a motion before it can get there: reference state initialization
    (Peng et al., DeepMimic, arXiv 1804.02717).
    """

    def __init__(
        self, env: interaction_env.InteractionEnv, task: str, states: np.ndarray, share: float
    ):
        """Wraps an environment.

        Args:
          env: Of a body of MuJoCo.
          task: Its name, for messages.
          states: Observations that were recorded, float32 [N, O].
          share: Of the episodes that begin in one of them.

        Raises:
          ValueError: The environment has no such body, or observes something else.
        """
        self._env, self._states, self._share = env, states, share
        self._body = bodies.Body(env.gym, task)
        self.observation_size, self.action_size = env.observation_size, env.action_size
        if states.shape[1] != env.observation_size:
            raise ValueError(
                f"the demonstrations have states of {states.shape[1]} numbers, but task {task} "
                f"observes {env.observation_size}: give online_train_eval.dataset_path."
            )

    @property
    def gym(self) -> gymnasium.Env:
        """The environment inside."""
        return self._env.gym

    def reset(self, seed: int) -> np.ndarray:
        """See `InteractionEnv`; the seed decides where the episode begins, too."""
        seen = self._env.reset(seed)
        draw = np.random.default_rng([seed, 1])
        if draw.random() >= self._share:
            return seen
        state = self._states[draw.integers(len(self._states))]
        self._body.place(state)
        return state.copy()

    def step(self, action: np.ndarray) -> interaction_env.Outcome:
        """See `InteractionEnv`."""
        return self._env.step(action)


def begun_in(
    episodes: list[np.ndarray], task: str, share: float
) -> Callable[[interaction_env.InteractionEnv], StartedEnv]:
    """Returns what wraps environments so that episodes begin in demonstrations.

    Args:
      episodes: What was observed, float32 [T, O] each; their last frames, in which some fall, are
        no starts.
      task: Name of the task.
      share: Of the episodes that do.
    """
    states = np.concatenate([episode[:-1] for episode in episodes])
    return lambda env: StartedEnv(env, task, states, share)
