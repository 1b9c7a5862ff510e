"""What an environment may offer besides Gymnasium's interface, and what is done where it does not.

Evaluation, recorders, replay and videos ask here and nowhere else. An environment, yours too,
offers something by having the attribute; nothing has to be inherited.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import gymnasium
import numpy as np
from tf_agents.environments import py_environment
from tf_agents.metrics import py_metric

from ibc.environments import metrics, suite

_FRAMES_PER_SECOND = 30.0
# Where Gymnasium's environments tell of success, as nothing else is agreed upon.
_SUCCESS_KEYS = ("is_success", "success")
_PICTURES = "pictures of episodes; leave out --viz_img"
_REFUSALS = {
    "save_episode_picture": _PICTURES,
    "save_episode_grid": _PICTURES,
    "get_pybullet_state": "simulator state to save; leave out --save_states",
    "restore": "way back to a recorded state (a method `restore`), which replay needs",
}


class Offer(Protocol):
    """All that the innermost environment (`gymnasium.Env.unwrapped`) may have; each is optional."""

    control_frequency: float
    """Steps per second, the pace of videos. Else `metadata['render_fps']`, or 30."""

    succeeded: bool
    """Whether the task is solved as things stand. Else what the latest step's info says under
    'is_success' or 'success', if it does."""

    episode_measures: Mapping[str, float]
    """What else learning from videos reports of an episode, when it has ended: means over episodes
    are shown under these names."""

    episode: Any
    """What `save_episode_grid` draws an episode from."""

    def get_metrics(self, num_episodes: int) -> tuple[list[py_metric.PyStepMetric], Any]:
        """Returns metrics over the latest episodes, and the most telling one.

        Else there is success alone, if the environment tells it. Return and length of episodes
        are measured everywhere.
        """

    def set_goal_dist_tolerance(self, goal_dist_tolerance: float) -> None:
        """Sets the distance that counts as reached. Else this is the environment's own."""

    def picture(self, height: int, width: int) -> np.ndarray:
        """Returns what a video to learn from shows, uint8 [height, width, 3], drawn at this size.

        Else it is what `render` draws, resized.
        """

    def save_episode_picture(self, path: str | os.PathLike) -> None:
        """Writes a picture of the episode so far. Else --viz_img is refused."""

    def save_episode_grid(self, episodes: Sequence[Any], path: str | os.PathLike) -> None:
        """Writes one picture of several episodes.

        Without it, and without `plan_scene`, --viz_img is refused in evaluation.
        """

    def plan_scene(self, chunks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns a picture of what is there, and chunks of actions [N, P, A] as lines over it.

        The picture is uint8 [height, width, 3], the lines are x and y in its pixels, [N, M, 2], of
        which the last P points are the actions'. With this, --viz_img draws what a policy over
        action sequences plans.
        """

    def get_pybullet_state(self) -> dict:
        """Returns the simulator's whole state, as JSON can hold it. Else --save_states is refused.

        `set_pybullet_state` goes back to it.
        """

    def restore(self, observation: Any) -> Any:
        """Starts an episode where one with this first observation started; returns what is seen.

        Else replay is refused.
        """


def control_frequency(env: py_environment.PyEnvironment) -> float:
    """Returns the environment's steps per second; see `Offer`."""
    return frequency_of(suite.gym_env(env))


def frequency_of(inner: gymnasium.Env) -> float:
    """Returns the steps per second of an innermost Gymnasium environment; see `Offer`."""
    default = inner.metadata.get("render_fps") or _FRAMES_PER_SECOND
    return float(getattr(inner, "control_frequency", default))


def succeeded(env: py_environment.PyEnvironment) -> bool | None:
    """Returns whether the task is solved as things stand, None if that is not told."""
    return told_success(suite.gym_env(env), suite.gymnasium_wrapper_of(env).get_info() or {})


def told_success(inner: gymnasium.Env, info: Mapping[str, Any]) -> bool | None:
    """Returns whether an innermost environment is solved, None if that is not told; see `Offer`.

    Args:
      inner: `gymnasium.Env.unwrapped`.
      info: Of its latest step.
    """
    if hasattr(inner, "succeeded"):
        return bool(inner.succeeded)
    told = [info[key] for key in _SUCCESS_KEYS if key in info]
    return bool(np.all(told[0])) if told else None


def make_metrics(
    env: py_environment.PyEnvironment, num_episodes: int
) -> list[py_metric.PyStepMetric]:
    """Returns the environment's own metrics over the last `num_episodes` episodes."""
    inner = suite.gym_env(env)
    if hasattr(inner, "get_metrics"):
        return list(inner.get_metrics(num_episodes)[0])
    return [metrics.ToldSuccess(env, succeeded, buffer_size=num_episodes)]


def results(measured: Sequence[py_metric.PyStepMetric]) -> dict[str, float]:
    """Returns name -> value of metrics, without a success that no episode has told."""
    return {
        metric.name: float(metric.result())
        for metric in measured
        if not isinstance(metric, metrics.ToldSuccess) or metric.is_told
    }


def set_goal_tolerance(env: py_environment.PyEnvironment, tolerance: float) -> None:
    """Sets the distance that counts as reached, where the environment lets it be set."""
    inner = suite.gym_env(env)
    if hasattr(inner, "set_goal_dist_tolerance"):
        inner.set_goal_dist_tolerance(tolerance)


def offers(env: py_environment.PyEnvironment, offer: str) -> bool:
    """Tells whether an environment has an attribute of `Offer`."""
    return hasattr(suite.gym_env(env), offer)


def required(env: py_environment.PyEnvironment, offer: str, task: str) -> Callable:
    """Returns a method of `Offer` that there is no doing without.

    Args:
      env: TF-Agents environment over a Gymnasium one.
      offer: Name of the method.
      task: Name of the task, for the message.

    Raises:
      ValueError: The environment does not have it.
    """
    inner = suite.gym_env(env)
    if not hasattr(inner, offer):
        raise ValueError(f"task {task} has no {_REFUSALS[offer]}.")
    return getattr(inner, offer)
