"""Agents as configs make them, on random demonstrations: what takes time takes as long."""

import dataclasses
import pathlib
import tempfile
from collections.abc import Sequence
from typing import Any

from ibc.utils import startup

startup.import_tensorflow_quietly()

# isort: split
import gin
import machine  # noqa: F401  (lets tests/ be found)
import tensorflow as tf
from tf_agents.agents import tf_agent
from tf_agents.specs import tensor_spec
from tf_agents.train.utils import train_utils

from ibc.environments import suite
from ibc.eval import measured_environment
from ibc.train import config_files
from ibc.train.build import agent_specs, build_agent, learning_rate, training_data
from tests import shard_testing

_EPISODES = [50] * 20


@dataclasses.dataclass(frozen=True)
class Untrained:
    """An agent and what it is trained on."""

    agent: tf_agent.TFAgent
    """The agent, with random weights."""
    batch: Any
    """Experience of the config's batch size, with weights as training gets it."""
    batch_size: int
    """B."""


def build(
    task: str, config: str, bindings: Sequence[str] = (), mixed_precision: bool = False
) -> Untrained:
    """Builds the agent of a config that ships for a task, under further bindings."""
    gin.clear_config()
    config_files.configure([task], [f"{config}.gin"], list(bindings))
    batch_size = gin.query_parameter("train_eval.batch_size")
    sequence_length = gin.query_parameter("train_eval.sequence_length")
    environment = suite.load(task)
    specs = environment.observation_spec(), environment.action_spec()
    frame_spec = shard_testing.frame_spec(*map(tensor_spec.from_spec, specs))
    with tempfile.TemporaryDirectory() as folder:
        path = str(pathlib.Path(folder) / "random.tfrecord")
        shard_testing.write(path, _EPISODES, frame_spec)
        data = training_data.get_data(path, sequence_length, {task: specs})
    agent = build_agent.build_agent(
        *agent_specs.of_environment(measured_environment.load(task, sequence_length)),
        gin.query_parameter("train_eval.loss_type"),
        gin.query_parameter("train_eval.network"),
        data.normalizers,
        0.05,
        tf.keras.optimizers.legacy.Adam(learning_rate.get_schedule("exponential", 1e-3, 100, 1000)),
        train_utils.create_train_step(),
        seed=0,
        mixed_precision=mixed_precision,
    )
    batch = next(iter(data.train.as_tf_dataset(batch_size)))[0]
    return Untrained(agent, batch, batch_size)
