"""Frames per second of processor time of imitation from videos on a particle, on one core.

    python benchmarks/imitation_from_videos.py

The shipped settings for PARTICLE_REACH with an untrained encoder and pictures of noise, which cost
what others cost: an agent whose encoder stays as it is, then one whose encoder learns and rates
all episodes anew. The first 500 frames, in which everything is compiled, do not count.
"""

import os

os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = "1"

from ibc.utils import startup

startup.import_tensorflow_quietly()

# isort: split
import logging
import pathlib
import tempfile
import time

import numpy as np
from absl import app, flags
from absl import logging as absl_logging

from ibc.data import video_files
from ibc.networks import video_encoder, video_encoder_file
from ibc.online import run_config
from ibc.online.ifo import experiment, options

_FRAMES = flags.DEFINE_integer("frames", 3000, "Of each run.")
_QUICK = flags.DEFINE_bool("quick", False, "Measure for a moment only, to see that all runs.")
_TASK, _STEPS, _EXPERTS = "PARTICLE_REACH", 15, 64
_SMALL = video_encoder.Architecture(32, 32, (8, 16, 32))
_FIXED = ("IFO.update_encoder_until_frame=0", "IFO.relabel_on_sample=false")


class _Times(logging.Handler):
    """Notes the processor's time whenever an evaluation is logged."""

    def __init__(self):
        super().__init__()
        self.notes: list[tuple[int, float]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Takes 'Frame N of …' alone."""
        words = record.getMessage().split()
        if words[0] == "Frame":
            self.notes.append((int(words[1]), time.process_time()))


def _frames_per_second(folder: pathlib.Path, name: str, settings: tuple[str, ...]) -> float:
    frames = 600 if _QUICK.value else _FRAMES.value
    given = (f"steps={frames}", "drq.num_eval_episodes=1", "drq.eval_every_frames=500")
    given += ("IFO.eval_videos=0", f"IFO.encoder_dir={folder}", f"IFO.video_dir={folder}/videos")
    options.configure(_TASK, settings=[*given, *settings])
    times = _Times()
    absl_logging.get_absl_logger().addHandler(times)
    experiment.run(run_config.OnlineConfig("IFO", _TASK, root_dir=str(folder), tag=name))
    absl_logging.get_absl_logger().removeHandler(times)
    (first, begun), *_, (last, ended) = times.notes
    return (last - first) / (ended - begun)


def main(argv: list[str]) -> None:
    """Prints both."""
    del argv
    draw = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        told = {"task": _TASK, "episode_len": _STEPS, "update": 0, "to_lab": True}
        video_encoder_file.save(video_encoder.VideoEncoder(_SMALL), folder, told)
        (folder / "videos" / "train" / "0").mkdir(parents=True)
        for index in range(_EXPERTS):
            pictures = draw.integers(0, 256, [1, _STEPS + 1, 32, 32, 3], np.uint8)
            video_files.write(folder / "videos" / "train" / "0" / f"{index:05d}.npy", pictures)
        for what, settings in (("fixed encoder", _FIXED), ("learning encoder", ())):
            found = _frames_per_second(folder, what.replace(" ", "_"), settings)
            print(f"{what:18} {found:7.1f} frames per second of processor time")


if __name__ == "__main__":
    app.run(main)
