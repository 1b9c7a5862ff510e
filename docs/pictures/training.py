"""One picture of a training run: its loss, and frames of its last video.

python docs/pictures/training.py --run=runs/door --output=docs/images/door_training.png
"""

import pathlib

import imageio_ffmpeg
import matplotlib.pyplot as plt
import numpy as np
from absl import app, flags
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.util import tensor_util

_RUN = flags.DEFINE_string("run", None, "Folder of a training run with a video.", required=True)
_OUTPUT = flags.DEFINE_string("output", None, "PNG to write.", required=True)
_NUM_FRAMES = flags.DEFINE_integer("num_frames", 3, "Frames of the video, evenly spaced.")


def losses(run: pathlib.Path) -> tuple[list[int], list[float]]:
    """Returns the steps and losses that training has logged."""
    events = event_accumulator.EventAccumulator(str(run / "train"))
    events.Reload()
    tag = next(tag for tag in events.Tags()["tensors"] if tag.endswith("reduced_loss"))
    found = events.Tensors(tag)
    return [e.step for e in found], [float(tensor_util.make_ndarray(e.tensor_proto)) for e in found]


def frames(path: pathlib.Path) -> np.ndarray:
    """Returns a video's frames, uint8 [n, height, width, 3]."""
    reader = imageio_ffmpeg.read_frames(str(path))
    width, height = next(reader)["size"]
    return np.stack([np.frombuffer(frame, np.uint8).reshape(height, width, 3) for frame in reader])


def main(_) -> None:
    run = pathlib.Path(_RUN.value)
    newest = max(run.glob("videos/*/*.mp4"), key=lambda path: path.stat().st_mtime)
    video = frames(newest)
    chosen = np.linspace(0, len(video) - 1, _NUM_FRAMES.value + 1).round().astype(int)[1:]
    figure, (curve, *pictures) = plt.subplots(
        1, 1 + len(chosen), figsize=(4 * len(chosen), 3.2), layout="constrained"
    )
    curve.plot(*losses(run))
    curve.set(xlabel="training step", ylabel="loss", ylim=(0, None))
    for axes, index in zip(pictures, chosen, strict=True):
        axes.imshow(video[index])
        axes.set_title(f"step {index}")
        axes.axis("off")
    figure.savefig(_OUTPUT.value, dpi=100)


if __name__ == "__main__":
    app.run(main)
