"""What a policy over action sequences thinks where it plans: energy, samples, choice."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tf_agents.environments import py_environment
from tf_agents.trajectories import time_step as ts
from tf_agents.typing import types
from tf_agents.utils import nest_utils

from ibc.agents import base_agent, greedy_policy, receding_horizon
from ibc.environments import suite
from ibc.pictures import plane


class Plans(NamedTuple):
    """One planning."""

    chosen: np.ndarray
    """The plan, as the agent's action [K]."""
    samples: np.ndarray
    """Plans that it was chosen among, [N, K]."""
    chosen_chunk: np.ndarray
    """The plan's actions from now on, [P − l, A]."""
    sample_chunks: np.ndarray
    """Those of the samples, [N, P − l, A]."""
    landscape: plane.Landscape | None
    """None for policies without an energy, and if plans are single numbers."""


class Moment(NamedTuple):
    """A step of an episode at which a policy plans."""

    step: int
    """Steps of the episode before."""
    picture: np.ndarray
    """The environment's, uint8 [height, width, 3]."""
    lines: np.ndarray
    """The samples as lines over it, [N, M, 2], see `contract.Offer.plan_scene`."""
    chosen_line: np.ndarray
    """The plan as a line over it, [M, 2]."""
    plans: Plans
    """What was planned."""


def along_episode(
    environment: py_environment.PyEnvironment,
    policy: receding_horizon.RecedingHorizonPolicy,
    seed: int,
) -> Iterator[Moment]:
    """Plays an episode as evaluation does; yields each step at which the policy plans.

    Args:
      environment: Unbatched environment that offers `plan_scene`.
      policy: A policy over action sequences.
      seed: Environment seed, which the policy's noise follows from, too.
    """
    inner = suite.gym_env(environment)
    act = tf.function(greedy_policy.SeededGreedyPolicy(policy).action, autograph=False)
    look = tf.function(lambda *arguments: _look(policy, *arguments), autograph=False)
    basis = tf.function(policy.basis, autograph=False)
    environment.seed(seed)
    time_step = environment.reset()
    state, step = policy.get_initial_state(1), 0
    while not time_step.is_last():
        batched = tf.nest.map_structure(tf.constant, nest_utils.batch_nested_array(time_step))
        seeds = tf.constant([[seed, step]], tf.int32)
        seen, due = basis(batched, state)
        if due[0]:
            plans = _as_plans(look(seen, state["planner"], seeds))
            chunks = np.concatenate([plans.sample_chunks, [plans.chosen_chunk]])
            picture, lines = inner.plan_scene(chunks)
            yield Moment(step, picture, lines[:-1], lines[-1], plans)
        taken = act(batched, state, seeds)
        state, step = taken.state, step + 1
        time_step = environment.step(taken.action[0].numpy())


def _look(
    policy: receding_horizon.RecedingHorizonPolicy,
    seen: ts.TimeStep,
    planner_state: types.NestedTensor,
    seeds: tf.Tensor,
) -> tuple:
    """Returns the fields of `Plans`, for one row."""
    planner = policy.planner
    greedy = greedy_policy.SeededGreedyPolicy(planner)
    chosen = greedy.action(seen, planner_state, seeds).action
    samples = planner.candidates(seen, seeds, planner_state)[0]
    rows = tf.shape(samples)[0]
    seen_by_all = tf.nest.map_structure(lambda x: tf.repeat(x, rows, axis=0), seen.observation)
    return (
        chosen[0],
        samples,
        policy.executable(seen.observation, chosen)[0],
        policy.executable(seen_by_all, samples),
        _landscape(planner, seen, chosen),
    )


def _landscape(planner: base_agent.NetworkPolicy, seen: ts.TimeStep, chosen: tf.Tensor) -> tuple:
    """Returns the fields of `Landscape` around a plan [1, K], none if there is no energy."""
    score_fn = planner.score_fn(seen)
    if score_fn is None or chosen.shape[1] < 2:
        return ()
    space = planner.action_space
    first, second = (tf.linspace(space.minimum[i], space.maximum[i], plane.GRID) for i in range(2))
    across, down = tf.meshgrid(first, second)
    points = tf.stack([tf.reshape(across, [-1]), tf.reshape(down, [-1])], axis=-1)
    others = tf.repeat(chosen[:, 2:], plane.GRID**2, axis=0)
    scores = score_fn(tf.concat([points, others], axis=-1)[tf.newaxis])
    return first, second, -tf.reshape(scores, [plane.GRID, plane.GRID])


def _as_plans(parts: tuple) -> Plans:
    *arrays, landscape = tf.nest.map_structure(lambda tensor: tensor.numpy(), parts)
    return Plans(*arrays, plane.Landscape(*landscape) if landscape else None)
