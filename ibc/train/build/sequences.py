"""From a run's configuration to agents of action sequences: data, coding, agent, policy."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import gin
import numpy as np
import tensorflow as tf
from absl import logging
from tf_agents.agents import tf_agent
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts
from tf_agents.typing import types

from ibc.agents import base_agent, receding_horizon
from ibc.data.records import shard_reader, specs
from ibc.data.windows import chunk_dataset, chunks, episode_split, streamed
from ibc.networks.layers import normalizers
from ibc.train.build import fit_coding, normalization, sequence_options

_UNBOUNDED = np.finfo(np.float32).max


@dataclasses.dataclass(frozen=True)
class Sequences:
    """What a run says of action sequences.

    Raises:
      ValueError: more actions are to be executed than a plan has.
    """

    shape: chunks.ChunkShape
    """Rows of a window."""
    action_steps: int
    """Actions executed before planning again."""
    temporal_ensemble: float | None = None
    """See `receding_horizon`."""
    split: episode_split.EpisodeSplit = dataclasses.field(
        default_factory=episode_split.EpisodeSplit
    )
    """Which episodes to train on, and which to validate on."""

    def __post_init__(self):
        receding_horizon.check_action_steps(self.action_steps, self.shape.action_horizon)


def read(
    shards: Sequence[shard_reader.Shard] | streamed.StreamedShards,
    sequences: Sequences,
    environment_specs: Mapping[str, tuple[Any, Any]],
    dataset_path: str,
    memory_limit_mb: float | None = None,
) -> tuple[chunk_dataset.ChunkDataset, chunk_dataset.ChunkDataset | None, fit_coding.FittedCoding]:
    """Makes training and validation samples: divides the episodes, fits the coding, applies it.

    Args:
      shards: all record files.
      sequences: the run's choices.
      environment_specs: see `training_data.get_data`; the data may have more keys than a task.
      dataset_path: where the data is, for messages.
      memory_limit_mb: see `WindowDataset`.

    Raises:
      ValueError: the data does not fit the task, or what is asked of it.
    """
    options = sequence_options.SequenceOptions()
    spec = shards.spec if isinstance(shards, streamed.StreamedShards) else shards[0].spec
    keys = options.keys
    for task, (observation_spec, action_spec) in environment_specs.items():
        if isinstance(observation_spec, Mapping) and isinstance(spec.observation, Mapping):
            seen = {
                key: spec.observation[key] for key in observation_spec if key in spec.observation
            }
            spec = spec._replace(observation=seen)
            keys = keys or list(observation_spec)
            unseen = [key for key in options.keys or () if key not in observation_spec]
            if unseen:
                raise ValueError(
                    f"sequence_coding.keys names {', '.join(unseen)}, but task {task} observes "
                    f"{', '.join(observation_spec)} alone: leave it out."
                )
        specs.check_matches(spec, observation_spec, action_spec, task, dataset_path)
    dataset = chunk_dataset.ChunkDataset(shards, sequences.shape, keys, memory_limit_mb)
    said = gin.get_bindings("get_normalizers")
    normalization.log_nesting(dataset, said.get("nested_obs"), said.get("nested_actions"))
    count = dataset.num_episodes
    training, held_out = sequences.split.divided(count)
    train = dataset.of_episodes(training)
    fitted = fit_coding.fit(train if options.train_statistics_only else dataset, options)
    coding, shape = fitted.coding, dataset.shape
    logging.info(
        "Action sequences: %d of %d episodes are trained on, %d validated on. From %d observations "
        "follow %d actions, %d numbers to the agent%s.",
        training.sum(),
        count,
        held_out.sum(),
        shape.observation_steps,
        shape.chunk_steps,
        coding.size,
        f", relative to {coding.reference}" if coding.relative_actions else "",
    )
    layers = coding.features, coding.encode
    validation = dataset.of_episodes(held_out).encoded(*layers) if held_out.any() else None
    return train.encoded(*layers), validation, fitted


def build_arguments(time_step_spec: ts.TimeStep, fitted: fit_coding.FittedCoding) -> dict[str, Any]:
    """Returns what `build_agent` takes in place of an environment's specs and normalizers.

    Args:
      time_step_spec: what is observed, [To, ...].
      fitted: how the agent sees it, and what it does.
    """
    example = tf.nest.map_structure(
        lambda spec: tf.zeros([1, *spec.shape], spec.dtype), time_step_spec.observation
    )
    features = tf.nest.map_structure(
        lambda values: tf.TensorSpec(values.shape[1:], tf.float32), fitted.coding.features(example)
    )
    identity = normalizers.IdentityLayer()
    size = fitted.coding.size
    return dict(
        action_spec=tensor_spec.BoundedTensorSpec(
            [size], tf.float32, minimum=-_UNBOUNDED, maximum=_UNBOUNDED, name="coded_chunk"
        ),
        normalizers=normalization.NormalizationInfo(
            obs_norm_layer=fitted.coding.features,
            act_norm_layer=identity,
            act_denorm_layer=identity,
            min_actions=fitted.minimum,
            max_actions=fitted.maximum,
        ),
        network_observation_spec=features,
        normal_std=fitted.normal_std,
    )


def act_by_chunks(
    agent: base_agent.BehavioralCloningBaseAgent,
    time_step_spec: ts.TimeStep,
    action_spec: types.BoundedTensorSpec,
    fitted: fit_coding.FittedCoding,
    sequences: Sequences,
) -> tf_agent.TFAgent:
    """Has an agent act in the environment, by plans that it makes in its own space."""
    agent.act_by(
        receding_horizon.RecedingHorizonPolicy(
            time_step_spec,
            action_spec,
            agent.policy,
            fitted.coding,
            sequences.shape.chunk_steps,
            sequences.action_steps,
            sequences.shape.latency_steps,
            sequences.temporal_ensemble,
        )
    )
    return agent
