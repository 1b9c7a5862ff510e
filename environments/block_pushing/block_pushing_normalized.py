"""REACH and PUSH with observations and actions scaled to [−1, 1].

Positions are seen from the commanded effector, angles as cosine and sine.
"""

import collections
from collections.abc import Mapping
from typing import TypeVar

import gin
import gymnasium
import numpy as np

from ibc.environments.block_pushing import block_pushing

REWARD_SCALE = 100.0

_EFFECTOR_TARGET = "effector_target_translation"
_TO_BLOCK = "effector_target_to_block_translation"
_BLOCK_COS_SIN = "block_orientation_cos_sin"
_TO_TARGET = "effector_target_to_target_translation"
_TARGET_COS_SIN = "target_orientation_cos_sin"

# Smallest and largest values in demonstrations, which become −1 and 1. The maps are computed in
# float32 where their argument is: the last digits of an action decide contacts.
ACTION_RANGE = np.float32([[-0.02547718, -0.02090043], [0.02869084, 0.04272365]])
OBSERVATION_RANGES = {
    _EFFECTOR_TARGET: np.float32(
        [[0.1774151772260666, -0.6287994794547558], [0.5654461532831192, 0.5441607423126698]]
    ),
    _TO_BLOCK: np.float32(
        [[-0.07369826920330524, -0.11395704373717308], [0.10131562314927578, 0.19391131028532982]]
    ),
    _BLOCK_COS_SIN: np.float32(
        [[-2.0649861991405487, -0.6154364347457886], [1.6590178310871124, 1.8811014890670776]]
    ),
    _TO_TARGET: np.float32(
        [[-0.17813862301409245, -0.3309651017189026], [0.23726161383092403, 0.8404090404510498]]
    ),
    _TARGET_COS_SIN: np.float32(
        [[-1.0761439241468906, -0.8846937336493284], [-0.8344330154359341, 0.8786859593819827]]
    ),
}

_Value = TypeVar("_Value")

_TASKS = {
    block_pushing.BlockTaskVariant.REACH_NORMALIZED: block_pushing.BlockTaskVariant.REACH,
    block_pushing.BlockTaskVariant.PUSH_NORMALIZED: block_pushing.BlockTaskVariant.PUSH,
}


def normalize_action(action: np.ndarray) -> np.ndarray:
    """Returns the normalized action [..., 2] of a displacement [..., 2] in metres."""
    return _normalize(action, ACTION_RANGE)


def unnormalize_action(action: np.ndarray) -> np.ndarray:
    """Returns the displacement [..., 2] in metres of a normalized action [..., 2]."""
    return _unnormalize(action, ACTION_RANGE)


def normalize_observation(observation: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns the normalized observation of a plain one.

    Args:
      observation: Observation of `BlockPush`; each part is [..., n].

    Returns:
      Arrays [..., 2]; `rgb`, if there is one, as it is.
    """
    effector = observation["effector_target_translation"]
    parts = {
        _EFFECTOR_TARGET: effector,
        _TO_BLOCK: observation["block_translation"] - effector,
        _BLOCK_COS_SIN: _cos_sin(observation["block_orientation"]),
        _TO_TARGET: observation["target_translation"] - effector,
        _TARGET_COS_SIN: _cos_sin(observation["target_orientation"]),
    }
    normalized = {key: _normalize(parts[key], OBSERVATION_RANGES[key]) for key in parts}
    return {**normalized, **_images(observation)}


def unnormalize_observation(observation: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns the plain observation of a normalized one.

    The inverse of `normalize_observation`, but for the effector's own position, which a
    normalized observation does not hold.

    Args:
      observation: Observation of `BlockPushNormalized`; each part is [..., 2].

    Returns:
      Translations [..., 2], orientations [..., 1]; `rgb`, if there is one, as it is.
    """
    parts = {
        key: _unnormalize(observation[key], range_) for key, range_ in OBSERVATION_RANGES.items()
    }
    effector = parts[_EFFECTOR_TARGET]
    return {
        "block_translation": parts[_TO_BLOCK] + effector,
        "block_orientation": _angle(parts[_BLOCK_COS_SIN]),
        "effector_target_translation": effector,
        "target_translation": parts[_TO_TARGET] + effector,
        "target_orientation": _angle(parts[_TARGET_COS_SIN]),
        **_images(observation),
    }


@gin.configurable
class BlockPushNormalized(block_pushing.BlockPush):
    """REACH or PUSH behind the maps of this module; rewards are 100 times as large.

    Action (float [2] in [−1, 1], clipped to that): the normalized displacement of the
    commanded effector. Observation (dict of float32 [2]): see `normalize_observation`.
    """

    def __init__(
        self,
        control_frequency: float = 10.0,
        task: block_pushing.BlockTaskVariant = block_pushing.BlockTaskVariant.PUSH_NORMALIZED,
        image_size: tuple[int, int] | None = None,
        shared_memory: bool = False,
        seed: int | None = None,
        render_mode: str | None = None,
        use_image_obs: bool | None = None,
        renderer: str = "tiny",
    ):
        """Creates the environment; arguments are those of `BlockPush`.

        Raises:
          ValueError: A parameter is out of range; the message names it.
        """
        if task not in _TASKS:
            names = ", ".join(variant.name for variant in _TASKS)
            raise ValueError(f"BlockPushNormalized.task must be one of {names}, got {task!r}.")
        super().__init__(
            control_frequency=control_frequency,
            task=_TASKS[task],
            image_size=image_size,
            shared_memory=shared_memory,
            seed=seed,
            render_mode=render_mode,
            use_image_obs=use_image_obs,
            renderer=renderer,
        )

    def _in_metres(self, action: np.ndarray) -> np.ndarray:
        return unnormalize_action(np.clip(action, -1.0, 1.0))

    def _evaluate(self, state: dict[str, np.ndarray]) -> tuple[float, bool]:
        reward, terminated = super()._evaluate(state)
        return REWARD_SCALE * reward, terminated

    def _present(self, state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        presented = normalize_observation(state)
        return {**{key: np.float64(presented[key]) for key in presented}, **_images(presented)}

    def _make_action_space(self) -> gymnasium.spaces.Box:
        return gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)

    def _make_observation_space(self) -> gymnasium.spaces.Dict:
        plain = super()._make_observation_space()
        low, high = (
            {key: getattr(box, end) for key, box in plain.items()} for end in ("low", "high")
        )
        effector = low[_EFFECTOR_TARGET], high[_EFFECTOR_TARGET]
        bounds = {_EFFECTOR_TARGET: effector}
        for key, body in ((_TO_BLOCK, "block"), (_TO_TARGET, "target")):
            name = f"{body}_translation"
            bounds[key] = (low[name] - effector[1], high[name] - effector[0])
        for key in (_BLOCK_COS_SIN, _TARGET_COS_SIN):
            bounds[key] = (-np.ones(2), np.ones(2))
        spaces = {
            key: gymnasium.spaces.Box(
                *np.float32([_normalize(bound, range_) for bound in bounds[key]]), dtype=np.float32
            )
            for key, range_ in OBSERVATION_RANGES.items()
        }
        return gymnasium.spaces.Dict(collections.OrderedDict({**spaces, **_images(plain)}))


def _normalize(value: np.ndarray, range_: np.ndarray) -> np.ndarray:
    offset, scale = _offset_and_scale(range_)
    return (value - offset) / scale


def _unnormalize(value: np.ndarray, range_: np.ndarray) -> np.ndarray:
    offset, scale = _offset_and_scale(range_)
    return value * scale + offset


def _offset_and_scale(range_: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    low, high = range_
    return (high + low) * 0.5, (high - low) * 0.5


def _cos_sin(angle: np.ndarray) -> np.ndarray:
    return np.concatenate([np.cos(angle), np.sin(angle)], axis=-1).astype(np.float32)


def _angle(cos_sin: np.ndarray) -> np.ndarray:
    return np.arctan2(cos_sin[..., 1:], cos_sin[..., :1])


def _images(observation: Mapping[str, _Value]) -> dict[str, _Value]:
    return {key: observation[key] for key in ("rgb",) if key in observation.keys()}
