"""What a training of a video encoder is: its parameters, under their published names."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

import gin

from ibc.data.recording import video_options
from ibc.networks import video_encoder
from ibc.train import config_files
from ibc.utils import child_process, gin_config, option_settings, parameters
from ibc.video_encoder import objective

ELSEWHERE = "give this run its own --tag or train_video_encoder.root_dir"
"""What is to be done where a run's folder is another's."""
_FEWEST_PROCESSES = 2


@gin.configurable("cmc_model")
@dataclasses.dataclass(frozen=True)
class Model:
    """The encoder and its loss."""

    lr: float = 1e-4
    """Learning rate of Adam."""
    hidden_dim: int = 128
    """z, the size of embeddings; even."""
    rho: float = 1.0
    """How far apart, in mean squares, distant frames of a video are pushed."""
    weights: tuple[float, ...] = (0.25, 0.25, 0.25, 0.25)
    """Of l_seq, l_frame, l_vaes and l_vaei."""
    join_neighbouring_rows: bool = True
    """Whether two neighbouring videos make one row of the contrast of light and colours, as
    published."""
    prefix_contrast: bool = False
    """Whether videos are contrasted at a random time as well as at the end."""
    widths: tuple[int, ...] = (64, 128, 256, 512)
    """Channels of the convolutions: three for pictures of 32 pixels, four for 64 and 84."""
    batch_norm_per_frame: bool = True
    """Whether, in training, each time step has moments of its own, as published."""

    def __post_init__(self):
        """Checks the numbers, and makes tuples of gin's lists."""
        for name in ("weights", "widths"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        parameters.check_positive("cmc_model", lr=self.lr)
        parameters.check_not_negative("cmc_model", rho=self.rho)
        if len(self.weights) != len(objective.TERMS):
            raise ValueError(
                f"cmc_model.weights is {self.weights}, expected four numbers, those of "
                f"{', '.join(objective.TERMS)}."
            )
        for weight in self.weights:
            parameters.check_not_negative("cmc_model", weights=weight)

    def architecture(self, image_size: int) -> video_encoder.Architecture:
        """Returns what the encoder is made of."""
        return video_encoder.Architecture(
            image_size, self.hidden_dim, self.widths, self.batch_norm_per_frame
        )

    def objective(self) -> objective.Objective:
        """Returns what is minimised."""
        return objective.Objective(
            self.weights, self.rho, self.join_neighbouring_rows, self.prefix_contrast
        )


@gin.configurable("train_video_encoder")
@dataclasses.dataclass(frozen=True)
class VideoEncoderConfig:
    """The parameters that belong to no part, checked.

    Raises:
      ValueError: One is unusable; the message names it and says what to give.
    """

    task: str = "PARTICLE_REACH"
    """Whose videos they are."""
    seed: int = 0
    """Of weights, batches and what is drawn for them."""
    video_dir: str | None = None
    """The videos; the task's default place if not given, where they are recorded if need be."""
    others: tuple[str, ...] = ("random",)
    """Policies whose videos are recorded beside the oracle's, and its own."""
    num_train: int = 5000
    """Videos of each that are recorded to learn from."""
    num_valid: int = 400
    """Videos of each that are recorded to be held out."""
    im_w: int = 64
    """Width of pictures."""
    im_h: int = 64
    """Height of pictures, as the width."""
    episode_len: int = 60
    """T; a video has one frame more."""
    camera: int = 0
    """Which of the videos' cameras."""
    drop_frames: float = 0.05
    """Share of the time indices that is left out of a batch."""
    batch_size: int = 16
    """Videos of the expert in an update, and as many others."""
    num_epochs: int = parameters.free(8001)
    """Updates."""
    eval_every_epochs: int = parameters.free(60)
    """Updates between evaluations, each with a line and a checkpoint."""
    num_evaluations: int = parameters.free(5)
    """Batches of held-out videos in an evaluation."""
    report_videos: int = parameters.free(100)
    """At most so many held-out videos of each class are compared at the end."""
    root_dir: str = parameters.free("runs/video_encoder")
    """Where runs are kept."""
    tag: str | None = parameters.free(None)
    """Folder of the run in it; <task>/seed<seed> if not given."""

    def __post_init__(self):
        """Checks the values."""
        owner = "train_video_encoder"
        object.__setattr__(self, "others", tuple(self.others))
        parameters.check_seed(owner, self.seed)
        parameters.check_share(owner, drop_frames=self.drop_frames)
        parameters.check_whole(owner, least=0, camera=self.camera)
        whole = ("num_train", "num_valid", "im_w", "im_h", "episode_len", "num_epochs")
        whole += ("eval_every_epochs", "num_evaluations")
        parameters.check_whole(owner, **{name: getattr(self, name) for name in whole})
        at_least_two = {name: getattr(self, name) for name in ("batch_size", "report_videos")}
        parameters.check_whole(owner, least=2, **at_least_two)
        if self.im_w != self.im_h:
            raise ValueError(
                f"train_video_encoder.im_w is {self.im_w} and im_h {self.im_h}, but encoders see "
                "squares: give the same number."
            )

    def folder(self) -> pathlib.Path:
        """Returns the run's folder."""
        task = self.task.rpartition(":")[2].replace("/", "_")
        return pathlib.Path(self.root_dir).expanduser() / (self.tag or f"{task}/seed{self.seed}")

    def videos(self) -> str:
        """Returns where the videos are."""
        return self.video_dir or video_options.default_folder(self.task)

    def recording(self) -> video_options.VideoOptions:
        """Returns the recording of the videos, where they are made for this training."""
        return video_options.VideoOptions(
            task=self.task,
            others=self.others,
            episode_len=self.episode_len,
            height=self.im_h,
            width=self.im_w,
            num_train=self.num_train,
            num_valid=self.num_valid,
            # In processes of their own, as gin is locked in this one.
            processes=max(_FEWEST_PROCESSES, child_process.num_cores()),
        )


_PARTS = {"train_video_encoder": VideoEncoderConfig, "cmc_model": Model}
_GIVEN_ELSEWHERE = ("task", "tag", "root_dir")


def names() -> dict[str, Any]:
    """Returns name after --set → default; those of `train_video_encoder` have no prefix."""
    return {
        name.removeprefix("train_video_encoder."): field.default
        for name, field in _fields().items()
        if field.name not in _GIVEN_ELSEWHERE
    }


def free_names() -> frozenset[str]:
    """Returns gin's names of what may change as a run goes on."""
    return frozenset(name for name, field in _fields().items() if field.metadata)


def is_own(name: str) -> bool:
    """Returns whether a parameter that gin names is this program's."""
    return name in _fields() or "." not in name


def configure(
    task: str,
    gin_files: Sequence[str] = (),
    gin_bindings: Sequence[str] = (),
    settings: Sequence[str] = (),
) -> None:
    """Parses config files, bindings and settings.

    Args:
      task: Whose small config is read if no files are named: `<task>.gin`, if there is one.
      gin_files: Paths, or bare names of files in configs/video.
      gin_bindings: Such as 'cmc_model.lr = 1e-3'.
      settings: Such as 'num_epochs=100', under the published names.

    Raises:
      ValueError: A name is unknown, or a value unusable.
      FileNotFoundError: A config file does not exist.
    """
    folder = config_files.config_root() / "video"
    own = folder / f"{task.lower()}.gin"
    files = gin_files or ([str(own)] if own.is_file() else [])
    short = {full.removeprefix("train_video_encoder."): full for full in _fields()}
    set_by = [
        option_settings.as_binding(setting, {name: short[name] for name in names()})
        for setting in settings
    ]
    gin_config.parse(files, [*gin_bindings, *set_by], search_folders=[folder])


def _fields() -> dict[str, dataclasses.Field]:
    return {
        f"{part}.{field.name}": field
        for part, made in _PARTS.items()
        for field in dataclasses.fields(made)
    }
