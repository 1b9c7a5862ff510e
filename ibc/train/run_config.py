"""What a training is: every parameter of `train_eval` that config files bind and flags set."""

import dataclasses
import datetime
import pathlib
import re
from collections.abc import Sequence
from typing import Any

import gin
import tensorflow as tf

from ibc.data.windows import chunks, episode_split
from ibc.environments import tasks
from ibc.train import sequence_checks
from ibc.train.build import build_agent, learning_rate, optimizer, sequence_options
from ibc.train.build import sequences as sequences_lib
from ibc.train.devices import cluster
from ibc.train.run import top_k
from ibc.utils import parameters, precision

ELSEWHERE = "give this run its own --tag, --add_time or train_eval.root_dir"
"""What is to be done where a run's folder is another's."""

_DEFAULT_ROOT = "/tmp/ibc_logs"


@gin.configurable("train_eval")
@dataclasses.dataclass(frozen=True)
class RunConfig:
    """The parameters of a training, checked.

    Raises:
      ValueError: one is unusable; the message names it and says what to give.
    """

    task: str | Sequence[str] | None = None
    """Name of the task, or several; trained on one data set, evaluated on each. None, with
    `skip_eval`, trains on data that no environment here belongs to."""
    dataset_path: str | None = parameters.free(None)  # What it holds is compared.
    """Glob of record files, or several separated by commas; the task's default place
    (`task.Task.dataset_glob`) if not given."""
    root_dir: str | None = parameters.free(None)
    """Where runs are kept, /tmp/ibc_logs if not given."""
    loss_type: str = "ebm"
    """A name in `agents.registry.registered()`."""
    network: str = "MLPEBM"
    """A name in `networks.registry.networks()`."""
    batch_size: int = 512
    """Windows per training step, over all devices."""
    num_iterations: int = parameters.free(20000)
    """Training steps."""
    optimizer: str = "adam"
    """A name in `optimizer.OPTIMIZERS`: 'adam', or 'adamw' with the parameters `adamw.…`."""
    gradient_clipping: float | None = None
    """Largest norm of all gradients together, to which longer ones are scaled down; None: no
    limit."""
    learning_rate: float = 1e-3
    """Initial learning rate of the optimizer."""
    learning_rate_schedule: str = "exponential"
    """A name in `learning_rate.SCHEDULES`."""
    decay_steps: int = 100
    """Steps in which the exponential schedule loses one per cent."""
    warmup_steps: int = 500
    """Steps in which the schedule 'cosine_warmup' rises from 0 to `learning_rate`."""
    use_ema: bool = False
    """Evaluate and export a moving average of the weights; a step keeps a share
    min(1 − s^(−`ema_power`), `ema_max_decay`) of it, s the number of steps before."""
    ema_power: float = 0.75
    """How fast that share grows."""
    ema_max_decay: float = 0.9999
    """The largest share, below 1."""
    replay_capacity: int = parameters.free(100000)
    """Accepted for published configs; windows are shuffled over the whole data set, whatever it
    is."""
    eval_interval: int = parameters.free(1000)
    """Steps between evaluations; 0 evaluates at the end alone."""
    eval_loss_interval: int = parameters.free(100)
    """Steps between validation losses, where there is validation data."""
    eval_loss_on_all: bool = parameters.free(False)
    """Take the validation loss on all validation windows instead of one batch of them; so it is
    where `top_k_metric` is 'val_loss'."""
    train_action_mse_interval: int = parameters.free(0)
    """Steps between measurements of `train_action_mse_error`, the squared error of inferred
    actions in the environment's units on the first training batch, at most 128 windows; 0 is
    never."""
    top_k_metric: str | None = parameters.free(None)
    """Keep the weights with the best values of a metric in policies/top_k/: of an evaluation's, or
    'val_loss' or 'train_action_mse_error'. None: keep none."""
    top_k_checkpoints: int = parameters.free(5)
    """How many are kept."""
    top_k_mode: str = parameters.free("max")
    """'max' where large values of the metric are good, 'min' where small ones are."""
    eval_episodes: int = parameters.free(1)
    """Episodes per evaluation, with environment seeds 0, 1, …."""
    fused_train_steps: int = parameters.free(100)
    """Training steps between looks at what is due; where they take long, a call of the compiled
    loop makes fewer."""
    checkpoint_interval: int = parameters.free(5000)
    """Steps between checkpoints; one that SIGTERM causes is extra."""
    policy_save_interval: int = parameters.free(1000)
    """Steps between exported policy weights."""
    sequence_length: int = 2
    """T, frames per observation window."""
    action_horizon: int = 1
    """Ta, actions that the policy plans at once and can execute (see docs/sequences.md). More than
    one, or any of `horizon`, `latency_steps` or `sequence_coding.reference`, trains on windows that
    end with their episode."""
    action_steps: int | None = parameters.free(None)
    """Actions executed before the policy plans again; all of them if not given."""
    latency_steps: int = 0
    """Steps between an observation and the first action that can follow from it."""
    horizon: int | None = None
    """T, rows of a training window; sequence_length − 1 + action_horizon + latency_steps if not
    given."""
    temporal_ensemble: float | None = parameters.free(None)
    """Average the plans that reach a step, the oldest most: weights fall off with this rate."""
    validation_ratio: float = 0.0
    """Share of the episodes kept for validation."""
    max_train_episodes: int | None = None
    """Episodes to train on at most."""
    validate_on_others: bool = False
    """Validate on the episodes that `max_train_episodes` leaves out, too, as published."""
    uniform_boundary_buffer: float = 0.05
    """Widening of the action bounds, as a share of the data's range."""
    for_rnn: bool = False
    """Accepted for published configs, which set it to False; there is no recurrent network."""
    flatten_action: bool = True
    """Concatenate the action's parts to one vector (the only form agents take)."""
    dataset_eval_fraction: float = 0.0
    """Share of the record files kept for validation."""
    goal_tolerance: float = parameters.free(0.02)
    """Distance (m) that counts as reached in evaluation of block tasks."""
    tag: str | None = parameters.free(None)
    """Subfolder of `root_dir`."""
    add_time: bool = False
    """Append a folder with the time."""
    seed: int = 0
    """Seed of weights, data order and sampling noise."""
    video: bool = parameters.free(False)
    """Write a video at each evaluation."""
    viz_img: bool = parameters.free(False)
    """Write pictures at each evaluation."""
    viz_energy: bool = parameters.free(False)
    """Write pictures of the policy's energy along an episode at each evaluation."""
    skip_eval: bool = parameters.free(False)
    """Do not evaluate."""
    num_envs: int = parameters.free(1)
    """Evaluation environments side by side."""
    shared_memory_eval: bool = parameters.free(False)
    """Evaluate in a PyBullet shared-memory server."""
    image_obs: bool = False
    """Use the task's variant with images."""
    generate_data: bool = parameters.free(False)
    """Record demonstrations of the task's oracle if there are none."""
    strategy: tf.distribute.Strategy | None = None
    """Distribution strategy, from Python alone; the default one if not given."""
    max_data_shards: int = -1
    """Number of record files to use; −1 uses all."""
    use_warmup: bool = False
    """The published switch for `learning_rate_schedule` = 'warmup'."""
    mixed_precision: bool | str = False
    """Compute hidden layers in 'bfloat16' or 'float16', weights and energies in float32. True:
    bfloat16, but float16 on GPUs older than Ampere. float16 scales the loss. Langevin chains over
    narrow networks, where bfloat16 is slower, stay in float32 on CPUs."""
    memory_limit_mb: float | None = parameters.free(None)
    """Memory (10⁶ bytes) for the data and the batches on their way to training; data that needs
    more is streamed from disk, with the same samples in the same order. None: all data is held in
    memory."""

    def __post_init__(self):
        self._check_task()
        self._check_numbers()
        self._check_places()
        build_agent.check_names(self.loss_type, self.network)
        learning_rate.check_name(self.learning_rate_schedule)
        optimizer.check_name(self.optimizer)
        precision.check(self.mixed_precision)
        self._check_top_k()
        if self.for_rnn:
            raise ValueError(
                "train_eval.for_rnn is True, but none of the networks here is recurrent: set it to "
                "False. (Windows for recurrent networks: "
                "ibc.data.windows.dataset.WindowDataset.)"
            )
        names = self.task_names
        if self.shared_memory_eval and (len(names) > 1 or self.num_envs > 1):
            raise ValueError(
                "--shared_memory_eval shows one environment of one task, as a server holds one "
                f"world; got {len(names)} task(s) and train_eval.num_envs = {self.num_envs}: give "
                "one --task and bind train_eval.num_envs = 1."
            )
        self._check_strategy()
        self._check_split()
        sequence_checks.check(self.sequences, vars(self))

    @property
    def sequences(self) -> sequences_lib.Sequences | None:
        """What is asked for of action sequences; None where single actions are learned."""
        plain = self.action_horizon == 1 and self.horizon is None and not self.latency_steps
        if plain and sequence_options.SequenceOptions().reference is None:
            return None
        shape = chunks.ChunkShape(
            self.sequence_length, self.action_horizon, self.latency_steps, self.horizon
        )
        return sequences_lib.Sequences(
            shape,
            self.action_steps or self.action_horizon,
            self.temporal_ensemble,
            self.split,
        )

    @property
    def split(self) -> episode_split.EpisodeSplit:
        """Which episodes are trained on, and which are kept for validation."""
        return episode_split.EpisodeSplit(
            self.validation_ratio, self.max_train_episodes, self.validate_on_others
        )

    @property
    def task_names(self) -> list[str]:
        """Names of the tasks; the first one's data is trained on."""
        return [self.task] if isinstance(self.task, str) else list(self.task or [])

    def folder(self) -> pathlib.Path:
        """Returns the run's folder, root_dir[/tag][/YYYYmmdd-HHMMSS], with the time of now."""
        folder = pathlib.Path(self.root_dir or _DEFAULT_ROOT).expanduser() / (self.tag or "")
        now = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
        return folder / now if self.add_time else folder

    def _check_task(self) -> None:
        if not isinstance(self.task, (str, list, tuple, type(None))):
            raise ValueError(
                f"train_eval.task must be a name or a list of names, got {self.task!r}."
            )
        if not self.task_names and not (self.dataset_path and self.skip_eval):
            raise ValueError(
                f"No task given: pass --task, one of {', '.join(tasks.TASKS)}; or, to train on "
                "data of your own that no environment here belongs to, --skip_eval and "
                "train_eval.dataset_path."
            )
        if not self.task_names and self.generate_data:
            raise ValueError("--generate_data needs a --task, whose oracle it records.")
        for name in self.task_names:
            tasks.get_task(name)

    def _check_numbers(self) -> None:
        of_evaluation = () if self.skip_eval else ("eval_episodes", "num_envs")
        counts = ("batch_size", "num_iterations", "sequence_length", "fused_train_steps")
        counts += ("action_horizon",)
        optional = ("action_steps", "horizon", "max_train_episodes")
        counts += tuple(name for name in optional if getattr(self, name) is not None)
        parameters.check_whole("train_eval", **self._values(*counts, *of_evaluation))
        intervals = ("eval_interval", "eval_loss_interval")
        intervals += ("checkpoint_interval", "policy_save_interval")
        intervals += ("train_action_mse_interval", "warmup_steps")
        parameters.check_whole("train_eval", least=0, **self._values(*intervals))
        positive = ["learning_rate", "decay_steps", "goal_tolerance", "ema_power"]
        positive += [
            name
            for name in ("memory_limit_mb", "gradient_clipping")
            if getattr(self, name) is not None
        ]
        parameters.check_positive("train_eval", **self._values(*positive))
        parameters.check_not_negative("train_eval", ema_max_decay=self.ema_max_decay)
        if self.ema_max_decay >= 1:
            raise ValueError(
                f"train_eval.ema_max_decay must be below 1, got {self.ema_max_decay!r}: an average "
                "that keeps everything never moves."
            )
        parameters.check_not_negative("train_eval", **self._values("uniform_boundary_buffer"))
        parameters.check_seed("train_eval", self.seed)

    def _check_top_k(self) -> None:
        parameters.check_whole("train_eval", top_k_checkpoints=self.top_k_checkpoints)
        if self.top_k_mode not in top_k.MODES:
            raise ValueError(
                f"train_eval.top_k_mode is {self.top_k_mode!r}; choose one of "
                f"{', '.join(top_k.MODES)}."
            )
        metric = self.top_k_metric
        if metric is None:
            return
        if not isinstance(metric, str) or not re.fullmatch(r"[\w.-]+", metric):
            raise ValueError(
                f"train_eval.top_k_metric is {metric!r}, but must be the name of a metric."
            )
        never = {
            "train_action_mse_error": ("train_action_mse_interval", self.train_action_mse_interval),
            "val_loss": ("eval_loss_interval", self.eval_loss_interval),
        }
        if metric in never:
            interval, steps = never[metric]
            if not steps:
                raise ValueError(
                    f"train_eval.top_k_metric is {metric!r}, which is never measured with "
                    f"train_eval.{interval} = 0: give it a number of steps."
                )
        elif self.skip_eval:
            raise ValueError(
                f"train_eval.top_k_metric is {metric!r}, but with --skip_eval there are only "
                f"{' and '.join(never)}."
            )

    def _values(self, *names: str) -> dict[str, Any]:
        return {name: getattr(self, name) for name in names}

    def _check_split(self) -> None:
        ratio = self.validation_ratio
        if not 0 <= ratio < 1:
            raise ValueError(
                f"train_eval.validation_ratio is {ratio}, expected a share of the episodes: at "
                "least 0 and below 1."
            )
        if self.dataset_eval_fraction and self.split != episode_split.EpisodeSplit():
            raise ValueError(
                "train_eval.dataset_eval_fraction keeps whole record files for validation: leave "
                "it out, or set train_eval.validation_ratio to 0 and max_train_episodes to None."
            )

    def _check_places(self) -> None:
        if not isinstance(self.dataset_path, (str, type(None))):
            raise ValueError(
                "train_eval.dataset_path must be a string, one glob or several with commas, "
                f"got {self.dataset_path!r}."
            )
        for name, value in (("train_eval.root_dir", self.root_dir), ("--tag", self.tag)):
            if value and "\0" in value:
                raise ValueError(f"{name} is {value!r}: no folder's name holds a null character.")
        tag = pathlib.Path(self.tag or "")
        if tag.is_absolute() or ".." in tag.parts:
            raise ValueError(
                f"--tag is {self.tag!r}, which is outside of train_eval.root_dir: give a name, or "
                "folders with / in between, and set the root_dir for another place."
            )

    def _check_strategy(self) -> None:
        if self.strategy is None:
            return
        if not isinstance(self.strategy, tf.distribute.Strategy):
            raise ValueError(
                f"train_eval.strategy is {self.strategy!r}, but must be a tf.distribute.Strategy."
            )
        if cluster.is_cluster(self.strategy) and self.generate_data:
            raise ValueError(
                "--generate_data would record on every machine of the cluster in TF_CONFIG; record "
                "first, in a folder that all of them see, with data/policy_eval.py."
            )
        if cluster.is_cluster(self.strategy) and self.add_time:
            raise ValueError(
                "--add_time would give every machine of the cluster in TF_CONFIG its own folder; "
                "name the run with --tag."
            )
