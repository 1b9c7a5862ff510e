"""Training steps against the batches that the input pipeline delivers.

    python benchmarks/training.py

Records 2,000 episodes' worth of random particle data in memory-sized shards, then prints, for each
config, training steps per second on a batch that is always there, batches per second of the
pipeline alone, and their ratio: how often the pipeline could have delivered what training consumed.
"""

import os
import tempfile
import time

from ibc.utils import startup

startup.import_tensorflow_quietly()

# isort: split
import gin
import tensorflow as tf
from tf_agents.agents import tf_agent
from tf_agents.specs import tensor_spec
from tf_agents.train.utils import train_utils

from ibc.data import shard_testing, shard_writer
from ibc.environments import suite
from ibc.eval import eval_env
from ibc.train import agent_specs, build_agent, configuration, get_data, learning_rate

import input_pipeline  # isort: skip  (beside this script)

_SECONDS = 10.0

CONFIGS = ("mlp_mse.gin", "mlp_ebm_quick.gin", "mlp_ebm_langevin.gin")


def steps_per_second(agent: tf_agent.TFAgent, batch: tuple, seconds: float = _SECONDS) -> float:
    """Measures compiled training steps on one batch for about `seconds`."""

    @tf.function
    def train(count: tf.Tensor) -> tf.Tensor:
        loss = agent.train(batch).loss
        for _ in tf.range(count - 1):
            loss = agent.train(batch).loss
        return loss

    train(tf.constant(2)).numpy()
    steps, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        train(tf.constant(5)).numpy()
        steps += 5
    return steps / (time.perf_counter() - start)


def write_data(folder: str) -> str:
    """Writes random demonstrations of the particle task's shape; returns their glob."""
    environment = suite.load("PARTICLE")
    observation_spec, action_spec = (
        tf.nest.map_structure(tensor_spec.from_spec, spec)
        for spec in (environment.observation_spec(), environment.action_spec())
    )
    spec = shard_testing.frame_spec(observation_spec, action_spec)
    for i in range(2):
        with shard_writer.ShardWriter(os.path.join(folder, f"{i}.tfrecord"), spec) as writer:
            for frame in shard_testing.frames(spec, [50] * 1000, seed=i):
                action = 0.5 + 0.1 * frame.action.clip(-4, 4)
                writer(frame._replace(action=action))
    return os.path.join(folder, "*.tfrecord")


def measure(config: str, data_path: str) -> None:
    """Prints one line for a config."""
    gin.clear_config()
    configuration.configure(["PARTICLE"], [config], [])
    environment = suite.load("PARTICLE")
    specs = {"PARTICLE": (environment.observation_spec(), environment.action_spec())}
    sequence_length = gin.query_parameter("train_eval.sequence_length")
    data = get_data.get_data(data_path, sequence_length, specs)
    agent = build_agent.build_agent(
        *agent_specs.of_environment(eval_env.load("PARTICLE", sequence_length)),
        gin.query_parameter("train_eval.loss_type"),
        gin.query_parameter("train_eval.network"),
        data.normalizers,
        0.05,
        tf.keras.optimizers.legacy.Adam(learning_rate.get_schedule("exponential", 1e-3, 100, 1000)),
        train_utils.create_train_step(),
        seed=0,
    )
    batches = data.train.as_tf_dataset(gin.query_parameter("train_eval.batch_size"))
    pipeline = input_pipeline.batches_per_second(batches, 5000)
    training = steps_per_second(agent, next(iter(batches))[0])
    print(
        f"{config:24} {training:8.2f} steps/s  {pipeline:8.0f} batches/s  "
        f"ratio {pipeline / training:8.1f}",
        flush=True,
    )


def main() -> None:
    """Measures the configs one after another."""
    with tempfile.TemporaryDirectory() as folder:
        data_path = write_data(folder)
        for config in CONFIGS:
            measure(config, data_path)


if __name__ == "__main__":
    main()
