"""What TensorBoard shows of evaluations besides numbers: pictures, and videos as they move."""

import io
import os
import pathlib

import numpy as np
import tensorflow as tf
from tensorboard.plugins.image import metadata as image_metadata

_MOST_FRAMES, _LARGEST, _COLORS = 60, 320, 64


def write_picture(
    writer: tf.summary.SummaryWriter, step: int, tag: str, path: str | os.PathLike, about: str
) -> None:
    """Writes a PNG file as a picture.

    Args:
      writer: Of TensorBoard's events.
      step: What it belongs to.
      tag: Its name.
      path: The file.
      about: A line that TensorBoard shows beside the tag.
    """
    from PIL import Image

    with Image.open(path) as image:
        size = image.size
    _write(writer, step, tag, size, pathlib.Path(path).read_bytes(), about)


def write_video(
    writer: tf.summary.SummaryWriter, step: int, tag: str, path: str | os.PathLike, about: str
) -> None:
    """Writes an mp4 as a small GIF, which TensorBoard's image panel plays; else as `write_picture`.

    At most 60 frames are kept, with a longer side of at most 320 pixels.
    """
    size, gif = as_gif(path)
    _write(writer, step, tag, size, gif, about)


def as_gif(path: str | os.PathLike) -> tuple[tuple[int, int], bytes]:
    """Returns width and height, and a video as a GIF; see `write_video`."""
    import imageio_ffmpeg
    from PIL import Image

    count, seconds = imageio_ffmpeg.count_frames_and_secs(str(path))
    every = -(-count // _MOST_FRAMES)
    reader = imageio_ffmpeg.read_frames(str(path))
    width, height = next(reader)["size"]
    images = []
    for number, frame in enumerate(reader):
        if number % every == 0:
            pixels = np.frombuffer(frame, np.uint8).reshape(height, width, 3)
            image = Image.fromarray(pixels)
            image.thumbnail((_LARGEST, _LARGEST))
            images.append(image.quantize(_COLORS, dither=Image.Dither.NONE))
    first, *others = images
    made = io.BytesIO()
    milliseconds = round(1000 * seconds / count * every)
    first.save(made, "GIF", save_all=True, append_images=others, duration=milliseconds, loop=0)
    return first.size, made.getvalue()


def _write(
    writer: tf.summary.SummaryWriter,
    step: int,
    tag: str,
    size: tuple[int, int],
    encoded: bytes,
    about: str,
) -> None:
    metadata = image_metadata.create_summary_metadata(display_name=tag, description=about)
    width, height = (str(number).encode() for number in size)
    with writer.as_default(step=step), tf.summary.record_if(True):
        tf.summary.write(tag, tf.constant([width, height, encoded]), metadata=metadata)
    writer.flush()
