"""Encodes cameras and low-dimensional readings together (Diffusion Policy, robomimic's encoder)."""

from collections.abc import Mapping, Sequence
from typing import Any

import gin
import tensorflow as tf
from tf_agents.typing import types

from ibc.networks.encoders import spatial_softmax
from ibc.networks.layers import crop, dropout, fan_in, resnet18, small_trunk
from ibc.utils import keys as keys_lib
from ibc.utils import parameters

_TRUNKS = ("ResNet18", "SmallTrunk")
_FEATURES = 64
_KEYPOINTS = 32
_IMAGE_RANK = 4
_NUMBERS_RANK = 2


class CameraEncoder(tf.keras.layers.Layer):
    """A trunk, spatial softmax, a linear layer and relu.

    Attributes:
      trunk: Maps pictures to feature maps.
      pool: Maps feature maps to key-points.
      linear: Maps their coordinates to features, before the relu.
    """

    def __init__(self, trunk: str, group_norm: bool, temperature: float = 1.0, **kwargs):
        """Creates the layers.

        Args:
          trunk: 'ResNet18' or 'SmallTrunk'.
          group_norm: As in `resnet18.ResNet18`; the small trunk has no normalization.
          temperature: As in `spatial_softmax.SpatialSoftmax`.
          **kwargs: Passed to Keras.
        """
        super().__init__(**kwargs)
        is_small = trunk == "SmallTrunk"
        self.trunk = small_trunk.SmallTrunk() if is_small else resnet18.ResNet18(group_norm)
        self.pool = spatial_softmax.SpatialSoftmax(_KEYPOINTS, temperature)
        self.linear = fan_in.FanInDense(_FEATURES)

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Encodes pictures float32 [F, h, w, C], crops already; returns float32 [F, 64]."""
        keypoints = self.pool(self.trunk(images, training=training))
        flat = tf.reshape(keypoints, [-1, 2 * _KEYPOINTS])
        return tf.nn.relu(self.linear(flat))


@gin.configurable
class HybridEncoder(tf.keras.layers.Layer):
    """Features of every camera and low-dimensional readings as they are, frame by frame.

    Each frame's features are concatenated in the order of the keys; the frames follow each other,
    oldest first. Each picture of a batch is encoded once.

    Attributes:
      cameras: Camera encoders, one for each key with images, or one for all of them.
    """

    def __init__(
        self,
        obs_spec: types.NestedTensorSpec,
        keys: Sequence[str] | None = None,
        crop_shape: Sequence[int] = (76, 76),
        trunk: str = "ResNet18",
        group_norm: bool = True,
        share_cameras: bool = False,
        eval_fixed_crop: bool = True,
        temperature: float = 1.0,
        region: Sequence[int] | None = None,
        **kwargs,
    ):
        """Creates the encoder.

        Args:
          obs_spec: Dict of the specs of one normalized observation window: images
            [T, H, W, channels] and vectors [T, size].
          keys: What is looked at, and the order of the features; None: all keys in the order of
            the dict, which is that of the environment, and alphabetical for data alone.
          crop_shape: Height and width of the crops, at most those of the images, or of `region`.
          trunk: 'ResNet18', or 'SmallTrunk' for computers without a GPU.
          group_norm: Group normalization in ResNet18; False: batch normalization.
          share_cameras: One encoder for all cameras; otherwise each has its own weights.
          eval_fixed_crop: Crop the centre outside of training; False: random crops there, too,
            others at each execution.
          temperature: Of the softmax over pixels that finds key-points; 1 is published. The small
            trunk's features are so small at first that each key-point is the picture's middle:
            0.05 makes key-points move with what they see.
          region: What part of each picture is looked at, (top, left, bottom, right) in pixels, as
            far as where a fixed camera sees the task; None: all of it. Crops are cut from there.
          **kwargs: Passed to Keras.

        Raises:
          ValueError: The observation is no dict of images and vectors, a key is missing, there is
            no image, a name is unknown, a crop does not fit its images, or cameras that share an
            encoder have different numbers of channels.
        """
        super().__init__(**kwargs)
        if trunk not in _TRUNKS:
            raise ValueError(
                f"HybridEncoder.trunk must be one of {list(_TRUNKS)}, but is {trunk!r}."
            )
        parameters.check_positive("HybridEncoder", temperature=temperature)
        self._shapes = _checked_shapes(obs_spec, keys)
        self._images = [key for key, shape in self._shapes.items() if len(shape) == _IMAGE_RANK]
        sizes = {repr(key): self._shapes[key][1:3] for key in self._images}
        if region is not None:
            sizes = {"HybridEncoder.region": _size_of_region(region, sizes)}
        self._region = region
        self._crop_shape = _checked_crop(crop_shape, sizes)
        self._eval_fixed_crop = eval_fixed_crop
        channels = {key: self._shapes[key][-1] for key in self._images}
        if share_cameras and len(set(channels.values())) > 1:
            raise ValueError(
                "HybridEncoder.share_cameras is True, but the cameras' images have different "
                f"numbers of channels, {channels}: set it to False."
            )
        count = 1 if share_cameras else len(self._images)
        self.cameras = [CameraEncoder(trunk, group_norm, temperature) for _ in range(count)]

    def call(
        self, observation: Mapping[str, tf.Tensor], training: dropout.Training = False
    ) -> tf.Tensor:
        """Encodes observations.

        Args:
          observation: Key → [B, T, ...]; images are floats in [−1, 1], or normalized otherwise, or
            integers from 0 to 255, which are mapped to [−1, 1].
          training: See `dropout.Training`; also decides where crops are.

        Returns:
          float32 [B, T · (64 · cameras + sizes of the vectors)].

        Raises:
          ValueError: A key is missing or has another shape than in the specs.
        """
        self._check(observation)
        crops = self._crops(observation, training)
        features = []
        for key, shape in self._shapes.items():
            if key in crops:
                camera = self.cameras[self._images.index(key) % len(self.cameras)]
                features.append(camera(crops[key], training=bool(training)))
            else:
                numbers = tf.cast(observation[key], tf.float32)
                features.append(tf.reshape(numbers, [-1, shape[-1]]))
        of_frames = tf.concat(features, axis=-1)
        frames = next(iter(self._shapes.values()))[0]
        return tf.reshape(of_frames, [-1, frames * of_frames.shape[-1]])

    def _crops(
        self, observation: Mapping[str, tf.Tensor], training: dropout.Training
    ) -> dict[str, tf.Tensor]:
        """Returns every camera's crops, float32 [B · T, h, w, channels]."""
        pictures = {}
        for key in self._images:
            images = observation[key]
            pictures[key] = tf.reshape(images, [-1, *images.shape[2:]])
            if self._region is not None:
                top, left, bottom, right = self._region
                pictures[key] = pictures[key][:, top:bottom, left:right]
        if not training and self._eval_fixed_crop:
            cut = {key: crop.centre(each, self._crop_shape) for key, each in pictures.items()}
        else:
            drawn = self._drawn(observation[self._images[0]], training)
            cut = {
                key: crop.random(each, self._crop_shape, words)
                for (key, each), words in zip(pictures.items(), drawn, strict=True)
            }
        return {key: _as_floats(images) for key, images in cut.items()}

    def _drawn(self, images: tf.Tensor, training: dropout.Training) -> list[crop.Words]:
        """Draws for each camera where to crop each of B · T frames."""
        key = training if isinstance(training, keys_lib.Key) else keys_lib.fresh()
        batch, frames = images.shape[0] or tf.shape(images)[0], images.shape[1]
        words = crop.draw(batch, len(self._images) * frames, key)
        of_cameras = (tf.split(tensor, len(self._images), axis=1) for tensor in words)
        return [
            tuple(tf.reshape(tensor, [-1]) for tensor in of_camera)
            for of_camera in zip(*of_cameras, strict=True)
        ]

    def _check(self, observation: Any) -> None:
        """Raises ValueError unless the observation is what the encoder was made for."""
        for key, shape in self._shapes.items():
            if not isinstance(observation, Mapping) or key not in observation:
                raise ValueError(_missing("HybridEncoder", key, observation))
            found = tuple(observation[key].shape[1:])
            if found != shape:
                raise ValueError(
                    f"The observation's {key!r} has the shape {list(found)} per example, but the "
                    f"network was made for {list(shape)}, [time, ...]: give it what its data holds."
                )


def _as_floats(images: tf.Tensor) -> tf.Tensor:
    """Maps integers from 0 to 255 to float32 in [−1, 1]; leaves floats as they are."""
    if images.dtype.is_integer:
        return tf.cast(images, tf.float32) / 255 * 2 - 1
    return tf.cast(images, tf.float32)


def _checked_shapes(
    obs_spec: types.NestedTensorSpec, keys: Sequence[str] | None
) -> dict[str, tuple[int, ...]]:
    """Returns key → [T, ...], in the order of the features."""
    is_dict = isinstance(obs_spec, Mapping) and not any(map(tf.nest.is_nested, obs_spec.values()))
    if not is_dict:
        raise ValueError(
            "A hybrid network takes a dict of images and vectors, but the observation is "
            f"{obs_spec}; for one image choose PixelEBM, ConvMLPMSE or ConvMLPMDN."
        )
    if not isinstance(keys, (list, tuple, type(None))):
        raise ValueError(f"HybridEncoder.keys must be a list of names or None, but is {keys!r}.")
    shapes = {}
    for key in obs_spec if keys is None else keys:
        if key not in obs_spec:
            raise ValueError(_missing("HybridEncoder.keys", key, obs_spec))
        shapes[key] = tuple(obs_spec[key].shape)
        if len(shapes[key]) not in (_IMAGE_RANK, _NUMBERS_RANK):
            raise ValueError(
                f"The observation's {key!r} has the shape {list(shapes[key])}, but a hybrid "
                "network takes images [time, height, width, channels] and vectors [time, size]: "
                "leave it out of HybridEncoder.keys."
            )
    if not any(len(shape) == _IMAGE_RANK for shape in shapes.values()):
        raise ValueError(
            "A hybrid network needs an image [time, height, width, channels], but the "
            f"observation's shapes are {shapes}; for states alone choose MLPEBM, MLPMSE or MLPMDN, "
            "for a task with images set train_eval.image_obs = True."
        )
    return shapes


def _missing(who: str, key: str, observation: Any) -> str:
    found = ", ".join(observation) if isinstance(observation, Mapping) else "no keys at all"
    return f"{who} looks at {key!r}, but the observation has {found}: correct HybridEncoder.keys."


def _size_of_region(region: Sequence[int], sizes: Mapping[str, tuple[int, int]]) -> tuple[int, int]:
    """Returns height and width of a part of pictures of these sizes."""
    names = ("top", "left", "bottom", "right")
    if not isinstance(region, (list, tuple)) or len(region) != len(names):
        raise ValueError(
            f"HybridEncoder.region must be (top, left, bottom, right), but is {region!r}."
        )
    named = {f"region[{number}]": value for number, value in enumerate(region)}
    parameters.check_whole("HybridEncoder", least=0, **named)
    top, left, bottom, right = region
    for key, (rows, columns) in sizes.items():
        if not (top < bottom <= rows and left < right <= columns):
            raise ValueError(
                f"HybridEncoder.region is rows {top} to {bottom} and columns {left} to {right}, "
                f"but the images of {key} have {rows}×{columns}: choose a part of them."
            )
    return bottom - top, right - left


def _checked_crop(
    crop_shape: Sequence[int], sizes: Mapping[str, tuple[int, int]]
) -> tuple[int, int]:
    if not isinstance(crop_shape, (list, tuple)) or len(crop_shape) != 2:
        raise ValueError(
            f"HybridEncoder.crop_shape must be (height, width), but is {crop_shape!r}."
        )
    height, width = crop_shape
    parameters.check_whole("HybridEncoder", **{"crop_shape[0]": height, "crop_shape[1]": width})
    for key, (rows, columns) in sizes.items():
        if height > rows or width > columns:
            raise ValueError(
                f"HybridEncoder.crop_shape is {height}×{width} pixels, but the images of {key} "
                f"have {rows}×{columns}: choose a crop that is no larger."
            )
    return height, width
