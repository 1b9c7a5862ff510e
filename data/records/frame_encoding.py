"""Frames as serialized `tf.train.Example`s, byte for byte as TF-Agents' own encoder makes them.

That one, `tf_agents.utils.example_encoding`, fails under NumPy 2. Small images alone may differ:
see `serializer`.
"""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import PIL.Image
import tensorflow as tf

from ibc.data.records import specs

_Encoder = Callable[[np.ndarray], tf.train.Feature]
_PUBLISHED_PIXELS = 240 * 320
"""Images of this size and larger are JPEG, as published."""
_STORABLE = (
    *(tf.float16, tf.float32, tf.float64),
    *(tf.uint8, tf.int8, tf.uint16, tf.int16, tf.int32, tf.int64),
)


def serializer(spec: Any, image_quality: int) -> Callable[[Any], bytes]:
    """Returns a function from a frame, a nest of arrays, to its record.

    float32 and int64 become lists of numbers, images [height, width, channels] of uint8 JPEG files,
    everything else its bytes in little-endian order. An image smaller than the published 240 × 320
    is a PNG file instead, exact, where that is no larger: what small drawings show, JPEG blurs.

    Args:
      spec: Nest of specs that frames have to fit exactly, else the function raises ValueError.
      image_quality: Of JPEG files, up to 100.

    Raises:
      ValueError: The spec has an empty axis or a type that cannot be stored.
    """
    encoders = {
        name: _feature_encoder(name, leaf, image_quality)
        for name, leaf in specs.leaves(spec).items()
    }

    def serialize(frame: Any) -> bytes:
        values = map(np.asarray, tf.nest.flatten(frame))
        pairs = zip(encoders.items(), values, strict=True)
        features = {name: encode(value) for (name, encode), value in pairs}
        example = tf.train.Example(features=tf.train.Features(feature=features))
        return example.SerializeToString()

    return serialize


def _feature_encoder(name: str, leaf: tf.TensorSpec, image_quality: int) -> _Encoder:
    shape, dtype = tuple(leaf.shape), tf.as_dtype(leaf.dtype)
    if not all(shape) or dtype not in _STORABLE:
        known = ", ".join(kind.name for kind in _STORABLE)
        raise ValueError(
            f"{name} is {specs.describe(leaf)}, expected no empty axis and one of {known}."
        )
    encode = _encode_of(shape, dtype, image_quality)

    def checked(value: np.ndarray) -> tf.train.Feature:
        if value.shape != shape or value.dtype.newbyteorder("=") != dtype.as_numpy_dtype:
            raise ValueError(f"{name} is {value.dtype}{list(value.shape)}.")
        return encode(value)

    return checked


def _encode_of(shape: tuple[int, ...], dtype: tf.DType, image_quality: int) -> _Encoder:
    if dtype == tf.uint8 and len(shape) == 3:
        if shape[0] * shape[1] < _PUBLISHED_PIXELS:
            return lambda value: _bytes(min(_png(value), _jpeg(value, image_quality), key=len))
        return lambda value: _bytes(_jpeg(value, image_quality))
    if dtype == tf.float32:
        return lambda value: tf.train.Feature(
            float_list=tf.train.FloatList(value=value.flatten().tolist())
        )
    if dtype == tf.int64:
        return lambda value: tf.train.Feature(
            int64_list=tf.train.Int64List(value=value.flatten().tolist())
        )
    stored = np.dtype(dtype.as_numpy_dtype).newbyteorder("<")
    return lambda value: _bytes(np.require(value, stored, "C").tobytes())


def _bytes(content: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[content]))


def _jpeg(image: np.ndarray, quality: int) -> bytes:
    return _file(image, format="jpeg", quality=quality)


def _png(image: np.ndarray) -> bytes:
    return _file(image, format="png")


def _file(image: np.ndarray, **options: Any) -> bytes:
    file = io.BytesIO()
    pixels = image[:, :, 0] if image.shape[-1] == 1 else image
    PIL.Image.fromarray(pixels).save(file, **options)
    return file.getvalue()
