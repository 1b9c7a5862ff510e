"""What the name of a task stands for: an environment, its variants, oracles and config files."""

import dataclasses
import importlib
import importlib.resources
import pathlib
import re
from collections.abc import Callable, Mapping

# As many demonstrations as in the paper, recorded by as many processes as a laptop has cores.
RECORDED_EPISODES = 2000
RECORDING_REPLICAS = 2

RENDERERS = ("tiny", "egl", "auto")
"""What can draw the pictures of a PyBullet simulation: its TinyRenderer; OpenGL without a display;
that where a GPU draws, and TinyRenderer elsewhere."""


@dataclasses.dataclass(frozen=True)
class Task:
    """What the name of a task stands for.

    A family of tasks has a package beside this module, with a module `task` whose `TASKS` lists
    them. That module imports neither a simulator nor TensorFlow nor Gymnasium.
    """

    name: str
    """The value of `--task`."""
    env_id: str
    """Gymnasium id of the environment with state observations."""
    register: Callable[[], None]
    """Registers the ids with Gymnasium; may be called any number of times."""
    oracles: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Value of `--policy` -> 'module:class' of a policy built as `class(env, seed=...)`.

    The first one is meant by `--policy=oracle`.
    """
    baselines: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """The same for policies that demonstrate nothing, but that others are compared with."""
    config_families: tuple[str, ...] = ()
    """Folders of config files that suit the task, the first one first."""
    metrics_module: str = "ibc.environments.metrics"
    """Module of the metrics that the environment reports."""
    data_source: str = "HDF5 file or folder of a Minari data set"
    """What demonstrations are made from where there is no oracle."""
    video_seed: int = 0
    """Seed of the episode that training's videos show."""
    video_steps: int | None = None
    """Actions in a recorded video where none are asked for; as many as an episode has if None."""
    action_repeat: int = 1
    """Steps for which an action is held in a recorded video."""
    image_env_id: str | None = None
    """Gymnasium id of the environment with image observations, if there is one."""
    shared_memory: bool = False
    """Whether ids with the prefix 'Shared' exist, which use a PyBullet shared-memory server."""
    picture_parameters: str | None = None
    """gin's name of an environment with the parameters `image_size` and `renderer`, if it has."""
    states_of: str | None = None
    """Name of the task whose observation this one's begins with: the state that learned rewards
    see. What follows, a goal, say, is for policies alone. None where all is the state."""
    is_foreign: bool = False
    """Whether the environment was not made for this library, so that it has to be adapted."""

    def environment_id(self, use_image_obs: bool = False, shared_memory: bool = False) -> str:
        """Returns the Gymnasium id of a variant of the task.

        Raises:
          ValueError: The task has no such variant.
        """
        env_id = self.image_env_id if use_image_obs else self.env_id
        if env_id is None:
            raise ValueError(f"task {self.name} has no image observations.")
        if shared_memory and not self.shared_memory:
            raise ValueError(f"task {self.name} has no shared-memory variant.")
        return f"Shared{env_id}" if shared_memory else env_id

    def picture_bindings(
        self, image_size: tuple[int, int] | None = None, renderer: str | None = None
    ) -> tuple[str, ...]:
        """Returns gin bindings that have the environment draw so; None leaves a parameter as it is.

        Raises:
          ValueError: The task's pictures are as they are.
        """
        asked = {"image_size": image_size, "renderer": renderer}
        asked = {name: value for name, value in asked.items() if value is not None}
        if asked and self.picture_parameters is None:
            flags = " and ".join(f"--{name}" for name in asked)
            raise ValueError(f"task {self.name} has one kind of pictures; leave out {flags}.")
        return tuple(
            f"{self.picture_parameters}.{name} = {value!r}" for name, value in asked.items()
        )

    def default_dataset(self, use_image_obs: bool = False) -> str:
        """Returns where, from the working directory, demonstrations are recorded by default."""
        # 'my_module:Reach-v0' and 'lab/Reach-v0' are names of tasks, but not of files.
        stem = re.sub(r"[^\w.-]", "_", self.name.rpartition(":")[2]).lower()
        name = stem + ("_rgb" if use_image_obs else "")
        prefix = "oracle_" if self.oracles else ""
        return f"datasets/{name}/{prefix}{name}.tfrecord"

    def dataset_glob(self, use_image_obs: bool = False) -> str:
        """Returns where training looks for record files when no dataset path is given."""
        return self.default_dataset(use_image_obs).replace(".tfrecord", "*.tfrecord")

    def recording_command(self, use_image_obs: bool = False) -> str:
        """Returns the command that makes demonstrations of this task."""
        if not self.oracles and use_image_obs:
            return (
                f"python data/policy_eval.py --task={self.name} --policy=replay "
                f"--replay_path={self.default_dataset()} --num_episodes=100 --use_image_obs "
                f"--dataset_path={self.default_dataset(use_image_obs)}"
            )
        if not self.oracles:
            target = self.default_dataset() if self.is_foreign else f"--task={self.name}"
            return f"ibc-data convert <{self.data_source}> {target}"
        return (
            f"python data/policy_eval.py --task={self.name} --policy=oracle "
            f"{'--use_image_obs ' if use_image_obs else ''}"
            f"--num_episodes={RECORDED_EPISODES // RECORDING_REPLICAS} "
            f"--replicas={RECORDING_REPLICAS} --dataset_path={self.default_dataset(use_image_obs)}"
        )

    def config_folders(self) -> list[pathlib.Path]:
        """Returns the folders of the config files that ship for the task."""
        root = pathlib.Path(str(importlib.resources.files("ibc.configs")))
        return [root / family for family in self.config_families]

    @property
    def policies(self) -> tuple[str, ...]:
        """Values of `--policy` that the task knows."""
        oracles = ("oracle", *self.oracles) if self.oracles else ()
        return ("random", *oracles, *self.baselines)

    def modules(self) -> tuple[str, ...]:
        """Registers the ids; returns the modules of environment, policies and metrics."""
        import gymnasium  # takes a third of a second, which --help need not wait for

        self.register()
        made_by = gymnasium.spec(self.env_id).entry_point
        environment = made_by if isinstance(made_by, str) else made_by.__module__
        policies = (*self.oracles.values(), *self.baselines.values())
        targets = (environment, *policies, self.metrics_module)
        return tuple(dict.fromkeys(target.partition(":")[0] for target in targets))

    def import_configurables(self) -> None:
        """Imports environments, policies and metrics, so that gin knows their names."""
        for module in self.modules():
            importlib.import_module(module)

    def oracle_class(self, name: str) -> Callable:
        """Returns the class of an oracle or baseline, built as `oracle_class(name)(env, seed=...)`.

        Raises:
          ValueError: The task has no oracle of that name.
        """
        own = next(iter(self.oracles), name) if name == "oracle" else name
        known_classes = {**self.oracles, **self.baselines}
        if own not in known_classes:
            known = ", ".join(self.policies)
            raise ValueError(f"task {self.name} has no oracle '{name}'; it has: {known}.")
        module, _, attribute = known_classes[own].partition(":")
        return getattr(importlib.import_module(module), attribute)
