"""Which devices a training runs on: lanes of cores, GPUs, a TPU, a cluster of machines."""

import contextlib
import os

import gin
import tensorflow as tf
from absl import logging

from ibc.agents import registry
from ibc.train.devices import cluster
from ibc.utils import gpu
from ibc.utils.parallel import lanes


def set_up_lanes(device_type: str = "gpu", tpu: str | None = None) -> None:
    """Lets training work in a lane per core where that pays: see `lanes`.

    To be called after the config files are read and before TensorFlow computes anything.

    Args:
      device_type: as for `get_strategy`.
      tpu: as for `get_strategy`.
    """
    # XLA makes a step of one thread, and batch normalization's averages are those of a whole batch.
    one_lane = {agent.compiled_by: True for agent in registry.registered().values()}
    one_lane["ResNetLayer.normalizer"] = "Batch"
    for name, value in one_lane.items():
        with contextlib.suppress(ValueError):  # It is not bound.
            if gin.query_parameter(name) == value:
                return
    if device_type != "tpu" and not tpu:
        lanes.set_up()


def get_strategy(
    device_type: str = "gpu", multi_gpu: bool = False, use_gpu: bool = False, tpu: str | None = None
) -> tf.distribute.Strategy:
    """Returns the distribution strategy that the command line's flags and TF_CONFIG ask for.

    With a cluster in the environment variable TF_CONFIG training is mirrored over its machines
    and all of their GPUs, or their CPUs where there are none.

    Args:
      device_type: 'gpu' (one device, the CPU where there is no GPU) or 'tpu'.
      multi_gpu: mirror the training over all GPUs of this machine.
      use_gpu: fail where TensorFlow sees no GPU.
      tpu: address of the TPU.

    Raises:
      ValueError: the device that was asked for is not there.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if device_type == "tpu" or tpu:
        return _tpu_strategy(tpu)
    if (use_gpu or multi_gpu) and not gpus:
        flag = "--multi_gpu" if multi_gpu else "--use_gpu"
        raise ValueError(
            f"{flag} was given but TensorFlow sees no GPU: {gpu.why_none()}. `ibc-info` says what "
            "is found. Mend that, or drop the flag."
        )
    if os.environ.get("TF_CONFIG"):
        return cluster.get_strategy(os.environ["TF_CONFIG"])
    if multi_gpu:
        _check_nccl(len(gpus))
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def _check_nccl(num_gpus: int) -> None:
    """Raises ValueError where several GPUs have nothing to add their gradients with."""
    reason = gpu.missing_libraries().get(gpu.NCCL) if num_gpus > 1 else None
    if reason:
        raise ValueError(
            f"--multi_gpu: {num_gpus} GPUs add their gradients by NCCL, but {gpu.NCCL} cannot be "
            f"loaded ({reason}); {gpu.INSTALL}, or drop the flag to train on one."
        )


def _tpu_strategy(address: str | None) -> tf.distribute.Strategy:
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=address or "")
        logging.info("Waiting for the TPU %s.", resolver.master() or "of this machine")
        with cluster.ended_by_signals():
            tf.config.experimental_connect_to_cluster(resolver)
            tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, OSError, tf.errors.OpError) as error:
        raise ValueError(
            f"--device_type=tpu was given but no TPU answers at {address!r}: "
            f"{str(error).splitlines()[0]}. Give its address with --tpu=..."
        ) from error
    return tf.distribute.TPUStrategy(resolver)
