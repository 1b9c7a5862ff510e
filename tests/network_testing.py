"""What tests of networks share: inputs, weights, and layers recomputed with NumPy in float64."""

import numpy as np
import tensorflow as tf

STATE_SPEC = {"zeta": tf.TensorSpec([2, 1]), "alpha": tf.TensorSpec([2, 3])}


def observation(spec, batch: int = 3, seed: int = 0):
    """Returns observations of a nest of specs: float32 numbers in [0, 1), [batch, ...] each."""
    generator = np.random.RandomState(seed)
    return tf.nest.map_structure(
        lambda leaf: tf.constant(generator.rand(batch, *leaf.shape), tf.float32), spec
    )


def window(observed: dict[str, tf.Tensor]) -> np.ndarray:
    """Returns observations of `STATE_SPEC` as networks see them, [batch, 8]."""
    return np.concatenate([observed["alpha"], observed["zeta"]], -1).reshape(-1, 8)


def encode_images(observed: dict[str, tf.Tensor], layers, coordinates=None) -> np.ndarray:
    """Encodes windows of two frames `rgb`, resized to 16×20, as the `ConvMaxpoolEncoder`.

    Args:
      observed: Observations with `rgb`, [batch, 2, height, width, channels].
      layers: (kernel, bias) of the four convolutions.
      coordinates: Channels to append, [16, 20, 2].

    Returns:
      float64 [batch, 256].
    """
    frames = observed["rgb"].numpy()
    frames = tf.image.resize(frames.reshape(-1, *frames.shape[2:]), [16, 20]).numpy()
    images = np.concatenate([frames[0::2], frames[1::2]], axis=-1)
    if coordinates is not None:
        positions = np.broadcast_to(coordinates, [len(images), *coordinates.shape])
        images = np.concatenate([images, positions], axis=-1)
    for layer in layers:
        images = conv_maxpool(images, *layer)
    return images.mean(axis=(1, 2))


def assign_recorded(layer, recorded) -> None:
    """Gives a layer or network the weights of a recording, all of which it must have."""
    names = sorted(name for name in recorded.files if name.startswith("var"))
    for variable, name in zip(layer.weights, names, strict=True):
        variable.assign(recorded[name])


def convolve(images: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Convolves with zeros around the images ('same' padding), by sums over shifted images.

    Args:
      images: [B, H, W, C].
      kernel: [size, size, C, filters], size odd.
      bias: [filters].

    Returns:
      float64 [B, H, W, filters].
    """
    _, height, width, _ = images.shape
    size = len(kernel)
    margin = size // 2
    padded = np.pad(images.astype(np.float64), [(0, 0), *[(margin, margin)] * 2, (0, 0)])
    return bias + sum(
        padded[:, y : y + height, x : x + width] @ kernel[y, x].astype(np.float64)
        for y in range(size)
        for x in range(size)
    )


def conv_maxpool(images: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Convolves, then takes relu and the maximum of each 2×2 block; odd last rows are lost."""
    convolved = relu(convolve(images, kernel, bias))
    batch, height, width, channels = convolved.shape
    blocks = convolved[:, : height // 2 * 2, : width // 2 * 2]
    return blocks.reshape(batch, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))


def relu(values: np.ndarray) -> np.ndarray:
    """Returns max(values, 0)."""
    return np.maximum(values, 0)


def pairs(layer) -> list[tuple[np.ndarray, np.ndarray]]:
    """Returns the (kernel, bias) of every convolution or dense layer in a Keras layer, in order."""
    values = [variable.numpy().astype(np.float64) for variable in layer.weights]
    return list(zip(values[0::2], values[1::2], strict=False))


def randomize(layer, seed: int = 0, scale: float = 0.3) -> None:
    """Sets all variables to normal random numbers, so that nothing vanishes."""
    generator = np.random.RandomState(seed)
    for variable in layer.weights:
        variable.assign(scale * generator.randn(*variable.shape))
