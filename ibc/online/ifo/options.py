"""The options of imitation from videos, after `IFO.`; the agent's are those of `drq.`."""

import contextlib
import dataclasses
from collections.abc import Sequence

import gin

from ibc.environments import tasks
from ibc.networks import video_encoder, video_encoder_file
from ibc.online import configuration
from ibc.online.drq import options as drq_options
from ibc.rewards import video_similarity_reward
from ibc.train import config_files
from ibc.utils import gin_config, option_settings, parameters
from ibc.video_encoder import objective
from ibc.video_encoder import run_config as encoder_config

OBSERVATIONS = ("pixels", "embeddings", "state")
"""What an agent can see."""
_OF_THE_LOSS = ("lr", "rho", "weights", "join_neighbouring_rows", "prefix_contrast")


@gin.configurable("IFO")
@dataclasses.dataclass(frozen=True)
class Ifo:
    """How an agent is rewarded for what its videos show; defaults are the published ones."""

    observation: str = "pixels"
    """'pixels'; 'embeddings' of the latest frames by the encoder, whose convolutions stay as they
    are then; or 'state' for the numbers that the task observes."""
    similarity: str = "cosine"
    """'cosine', or 'negative_distance', as published for embeddings."""
    im_w: int = 64
    """Side of the pictures that the encoder sees."""
    episode_len: int = 60
    """T, the agent's steps in an episode, if the task does not end it before."""
    camera: int = 0
    """Which of the expert's; the agent is filmed by the one that its task draws by."""
    expert_videos_per_episode: int = 1
    """Of the expert's videos that an episode is compared with; rewards are means over them."""
    subtract_time_mean: bool = False
    """Whether the mean reward of each time index, over the replay, is taken away."""
    divide_by_deviation: bool = False
    """Whether rewards are divided by their standard deviation over the replay."""
    relabel_on_sample: bool = False
    """Whether rewards that are drawn are those of the encoder as it is, not as it was then."""
    negatives_limit: int = 5000
    """The agent's latest videos that are kept, from which the encoder tells the expert's."""
    batch_size: int = 16
    """Videos of the expert in an update of the encoder, and as many of the agent."""
    drop_frames: float = 0.05
    """Share of the time indices that is left out of such a batch."""
    update_encoder_every_frames: int = 100
    """Frames between the encoder's updates, which begin with the agent's."""
    update_encoder_until_frame: int = 750_000
    """Frame of the last one; 0 for an encoder that stays as it is."""
    frozen_statistics_move: bool = False
    """Whether convolutions that stay as they are take batches' moments, as published."""
    encoder_dir: str | None = None
    """Folder of a run of train_video_encoder; the task's with the same seed if not given."""
    video_dir: str | None = None
    """The expert's videos; the task's default place if not given."""
    eval_videos: int = parameters.free(5)
    """Episodes of each evaluation of which videos are written."""

    def __post_init__(self):
        """Checks the values.

        Raises:
          ValueError: One is unusable; the message names it.
        """
        for name, known in (
            ("observation", OBSERVATIONS),
            ("similarity", tuple(video_similarity_reward.SIMILARITIES)),
        ):
            value = getattr(self, name)
            if value not in known:
                raise ValueError(f"IFO.{name} must be one of {known}, but is {value!r}.")
        whole = ("im_w", "episode_len", "expert_videos_per_episode", "negatives_limit")
        whole += ("update_encoder_every_frames",)
        parameters.check_whole("IFO", **{name: getattr(self, name) for name in whole})
        parameters.check_whole("IFO", least=2, batch_size=self.batch_size)
        free = ("camera", "update_encoder_until_frame", "eval_videos")
        parameters.check_whole("IFO", least=0, **{name: getattr(self, name) for name in free})
        parameters.check_share("IFO", drop_frames=self.drop_frames)

    def agent_options(self) -> drq_options.Drq:
        """Returns the agent's options, which see pixels or, if not, numbers."""
        seen = "pixels" if self.observation == "pixels" else "state"
        return dataclasses.replace(drq_options.Drq(), observation=seen)

    def objective(self) -> objective.Objective:
        """Returns what the encoder minimises: of the sequence alone where embeddings are seen."""
        return dataclasses.replace(
            encoder_config.Model().objective(),
            seq_only=self.observation == "embeddings",
            frozen_statistics_move=self.frozen_statistics_move,
        )

    def encoder(self, task: str, seed: int) -> video_encoder.VideoEncoder:
        """Reads the encoder.

        Raises:
          FileNotFoundError: There is none.
          ValueError: It is damaged, or sees other pictures.
        """
        default = encoder_config.VideoEncoderConfig(task=task, seed=seed).folder()
        folder = self.encoder_dir or default
        found, told = video_encoder_file.load(folder)
        side = found.architecture.image_size
        if side != self.im_w:
            raise ValueError(
                f"the video encoder in {folder} sees pictures of {side} pixels, but IFO.im_w is "
                f"{self.im_w}: give --set=IFO.im_w={side}, or another encoder."
            )
        if not told.get("to_lab", True):
            raise ValueError(
                f"the video encoder in {folder} sees RGB, but pictures are turned to CIE Lab here: "
                "train one with `python ibc/train_video_encoder.py`, and give its run's folder."
            )
        return found


def configure(
    task: str,
    gin_files: Sequence[str] = (),
    gin_bindings: Sequence[str] = (),
    settings: Sequence[str] = (),
) -> None:
    """Parses what is given, after what was bound before is forgotten.

    Args:
      task: Its name; its small config is read if no files are named: `ifo_<task>.gin`, if there is
        one, or else `ifo.gin`, the published values.
      gin_files: Paths, or bare names of files in configs/video.
      gin_bindings: Such as 'drq.lr = 1e-4'.
      settings: Such as 'IFO.observation=state' or 'drq.lr=1e-4'.

    Raises:
      ValueError: A name is unknown, or a value unusable.
      FileNotFoundError: A config file does not exist.
    """
    gin.clear_config()
    tasks.get_task(tasks.gym_name(task)).import_configurables()
    targets = {
        f"{part}.{field.name}": f"{part}.{field.name}"
        for part, made in (("IFO", Ifo), ("drq", drq_options.Drq))
        for field in dataclasses.fields(made)
    }
    del targets["drq.observation"]
    targets |= {f"cmc_model.{name}": f"cmc_model.{name}" for name in _OF_THE_LOSS}
    targets |= {
        name: f"online_train_eval.{field}" for name, field in configuration.OF_THE_RUN.items()
    }
    set_by = [option_settings.as_binding(setting, targets) for setting in settings]
    folder = config_files.config_root() / "video"
    own = folder / f"ifo_{task.lower()}.gin"
    files = gin_files or [str(own if own.is_file() else folder / "ifo.gin")]
    gin_config.parse(files, [*gin_bindings, *set_by], search_folders=[folder])
    _refuse_hidden()


def _refuse_hidden() -> None:
    """Raises ValueError for an option of the agent's that `IFO.observation` would hide."""
    bound = None
    with contextlib.suppress(ValueError):  # It is not bound.
        bound = gin.query_parameter("drq.observation")
    if bound is not None:
        raise ValueError(
            f"drq.observation is bound to {bound!r}, but what this agent sees is IFO.observation: "
            "bind that."
        )


def may_change(name: str) -> bool:
    """Returns whether no weight of a policy depends on a gin parameter."""
    return name in _free_names() or drq_options.may_change(name)


def not_the_method() -> set[str]:
    """Returns options that tell where something is, or how it is looked at."""
    return _free_names() | {"IFO.encoder_dir", "IFO.video_dir"}


def _free_names() -> set[str]:
    return {f"IFO.{field.name}" for field in dataclasses.fields(Ifo) if field.metadata}
