"""The options of DrQ-v2, under their published names after `drq.`."""

import dataclasses
from collections.abc import Sequence

import gin

from ibc.agents import drq_v2_agent, noise_schedule, random_shift
from ibc.environments import tasks
from ibc.networks import drq_networks
from ibc.online import configuration, run_config
from ibc.train import config_files
from ibc.utils import gin_config, option_settings, parameters

OBSERVATIONS = ("pixels", "state")
"""What an agent can see."""


@gin.configurable("drq")
@dataclasses.dataclass(frozen=True)
class Drq:
    """What an agent of DrQ-v2 sees, and how it learns; defaults are the published ones.

    An agent's step is `action_repeat` frames, the environment's steps.
    """

    observation: str = "pixels"
    """'pixels', or 'state' for the numbers that the task observes."""
    image_size: int = 84
    """Height and width of pictures."""
    frame_stack: int = 3
    """Pictures that are seen at once."""
    action_repeat: int = 2
    """Frames for which an action is held."""
    nstep: int = 3
    """Agent's steps whose rewards are summed before a value is asked for."""
    discount: float = 0.99
    """γ, of an agent's step."""
    batch_size: int = 256
    """Transitions of an update."""
    replay_buffer_size: int = 500_000
    """Agent's steps that are kept."""
    lr: float = 1e-4
    """Learning rate of encoder, actor and critics."""
    critic_target_tau: float = 0.01
    """Share of the critic that its target takes in each update."""
    update_every_steps: int = 2
    """Agent's steps per update."""
    num_seed_frames: int = 4000
    """Frames before the first update."""
    num_expl_steps: int = 2000
    """Agent's steps with uniform actions."""
    stddev_schedule: str | float = "linear(1.0,0.1,500000)"
    """Standard deviation of actions over the agent's steps: a number, `linear(a,b,d)`, or
    `step_linear(a,b1,d1,b2,d2)`."""
    stddev_clip: float = 0.3
    """Largest deviation of an action from its mean in updates."""
    feature_dim: int = 50
    """Numbers that actor and critic make of an encoding."""
    hidden_dim: int = 1024
    """Units of their hidden layers."""
    state_dim: int = 512
    """Units of the encoder of states."""
    pad: int = random_shift.PAD
    """Pixels by which pictures are shifted at most."""
    eval_every_frames: int = parameters.free(10_000)
    """Frames between evaluations, at least: they come where an episode has ended."""
    num_eval_episodes: int = parameters.free(10)
    """Episodes of an evaluation."""

    def __post_init__(self):
        """Checks the values.

        Raises:
          ValueError: One is unusable; the message names it.
        """
        whole = ("image_size", "frame_stack", "action_repeat", "nstep", "batch_size")
        whole += ("replay_buffer_size", "update_every_steps", "feature_dim", "hidden_dim")
        whole += ("state_dim", "eval_every_frames", "num_eval_episodes")
        parameters.check_whole("drq", **{name: getattr(self, name) for name in whole})
        counts = {name: getattr(self, name) for name in ("num_seed_frames", "num_expl_steps")}
        parameters.check_whole("drq", least=0, **counts, pad=self.pad)
        positive = ("lr", "critic_target_tau", "stddev_clip")
        parameters.check_positive("drq", **{name: getattr(self, name) for name in positive})
        for name in ("discount", "critic_target_tau"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"drq.{name} must be in [0, 1], but is {getattr(self, name)!r}.")
        if self.observation not in OBSERVATIONS:
            raise ValueError(
                f"drq.observation must be one of {OBSERVATIONS}, but is {self.observation!r}."
            )
        try:
            noise_schedule.parse(self.stddev_schedule)
        except ValueError as error:
            raise ValueError(f"drq.stddev_schedule: {error}") from None

    @property
    def stack(self) -> int:
        """Frames side by side in an observation."""
        return self.frame_stack if self.observation == "pixels" else 1

    def encoder(
        self, shape: tuple[int, ...], seed: int
    ) -> drq_networks.PixelEncoder | drq_networks.StateEncoder:
        """Returns an untrained encoder of observations of a shape."""
        if self.observation == "pixels":
            return drq_networks.PixelEncoder(shape, seed)
        return drq_networks.StateEncoder(shape[0], self.state_dim, seed)

    def of_agent(self) -> drq_v2_agent.DrqOptions:
        """Returns what the agent has to know."""
        return drq_v2_agent.DrqOptions(self.lr, self.critic_target_tau, self.stddev_clip, self.pad)


def configure(
    task: str,
    gin_files: Sequence[str] = (),
    gin_bindings: Sequence[str] = (),
    settings: Sequence[str] = (),
) -> None:
    """Parses what is given, after what was bound before is forgotten.

    Args:
      task: Its name, so that its own parameters may be bound.
      gin_files: Paths, or bare names of files in configs/online.
      gin_bindings: Such as 'drq.lr = 1e-4'.
      settings: Such as 'drq.lr=1e-4'.

    Raises:
      ValueError: A name is unknown, or a value unusable.
      FileNotFoundError: A config file does not exist.
    """
    gin.clear_config()
    tasks.get_task(tasks.gym_name(task)).import_configurables()
    targets = {f"drq.{field.name}": f"drq.{field.name}" for field in dataclasses.fields(Drq)}
    targets |= {
        name: f"online_train_eval.{field}" for name, field in configuration.OF_THE_RUN.items()
    }
    set_by = [option_settings.as_binding(setting, targets) for setting in settings]
    folder = config_files.config_root() / "online"
    gin_config.parse(gin_files, [*gin_bindings, *set_by], search_folders=[folder])


def may_change(name: str) -> bool:
    """Returns whether no weight of a policy depends on a gin parameter."""
    return name in free_names()


def free_names() -> frozenset[str]:
    """Returns the dotted names of what may change as a run goes on."""
    parts = {"online_train_eval": run_config.OnlineConfig, "drq": Drq}
    return frozenset(
        f"{prefix}.{field.name}"
        for prefix, part in parts.items()
        for field in dataclasses.fields(part)
        if field.metadata.get("may_change")
    )
