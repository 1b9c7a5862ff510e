"""Registration of block-pushing environments with Gymnasium."""

import itertools

import gymnasium

IMAGE_SIZE = (240, 320)
"""Height and width of image observations of the registered environments, pixels."""


def environment_id(
    name: str, shared_memory: bool = False, use_image_obs: bool = False, normalized: bool = False
) -> str:
    """Returns the id of a variant of the task `name`: e.g. SharedBlockPushRgbNormalized-v0."""
    shared = "Shared" if shared_memory else ""
    return f"{shared}Block{name}{'Rgb' * use_image_obs}{'Normalized' * normalized}-v0"


def register(
    entry_point: str,
    name: str,
    max_episode_steps: int,
    max_episode_steps_with_images: int,
    normalized: bool = False,
    **kwargs: object,
) -> None:
    """Registers a task with and without images, in this process and on a server.

    Args:
      entry_point: 'module:class'; the class takes `image_size`, `shared_memory` and `kwargs`.
      name: What follows 'Block' in the ids.
      max_episode_steps: Limit of the episode length.
      max_episode_steps_with_images: Limit of the episode length with image observations.
      normalized: Whether the ids say 'Normalized'.
      **kwargs: More arguments of the class.
    """
    for shared_memory, images in itertools.product((False, True), repeat=2):
        gymnasium.register(
            id=environment_id(name, shared_memory, images, normalized),
            entry_point=entry_point,
            max_episode_steps=max_episode_steps_with_images if images else max_episode_steps,
            kwargs={
                **kwargs,
                "shared_memory": shared_memory,
                "image_size": IMAGE_SIZE if images else None,
            },
        )
