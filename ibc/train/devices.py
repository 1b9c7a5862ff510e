"""Which devices a training runs on."""

import tensorflow as tf


def get_strategy(
    device_type: str = "gpu", multi_gpu: bool = False, use_gpu: bool = False, tpu: str | None = None
) -> tf.distribute.Strategy:
    """Returns the distribution strategy that the command line's flags ask for.

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
            f"{flag} was given but TensorFlow sees no GPU. Install with "
            "`pip install 'tensorflow[and-cuda]==2.21.*'` and check `nvidia-smi`, or drop the flag."
        )
    if multi_gpu:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def _tpu_strategy(address: str | None) -> tf.distribute.Strategy:
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=address or "")
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, tf.errors.OpError) as error:
        raise ValueError(
            f"--device_type=tpu was given but no TPU answers at {address!r}: "
            f"{str(error).splitlines()[0]}. Give its address with --tpu=..."
        ) from error
    return tf.distribute.TPUStrategy(resolver)
