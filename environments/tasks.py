"""The tasks by name: which environment each one means, and which oracles can solve it.

Importing this module imports neither a simulator nor TensorFlow. A task's environments are
registered with Gymnasium by its `module`, which is imported when the task is first used.
"""

import dataclasses
import difflib
import importlib
import importlib.resources
import pathlib
from collections.abc import Callable, Mapping

from ibc.environments.d4rl import d4rl_tasks

# As many demonstrations as in the paper, recorded by as many processes as a laptop has cores.
RECORDED_EPISODES = 2000
RECORDING_REPLICAS = 2


@dataclasses.dataclass(frozen=True)
class Task:
    """What the name of a task stands for."""

    name: str
    """The value of `--task`."""
    env_id: str
    """Gymnasium id of the environment with state observations."""
    module: str
    """Module that registers the ids when it is imported."""
    oracles: Mapping[str, str]
    """Value of `--policy` -> 'module:class' of a policy built as `class(env, seed=...)`."""
    default_oracle: str
    """The oracle meant by `--policy=oracle`; '' if there is none."""
    config_families: tuple[str, ...]
    """Folders of config files that suit the task, the first one first."""
    metrics_modules: tuple[str, ...] = ()
    """Modules of the metrics that the environment reports."""
    video_seed: int = 0
    """Seed of the episode that training's videos show."""
    image_env_id: str | None = None
    """Gymnasium id of the environment with image observations, if there is one."""
    shared_memory: bool = False
    """Whether ids with the prefix 'Shared' exist, which use a PyBullet shared-memory server."""

    def environment_id(self, use_image_obs: bool = False, shared_memory: bool = False) -> str:
        """Returns the Gymnasium id of a variant of the task.

        Raises:
          ValueError: The task has no such variant.
        """
        if use_image_obs and self.image_env_id is None:
            raise ValueError(f"task {self.name} has no image observations.")
        if shared_memory and not self.shared_memory:
            raise ValueError(f"task {self.name} has no shared-memory variant.")
        env_id = self.image_env_id if use_image_obs else self.env_id
        return f"Shared{env_id}" if shared_memory else env_id

    def default_dataset(self, use_image_obs: bool = False) -> str:
        """Returns where, from the working directory, demonstrations are recorded by default."""
        name = self.name.lower() + ("_rgb" if use_image_obs else "")
        prefix = "oracle_" if self.oracles else ""
        return f"datasets/{name}/{prefix}{name}.tfrecord"

    def dataset_glob(self, use_image_obs: bool = False) -> str:
        """Returns where training looks for record files when no dataset path is given."""
        return self.default_dataset(use_image_obs).replace(".tfrecord", "*.tfrecord")

    def recording_command(self, use_image_obs: bool = False) -> str:
        """Returns the command that makes demonstrations of this task."""
        if not self.oracles:
            return (
                f"ibc-data convert <HDF5 file, described at {d4rl_tasks.DESCRIBED}> "
                f"--task={self.name}"
            )
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
        return ("random", "oracle", *self.oracles) if self.oracles else ("random",)

    def register(self) -> None:
        """Registers the task's environments with Gymnasium (once, however often it is called)."""
        importlib.import_module(self.module)

    def import_configurables(self) -> None:
        """Imports environments, oracles and metrics, so that gin knows their names."""
        for target in (self.module, *self.oracles.values(), *self.metrics_modules):
            importlib.import_module(target.partition(":")[0])

    def check_oracle(self, name: str) -> None:
        """Checks that the task has an oracle, by its own name or as 'oracle'.

        Raises:
          ValueError: It has not; the message says whose it is, or the nearest names.
        """
        if name in self.policies[1:]:
            return
        known = self.policies
        owners = [task.name for task in TASKS.values() if name in task.oracles]
        near = difflib.get_close_matches(name, known, n=2)
        if name == "oracle":
            hint = "needs a task with an oracle"
        elif owners:
            hint = f"belongs to task {' and '.join(owners)}"
        else:
            hint = "is unknown" + (f"; did you mean {' or '.join(near)}?" if near else "")
        raise ValueError(f"policy '{name}' {hint}; task {self.name} has: {', '.join(known)}.")

    def oracle_class(self, name: str) -> Callable:
        """Returns the class of an oracle, built as `oracle_class(name)(env, seed=...)`.

        Raises:
          ValueError: The task has no oracle of that name.
        """
        self.check_oracle(name)
        target = self.oracles[self.default_oracle if name == "oracle" else name]
        module, _, attribute = target.partition(":")
        return getattr(importlib.import_module(module), attribute)


PARTICLE = Task(
    name="PARTICLE",
    env_id="Particle-v0",
    module="ibc.environments.particle.particle",
    oracles={
        "particle_green_then_blue": "ibc.environments.particle.particle_oracles:ParticleOracle"
    },
    default_oracle="particle_green_then_blue",
    config_families=("particle",),
    video_seed=42,  # goals far apart
    metrics_modules=("ibc.environments.particle.particle_metrics",),
)

_ORACLES = "ibc.environments.block_pushing.oracles"
_REACH_ORACLE = {"oracle_reach": f"{_ORACLES}.reach_oracle:ReachOracle"}
_PUSH_ORACLE = {"oracle_push": f"{_ORACLES}.oriented_push_oracle:OrientedPushOracle"}
_BLOCK_PUSHING = "ibc.environments.block_pushing.block_pushing"


def _block_task(
    name: str,
    id_stem: str,
    oracles: Mapping[str, str],
    image_id_stem: str | None = None,
    module: str = _BLOCK_PUSHING,
) -> Task:
    """Returns a task of the block pushing family; its default oracle is its first one."""
    return Task(
        name=name,
        env_id=f"{id_stem}-v0",
        module=module,
        oracles=oracles,
        default_oracle=next(iter(oracles)),
        config_families=("pushing_states", "pushing_pixels"),
        metrics_modules=("ibc.environments.metrics",),
        image_env_id=image_id_stem and f"{image_id_stem}-v0",
        shared_memory=True,
    )


_BLOCK_TASKS = (
    _block_task("REACH", "BlockReach", _REACH_ORACLE, "BlockReachRgb"),
    _block_task("PUSH", "BlockPush", _PUSH_ORACLE, "BlockPushRgb"),
    _block_task("INSERT", "BlockInsert", _PUSH_ORACLE, "BlockInsertRgb"),
    _block_task(
        "REACH_NORMALIZED",
        "BlockReachNormalized",
        {"oracle_reach_normalized": f"{_ORACLES}.reach_oracle:ReachNormalizedOracle"},
        "BlockReachRgbNormalized",
    ),
    _block_task(
        "PUSH_NORMALIZED",
        "BlockPushNormalized",
        {"oracle_push_normalized": f"{_ORACLES}.oriented_push_oracle:OrientedPushNormalizedOracle"},
        "BlockPushRgbNormalized",
    ),
    _block_task(
        "PUSH_DISCONTINUOUS",
        "BlockPushDiscontinuous",
        {
            "oracle_push_discontinuous": (
                f"{_ORACLES}.two_target_oracles:DiscontinuousOrientedPushOracle"
            )
        },
        "BlockPushDiscontinuousRgb",
        f"{_BLOCK_PUSHING}_discontinuous",
    ),
    _block_task(
        "PUSH_MULTIMODAL",
        "BlockPushMultimodal",
        {"oracle_push_multimodal": (f"{_ORACLES}.two_target_oracles:MultimodalOrientedPushOracle")},
        "BlockPushMultimodalRgb",
        f"{_BLOCK_PUSHING}_multimodal",
    ),
)

_D4RL_TASKS = tuple(Task(**arguments) for arguments in d4rl_tasks.task_arguments())

TASKS = {task.name: task for task in (*_BLOCK_TASKS, PARTICLE, *_D4RL_TASKS)}


def get_task(name: str) -> Task:
    """Returns the task called `name`.

    Raises:
      ValueError: There is no such task; the message names the nearest and lists all.
    """
    available = f"available: {', '.join(TASKS)}."
    if not isinstance(name, str):
        # Config files may hold anything.
        raise ValueError(f"a task must be a name, a string in quotes, got {name!r}; {available}")
    if name in TASKS:
        return TASKS[name]
    by_capitals = {known.upper(): known for known in TASKS}
    near = [by_capitals[n] for n in difflib.get_close_matches(name.upper(), by_capitals, n=3)]
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise ValueError(f"unknown task '{name}'; {hint}{available}")
