"""The block-pushing tasks: names, ids and step limits, and the oracles that solve them.

An id is 'Block' and what the task is called, with 'Rgb' for image observations and 'Normalized'
for scaled ones; the prefix 'Shared' connects to a PyBullet shared-memory server.
"""

import dataclasses
import enum
import functools
import itertools

from ibc.environments import task

IMAGE_SIZE = (240, 320)
"""Height and width of image observations when nothing else is asked for, pixels."""

_PACKAGE = "ibc.environments.block_pushing"
# Value of --policy -> module and class.
_ORACLES = {
    "oracle_reach": "reach_oracle:ReachOracle",
    "oracle_reach_normalized": "reach_oracle:ReachNormalizedOracle",
    "oracle_push": "oriented_push_oracle:OrientedPushOracle",
    "oracle_push_normalized": "oriented_push_oracle:OrientedPushNormalizedOracle",
    "oracle_push_discontinuous": "two_target_oracles:DiscontinuousOrientedPushOracle",
    "oracle_push_multimodal": "two_target_oracles:MultimodalOrientedPushOracle",
}


class BlockTaskVariant(enum.Enum):
    """The tasks with one block and one target. A value is the task's part of its ids."""

    REACH = "Reach"
    """Bring the effector behind the block, as seen from the target."""
    REACH_NORMALIZED = "ReachNormalized"
    """REACH with observations and actions scaled to [−1, 1]."""
    PUSH = "Push"
    """Push the block into the target zone."""
    PUSH_NORMALIZED = "PushNormalized"
    """PUSH with observations and actions scaled to [−1, 1]."""
    INSERT = "Insert"
    """Push the block into a slot."""


@dataclasses.dataclass(frozen=True)
class _Row:
    """A task in the table."""

    stem: str
    """What follows 'Block' in the ids, but for Rgb and Normalized."""
    entry_point: str
    """'module:class' of the environment."""
    max_episode_steps: int
    """Limit of the episode length."""
    max_episode_steps_with_images: int
    """Limit of the episode length with image observations."""
    oracle: str
    """The task's key in `_ORACLES`."""

    def env_id(self, name: str, images: bool = False, shared_memory: bool = False) -> str:
        """Returns the id of a variant of the task `name`."""
        return environment_id(self.stem, shared_memory, images, name.endswith("_NORMALIZED"))


_PLAIN = f"{_PACKAGE}.block_pushing:BlockPush"
_NORMALIZED = f"{_PACKAGE}.block_pushing_normalized:BlockPushNormalized"
_DISCONTINUOUS = f"{_PACKAGE}.block_pushing_discontinuous:BlockPushDiscontinuous"
_MULTIMODAL = f"{_PACKAGE}.block_pushing_multimodal:BlockPushMultimodal"
_ROWS = {
    "REACH": _Row("Reach", _PLAIN, 50, 100, "oracle_reach"),
    "PUSH": _Row("Push", _PLAIN, 100, 100, "oracle_push"),
    "INSERT": _Row("Insert", _PLAIN, 50, 50, "oracle_push"),
    "REACH_NORMALIZED": _Row("Reach", _NORMALIZED, 50, 50, "oracle_reach_normalized"),
    "PUSH_NORMALIZED": _Row("Push", _NORMALIZED, 100, 100, "oracle_push_normalized"),
    "PUSH_DISCONTINUOUS": _Row(
        "PushDiscontinuous", _DISCONTINUOUS, 200, 200, "oracle_push_discontinuous"
    ),
    "PUSH_MULTIMODAL": _Row("PushMultimodal", _MULTIMODAL, 200, 200, "oracle_push_multimodal"),
}


def environment_id(
    stem: str, shared_memory: bool = False, use_image_obs: bool = False, normalized: bool = False
) -> str:
    """Returns the id of a variant of the task `stem`: e.g. SharedBlockPushRgbNormalized-v0."""
    shared = "Shared" if shared_memory else ""
    return f"{shared}Block{stem}{'Rgb' * use_image_obs}{'Normalized' * normalized}-v0"


@functools.cache
def register() -> None:
    """Registers all variants of all block-pushing tasks with Gymnasium, once."""
    import gymnasium

    for (name, row), shared_memory, images in itertools.product(
        _ROWS.items(), (False, True), (False, True)
    ):
        arguments = {"shared_memory": shared_memory, "use_image_obs": images}
        if row.entry_point in (_PLAIN, _NORMALIZED):
            arguments["task"] = BlockTaskVariant[name]
        gymnasium.register(
            id=row.env_id(name, images, shared_memory),
            entry_point=row.entry_point,
            max_episode_steps=(
                row.max_episode_steps_with_images if images else row.max_episode_steps
            ),
            kwargs=arguments,
        )


TASKS = tuple(
    task.Task(
        name=name,
        env_id=row.env_id(name),
        register=register,
        oracles={row.oracle: f"{_PACKAGE}.oracles.{_ORACLES[row.oracle]}"},
        config_families=("pushing_states", "pushing_pixels"),
        image_env_id=row.env_id(name, images=True),
        shared_memory=True,
        picture_parameters=row.entry_point.rpartition(":")[2],
    )
    for name, row in _ROWS.items()
)
