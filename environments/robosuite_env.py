"""robosuite's tasks, made from what a robomimic file says of its environment.

The task's name has this module in front, which registers it:

    python ibc/train_eval.py --task=ibc.environments.robosuite_env:Robosuite-v0 \
      --gin_bindings="RobosuiteEnv.env_args = 'lift.hdf5'"
"""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import gin
import gymnasium
import numpy as np
from gymnasium import spaces

from ibc.environments import task, tasks
from ibc.utils import rotations

ENV_ID = "Robosuite-v0"
LOW_DIM_KEYS = ("object", "robot0_eef_pos", "robot0_eef_quat", "robot0_gripper_qpos")
"""What is observed without images, as in robomimic's own experiments."""

# What robosuite calls otherwise than robomimic's files.
_ROBOSUITE_NAMES = {"object": "object-state"}
_IMAGE_SUFFIX = "_image"
_HORIZON = 400
_HDF5_SUFFIXES = (".hdf5", ".h5")


@gin.configurable
class RobosuiteEnv(gymnasium.Env):
    """A task of robosuite, observed by the names of robomimic's files.

    Reward: robosuite's, 1 on success where it is sparse. An episode ends with success, or at the
    horizon of `env_args` (400 steps). Actions are those of the controller; if it takes poses, with
    rotations of 6 numbers, see `rotations`.
    """

    def __init__(
        self, env_args: str | os.PathLike | None = None, keys: Sequence[str] = LOW_DIM_KEYS
    ):
        """Makes the environment.

        Args:
          env_args: A robomimic HDF5 file, or a JSON file with the same object (env_name,
            env_kwargs).
          keys: What is observed; images are those whose names end in `_image`.

        Raises:
          ImportError: robosuite is not installed.
          ValueError: There is no such file or key, or it does not say what the environment is.
        """
        described = _read_env_args(env_args)
        arguments = dict(described.get("env_kwargs", {}))
        self._horizon = arguments.get("horizon", _HORIZON)
        self._takes_poses = takes_poses(described)
        self._keys = tuple(keys)
        self._env = _make(described["env_name"], arguments, self._keys)
        seen = self._observed(self._env.reset(), env_args)
        self.observation_space = spaces.Dict(
            {key: _space(key, values) for key, values in seen.items()}
        )
        low, high = (np.float32(bound) for bound in self._env.action_spec)
        if self._takes_poses:
            high = np.full(np.shape(rotations.with_6d_rotations(low)), np.inf, np.float32)
            low = -high
        self.action_space = spaces.Box(low, high, dtype=np.float32)
        self._steps = 0

    def reset(
        self, *, seed: int | None = None, options: dict | None = None
    ) -> tuple[dict[str, np.ndarray], dict]:
        """Starts an episode; with a seed it is the same one each time."""
        super().reset(seed=seed, options=options)
        if seed is not None:
            # In place: whatever draws positions holds the same generator.
            self._env.rng.bit_generator.state = np.random.default_rng(seed).bit_generator.state
        self._steps = 0
        return self._observed(self._env.reset()), {}

    def step(self, action: np.ndarray) -> tuple[dict[str, np.ndarray], float, bool, bool, dict]:
        """Makes a step of the controller; `info` tells of success."""
        if self._takes_poses:
            action = rotations.with_axis_angles(action)
        seen, reward, _, _ = self._env.step(np.asarray(action, np.float64))
        self._steps += 1
        success = bool(self._env._check_success())
        truncated = self._steps >= self._horizon
        return self._observed(seen), float(reward), success, truncated, {"success": success}

    def close(self) -> None:
        """Ends the simulation."""
        self._env.close()

    def _observed(
        self, seen: Mapping[str, np.ndarray], where: str | os.PathLike | None = None
    ) -> dict[str, np.ndarray]:
        """Returns what is observed; images come upside down, as OpenGL has them."""
        names = {key: _ROBOSUITE_NAMES.get(key, key) for key in self._keys}
        missing = [key for key, name in names.items() if name not in seen]
        if missing:
            raise ValueError(
                f"RobosuiteEnv.keys has {missing[0]!r}, but the environment of {where} shows "
                f"{', '.join(sorted(seen))}."
            )
        return {
            key: np.ascontiguousarray(seen[name][::-1])
            if key.endswith(_IMAGE_SUFFIX)
            else np.float32(seen[name])
            for key, name in names.items()
        }


def takes_poses(settings: Any) -> bool:
    """Whether a controller's actions are poses instead of changes, in robosuite 1.4 or 1.5.

    Args:
      settings: Those of the controller, or what they are in, such as a robomimic file's `env_args`.
    """
    if isinstance(settings, list):
        return any(map(takes_poses, settings))
    if not isinstance(settings, Mapping):
        return False
    is_absolute = settings.get("control_delta") is False or (
        settings.get("input_type") == "absolute"
    )
    return is_absolute or any(map(takes_poses, settings.values()))


def _space(key: str, values: np.ndarray) -> spaces.Box:
    if key.endswith(_IMAGE_SUFFIX):
        return spaces.Box(0, 255, values.shape, np.uint8)
    return spaces.Box(-np.inf, np.inf, values.shape, np.float32)


def _read_env_args(path: str | os.PathLike | None) -> dict[str, Any]:
    """Reads the description of an environment."""
    if path is None:
        raise ValueError(
            "RobosuiteEnv.env_args is not set: bind it to the robomimic HDF5 file that was trained "
            "on, or to a JSON file of its env_args."
        )
    path = os.path.expanduser(path)
    if not os.path.isfile(path):
        raise ValueError(f"RobosuiteEnv.env_args={path!r} does not exist.")
    try:
        if path.endswith(_HDF5_SUFFIXES):
            import h5py

            with h5py.File(path) as file:
                found = json.loads(file["data"].attrs["env_args"])
        else:
            with open(path, encoding="utf-8") as file:
                found = json.load(file)
        found["env_name"]
    except (KeyError, OSError, TypeError, ValueError) as error:
        raise ValueError(
            f"RobosuiteEnv.env_args={path!r} does not say what the environment is ({error}), "
            "expected env_args with env_name and env_kwargs."
        ) from error
    return found


def _make(name: str, arguments: dict[str, Any], keys: Sequence[str]) -> Any:
    """Makes robosuite's environment."""
    try:
        import robosuite
        from robosuite.controllers.composite import composite_controller_factory as controllers
    except ImportError as error:
        raise ImportError(
            f"task {ENV_ID} needs robosuite, but {error}: run pip install 'ibc-tf[robosuite]'."
        ) from error
    cameras = [key.removesuffix(_IMAGE_SUFFIX) for key in keys if key.endswith(_IMAGE_SUFFIX)]
    controller = arguments.get("controller_configs")
    if controller:
        robots = arguments["robots"]
        robot = robots if isinstance(robots, str) else robots[0]
        arguments["controller_configs"] = controllers.refactor_composite_controller_config(
            _of_robosuite_15(controller), robot, ["right"]
        )
    arguments.update(
        has_renderer=False,
        has_offscreen_renderer=bool(cameras),
        use_camera_obs=bool(cameras),
        use_object_obs=True,
        ignore_done=True,
        **({"camera_names": cameras} if cameras else {}),
    )
    return robosuite.make(name, **arguments)


def _of_robosuite_15(controller: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a controller's settings in the words of robosuite 1.5, if they are older."""
    if "control_delta" not in controller:
        return dict(controller)
    return {
        **controller,
        "input_type": "delta" if controller["control_delta"] else "absolute",
        "input_ref_frame": "world",
        "damping_ratio": controller.get("damping", 1),
    }


if ENV_ID not in gymnasium.registry:
    gymnasium.register(ENV_ID, entry_point=f"{__name__}:RobosuiteEnv")

TASKS = (
    task.Task(
        name=f"{__name__}:{ENV_ID}",
        env_id=ENV_ID,
        register=lambda: None,  # It is.
        config_families=("robomimic", *tasks.CONFIGS_OF_ANY_STATES),
        data_source="robomimic HDF5 file",
        is_foreign=True,
    ),
)
