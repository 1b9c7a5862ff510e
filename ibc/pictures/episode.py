"""A policy along an episode: of the task's simulator, or of a recording."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from tf_agents.environments import py_environment
from tf_agents.policies import py_policy

from ibc.data import episodes
from ibc.data.formats import convert
from ibc.environments import contract, suite, tasks
from ibc.pictures import looking, plane
from ibc.runtime import description as description_lib
from ibc.runtime import policy as policy_lib
from ibc.utils import termination


class Moment(NamedTuple):
    """A step of an episode at which a policy looks for an action."""

    step: int
    """Steps of the episode before."""
    view: looking.View
    """What the policy thinks."""
    demonstrated: np.ndarray | None
    """The flat action that was, or would be, demonstrated: [A]; None if that is not known."""
    picture: np.ndarray | None
    """uint8 [height, width, 3], None if there is none."""


class Simulator(NamedTuple):
    """A task's environment, and what demonstrates in it."""

    environment: py_environment.PyEnvironment
    """Unbatched, without history."""
    oracle: py_policy.PyPolicy | None
    """None if the task has none, or the policy plans action sequences, which oracles do not."""
    fps: float
    """Steps per second."""


def open_simulator(
    description: description_lib.Description,
    task_name: str,
    seed: int,
    use_image_obs: bool = False,
    goal_tolerance: float | None = None,
) -> Simulator:
    """Loads a task's environment for a policy.

    Args:
      description: Of the policy.
      task_name: Name of the task.
      seed: Of the oracle's draws.
      use_image_obs: Whether observations contain an image.
      goal_tolerance: Distance that counts as reached; None leaves it as it is.

    Raises:
      ValueError: There is no such task, or the policy cannot see what it observes.
      ImportError: Its simulator is not installed.
    """
    task = tasks.get_task(task_name)
    environment = suite.load(task_name, use_image_obs=use_image_obs)
    spec = environment.observation_spec()
    seen = list(spec) if isinstance(spec, Mapping) else [""]
    missing = [key for key in description.observation if key not in seen]
    if missing:
        raise ValueError(
            f"task {task_name} observes no {', '.join(map(repr, missing))}, which the policy "
            "needs: give the --task that it was trained for."
        )
    if goal_tolerance is not None:
        contract.set_goal_tolerance(environment, goal_tolerance)
    asks = bool(task.oracles) and description.chunks is None
    oracle = task.oracle_class("oracle")(environment, seed=seed) if asks else None
    return Simulator(environment, oracle, contract.control_frequency(environment))


def simulated(policy: policy_lib.Policy, simulator: Simulator, seed: int) -> Iterator[Moment]:
    """Has a policy act in a simulator; yields each step at which it looks for an action.

    Args:
      policy: Acts.
      simulator: Acts in it; what its oracle would do at each step is what is demonstrated.
      seed: Of the environment.
    """
    environment, oracle, _ = simulator
    environment.seed(seed)
    time_step = environment.reset()
    policy.reset()
    chunks = policy.description.chunks
    for step in itertools.count():
        if time_step.is_last():
            return
        termination.check()
        if _looks(step, chunks):
            picture = environment.render()
            demonstrated = None
            if oracle is not None:
                demonstrated = np.ravel(oracle.action(time_step).action)
            view = looking.look(policy, time_step.observation)
            yield Moment(step, view, demonstrated, picture)
            action = view.action
        else:
            action = policy(time_step.observation)
        time_step = environment.step(action)


def recorded(
    policy: policy_lib.Policy, source: convert.EpisodeSource, number: int
) -> Iterator[Moment]:
    """Shows a policy the observations of a recorded episode, whatever it would do.

    Args:
      policy: Is shown them.
      source: The recording.
      number: Of the episode.
    """
    frames = source.frames(number)
    is_step = episodes.are_steps(frames)
    leaves = [leaf[is_step] for leaf in tf.nest.flatten(frames.action)]
    actions = np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=1)
    chunks, shape = policy.description.chunks, policy.description.action.shape
    policy.reset()
    for step in range(len(actions)):
        termination.check()
        observation = tf.nest.map_structure(lambda x, step=step: x[step], frames.observation)
        if not _looks(step, chunks):
            policy(observation)
            continue
        view = looking.look(policy, observation)
        rows = step + np.arange(chunks.chunk_steps if chunks else 1)
        done = actions[np.minimum(rows, len(actions) - 1)].reshape(-1, *shape)
        demonstrated = view.flat(done if chunks else done[0])
        yield Moment(step, view, demonstrated, _picture(observation))


def planes(moments: Sequence[Moment], dimensions: Sequence[int] | None) -> list[plane.Plane]:
    """Returns the plane of each moment's landscape; they are parallel.

    Args:
      moments: Of an episode.
      dimensions: Two numbers of the action. None takes the only two, or the principal components
        of all samples of the episode.

    Raises:
      ValueError: The action has no such numbers, or only one.
    """
    first = moments[0].view
    size = len(first.chosen)
    if size < 2:
        raise ValueError(
            "the policy's action is a single number, which spans no plane: a landscape needs two."
        )
    if dimensions is not None or size == 2:
        return [
            plane.of_dimensions(
                moment.view.chosen, first.minimum, first.maximum, dimensions or (0, 1)
            )
            for moment in moments
        ]
    samples = np.concatenate([moment.view.samples for moment in moments])
    common = plane.of_principal_components(samples, first.chosen, first.minimum, first.maximum)
    return [common.through(moment.view.chosen) for moment in moments]


def _looks(step: int, chunks: description_lib.Chunks | None) -> bool:
    return chunks is None or step % chunks.action_steps == 0


def _picture(observation: Any) -> np.ndarray | None:
    """Returns an observation's first image, uint8 [height, width, 3]."""
    for leaf in tf.nest.flatten(observation):
        if leaf.dtype == np.uint8 and leaf.ndim == 3 and leaf.shape[-1] == 3:
            return leaf
    return None
