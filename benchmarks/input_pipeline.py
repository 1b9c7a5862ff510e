"""Speed of the input pipeline: writing, reading, statistics and batches, in memory and streamed.

    python benchmarks/input_pipeline.py [--quick]

Makes random record files of the size of the particle task's (2,000 episodes of 50 steps), and
records block pushing with images, in a temporary folder. Streamed data comes from files that the
operating system has in memory: how fast the disk is does not show. For images, the ratio says how
many times faster batches come than the faster of two pixel configs trains with them.
"""

import dataclasses
import os
import shutil
import tempfile
import time
from collections.abc import Sequence

from ibc.utils import startup

startup.import_tensorflow_quietly()

# isort: split
import gin
import machine
import tensorflow as tf
from absl import app

from ibc.data.recording import options as recording_options
from ibc.data.recording import recorder
from ibc.data.records import shard_writer, shards, specs
from ibc.data.windows import dataset as dataset_lib
from ibc.data.windows import streamed
from ibc.environments import suite
from ibc.eval import measured_environment
from ibc.train import config_files
from ibc.train.build import agent_specs, build_agent, learning_rate, normalization, training_data
from ibc.train.run import memory
from tests import shard_testing

SEQUENCE_LENGTH = 2
PIXEL_CONFIGS = ("pixel_mse_best", "pixel_ebm_best")
_STATES = {
    f"{name}_{quantity}": tf.TensorSpec([2], tf.float32)
    for name, quantity in (
        ("pos", "agent"),
        ("vel", "agent"),
        ("pos", "first_goal"),
        ("pos", "second_goal"),
    )
}


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of the table."""

    data: str
    """States or images."""
    place: str
    """In memory or streamed."""
    frames: int
    record_mb: float
    """Size of the record files, 10⁶ bytes."""
    reading_seconds: float
    """Until windows can be taken."""
    statistics_seconds: float
    batch_size: int
    batches_per_second: float
    training_ratio: float | None
    """How many batches come while a pixel config makes a step; None for states."""
    held_mb: float
    """Memory that frames and windows take."""
    resident_mb: float
    """Memory of the process, afterwards."""
    peak_mb: float
    """Largest memory of the process so far."""


def batches_per_second(batches: tf.data.Dataset, num_batches: int) -> float:
    """Measures how fast a compiled training loop could draw batches, without training.

    Args:
      batches: endless batches.
      num_batches: how many to draw; a tenth more are drawn first, unmeasured.
    """
    for count in (num_batches // 10, num_batches):
        start = time.perf_counter()
        batches.take(count).reduce(0, lambda drawn, _: drawn + 1).numpy()
    return num_batches / (time.perf_counter() - start)


def write_states(folder: str, episodes: int) -> list[str]:
    """Writes four record files of random states; prints how fast."""
    spec = shard_testing.frame_spec(_STATES)
    paths, writing, count = [], 0.0, 0
    for i in range(4):
        frames = list(shard_testing.frames(spec, [50] * episodes, seed=i))
        paths.append(os.path.join(folder, f"states_{i}.tfrecord"))
        start = time.perf_counter()
        with shard_writer.ShardWriter(paths[-1], spec) as writer:
            for frame in frames:
                writer(frame)
        writing += time.perf_counter() - start
        count += len(frames)
    print(f"states: {count / writing:.0f} frames/s written", flush=True)
    return paths


def record_images(folder: str, files: int) -> list[str]:
    """Records three episodes of the pushing oracle with images; returns copies of the file."""
    path = os.path.join(folder, "images_0.tfrecord")
    gin.clear_config()
    recorder.run(
        recording_options.EvaluationOptions(
            task="PUSH", policy="oracle_push", use_image_obs=True, num_episodes=3, dataset_path=path
        ),
        replica=0,
    )
    paths = [path]
    for i in range(1, files):
        paths.append(os.path.join(folder, f"images_{i}.tfrecord"))
        for suffix in ("", specs.SPEC_SUFFIX):
            shutil.copyfile(path + suffix, paths[-1] + suffix)
    return paths


def training_rate(config: str, path: str, batch_size: int, seconds: float) -> float:
    """Measures a pixel config's training steps per second on a batch that is there."""
    gin.clear_config()
    config_files.configure(["PUSH"], [f"{config}.gin"], [])
    environment = suite.load("PUSH", use_image_obs=True)
    environment_specs = environment.observation_spec(), environment.action_spec()
    data = training_data.get_data(path, SEQUENCE_LENGTH, {"PUSH": environment_specs})
    agent = build_agent.build_agent(
        *agent_specs.of_environment(measured_environment.load("PUSH", SEQUENCE_LENGTH, True)),
        gin.query_parameter("train_eval.loss_type"),
        gin.query_parameter("train_eval.network"),
        data.normalizers,
        gin.query_parameter("train_eval.uniform_boundary_buffer"),
        tf.keras.optimizers.legacy.Adam(learning_rate.get_schedule("exponential", 1e-3, 100, 1000)),
        tf.Variable(0, dtype=tf.int64),
        seed=0,
    )
    batch = next(iter(data.train.as_tf_dataset(batch_size)))[0]
    train = tf.function(agent.train)
    rate = 1 / machine.best_seconds(lambda: train(batch).loss.numpy(), seconds)
    print(f"{config}: {rate:.2f} steps/s with batches of {batch_size}", flush=True)
    return rate


def measure(
    data: str,
    paths: Sequence[str],
    scratch: str | None,
    batch_size: int,
    num_batches: int,
    training: float | None,
) -> Row:
    """Measures one kind of data, streamed if there is a folder for its numbers."""
    start = time.perf_counter()
    source = streamed.stream_shards(paths, scratch) if scratch else shards.read_shards(paths)
    dataset = dataset_lib.WindowDataset(source, SEQUENCE_LENGTH)
    reading = time.perf_counter() - start
    start = time.perf_counter()
    info = normalization.compute_dataset_statistics(dataset)
    computing = time.perf_counter() - start
    normalized = dataset.normalized(info.obs_norm_layer, info.act_norm_layer)
    rate = batches_per_second(normalized.as_tf_dataset(batch_size), num_batches)
    return Row(
        data,
        "streamed" if scratch else "memory",
        dataset.num_windows,
        sum(map(os.path.getsize, paths)) / 1e6,
        reading,
        computing,
        batch_size,
        rate,
        training and rate / training,
        normalized.held_bytes / 1e6,
        memory.resident_mb(),
        memory.peak_mb(),
    )


def rows(quick: bool) -> list[Row]:
    """Measures states and images, in memory and streamed."""
    found = []
    pixel_batch = 8 if quick else 128
    with tempfile.TemporaryDirectory() as folder:
        states = write_states(folder, episodes=5 if quick else 500)
        images = record_images(folder, files=1 if quick else 20)
        training = max(
            training_rate(config, images[0], pixel_batch, 0.1 if quick else 20.0)
            for config in PIXEL_CONFIGS
        )
        for data, paths, batch_size, num_batches, rate in (
            ("states", states, 512, 20 if quick else 5000, None),
            ("images", images, pixel_batch, 2 if quick else 100, training),
        ):
            for scratch in (None, folder):
                row = measure(data, paths, scratch, batch_size, num_batches, rate)
                ratio = f"{rate:.2f} steps/s × {row.training_ratio:.0f}" if rate else ""
                print(
                    f"{row.data:7} {row.place:9} {row.frames:7} frames {row.record_mb:6.1f} MB  "
                    f"read {row.reading_seconds:6.2f} s  "
                    f"statistics {row.statistics_seconds:6.2f} s  "
                    f"{row.batches_per_second:8.1f} batches/s of {row.batch_size} {ratio}  "
                    f"held {row.held_mb:6.1f} MB  process {row.resident_mb:5.0f} MB "
                    f"(peak {row.peak_mb:5.0f} MB)",
                    flush=True,
                )
                found.append(row)
    return found


def main(_) -> None:
    rows(machine.QUICK.value)


if __name__ == "__main__":
    app.run(main)
