"""Speed of the input pipeline: writing, reading, statistics and batches.

    python benchmarks/input_pipeline.py

Makes random record files of the size of the particle task's (2,000 episodes of 50 steps) and of
pushing with images, in a temporary folder, and prints one line per measurement. The images are
noise, which takes about three times as long to decode as rendered pictures.
"""

import os
import tempfile
import time

from ibc.utils import startup

startup.import_tensorflow_quietly()

# isort: split
import tensorflow as tf

from ibc.data import dataset as dataset_lib
from ibc.data import shard_testing, shard_writer, shards
from ibc.train import stats

SEQUENCE_LENGTH = 2
_STATES = {
    f"{name}_{quantity}": tf.TensorSpec([2], tf.float32)
    for name, quantity in (
        ("pos", "agent"),
        ("vel", "agent"),
        ("pos", "first_goal"),
        ("pos", "second_goal"),
    )
}
_IMAGES = {"rgb": tf.TensorSpec([240, 320, 3], tf.uint8)}


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


def measure(
    name: str, observation_spec: dict, episodes_per_shard: int, batch_size: int, num_batches: int
) -> None:
    """Prints the figures of one kind of data: four shards, episodes of 50 steps."""
    spec = shard_testing.frame_spec(observation_spec)
    with tempfile.TemporaryDirectory() as folder:
        writing = 0.0
        for i in range(4):
            frames = list(shard_testing.frames(spec, [50] * episodes_per_shard, seed=i))
            start = time.perf_counter()
            path = os.path.join(folder, f"{i}.tfrecord")
            with shard_writer.ShardWriter(path, spec) as writer:
                for frame in frames:
                    writer(frame)
            writing += time.perf_counter() - start
        paths = shards.find_shards(f"{folder}/*.tfrecord")
        megabytes = sum(map(os.path.getsize, paths)) / 1e6

        start = time.perf_counter()
        dataset = dataset_lib.WindowDataset(shards.read_shards(paths), SEQUENCE_LENGTH)
        reading = time.perf_counter() - start

    start = time.perf_counter()
    info = stats.compute_dataset_statistics(dataset)
    computing = time.perf_counter() - start
    normalized = dataset.normalized(info.obs_norm_layer, info.act_norm_layer)
    rate = batches_per_second(normalized.as_tf_dataset(batch_size), num_batches)
    print(f"{name}: {dataset.num_windows} frames, {megabytes:.0f} MB")
    print(f"  written               {dataset.num_windows / writing:10.0f} frames/s")
    print(f"  read into windows     {megabytes / reading:10.0f} MB/s ({reading:.2f} s)")
    print(f"  statistics            {computing:10.2f} s")
    print(f"  batches of {batch_size:<10} {rate:10.1f} batches/s")


def main() -> None:
    """Measures states and images."""
    measure("states", _STATES, episodes_per_shard=500, batch_size=512, num_batches=5000)
    measure("images", _IMAGES, episodes_per_shard=1, batch_size=128, num_batches=10)


if __name__ == "__main__":
    main()
