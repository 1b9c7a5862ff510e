"""Describes record files, and checks them."""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf
from tf_agents.trajectories import time_step as ts

from ibc.data import manifest, shard_reader, shards, specs


def describe(path: str) -> Iterator[str]:
    """Yields lines about a record file: what a frame is, how many there are, returns and ranges.

    Args:
      path: Record file.

    Raises:
      FileNotFoundError, ValueError: It is missing or damaged.
    """
    shard = shard_reader.read_shard(path)
    frames = shard.frames
    starts = np.flatnonzero(frames.step_type == ts.StepType.FIRST)
    yield f"{path}: {len(shard)} frames, {len(starts)} episodes"
    yield f"  manifest: {'matches' if manifest.load(path) else 'none'}"
    if len(starts):
        lengths = np.diff(np.append(starts, len(shard)))
        returns = np.add.reduceat(np.float64(frames.reward), starts)
        yield f"  frames per episode: {lengths.min()} to {lengths.max()}"
        yield f"  return: {returns.min():.6g} to {returns.max():.6g}, average {returns.mean():.6g}"
    for part in ("observation", "action"):
        described = specs.leaves(getattr(shard.spec, part))
        values = tf.nest.flatten(getattr(frames, part))
        for (name, spec), array in zip(described.items(), values, strict=True):
            title = "/".join(filter(None, (part, name)))
            extent = "" if specs.is_image(spec) else f", {array.min():.6g} to {array.max():.6g}"
            yield f"  {title}: {specs.describe(spec)}{extent}"


def verify(pattern: str) -> Iterator[tuple[str, str | None]]:
    """Checks record files, each against its spec and manifest.

    Args:
      pattern: A file name or glob, or several separated by commas.

    Yields:
      File name, and what is wrong with it; None if nothing is.

    Raises:
      FileNotFoundError: There is no such file.
    """
    for path in shards.find_shards(pattern):
        try:
            shard_reader.read_shard(path)
        except (ValueError, OSError) as error:
            yield path, str(error)
        else:
            yield path, None
