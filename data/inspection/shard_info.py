"""Describes record files, and checks them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf

from ibc.data.inspection import shard_summary
from ibc.data.records import manifest, shard_reader, shards, specs


def describe(pattern: str, picture: str | None = None) -> Iterator[str]:
    """Yields lines about record files: what a frame is, how many there are, returns and ranges.

    Args:
      pattern: A file name or glob, or several separated by commas.
      picture: Name of a PNG to draw of all files together; None for none.

    Raises:
      FileNotFoundError, ValueError: A file is missing or damaged, the picture's name is wrong, or
        actions to be drawn together have different sizes.
    """
    if picture is not None:
        # Only for pictures: matplotlib takes its time.
        from ibc.data.inspection import shard_picture

        shard_picture.check_name(picture)
    summaries, columns, image, frames = [], [], None, 0
    for path in shards.find_shards(pattern):
        shard = shard_reader.read_shard(path)
        summaries.append(shard_summary.summarize(shard))
        frames += len(shard)
        yield from _describe_shard(shard, summaries[-1])
        if picture is not None:
            columns.append(shard_picture.action_columns(shard))
            _check_titles(path, columns, picture)
            image = image or shard_picture.first_image(shard)
    total = shard_summary.join(summaries)
    if len(summaries) > 1:
        yield f"Total of {len(summaries)} files: {frames} frames, {len(total.lengths)} episodes"
        yield from (f"  {line}" for line in total.lines())
    if picture is not None:
        shard_picture.save(total, columns, image, picture)
        yield f"Wrote {picture}"


def verify(pattern: str) -> Iterator[tuple[str, str | None]]:
    """Checks record files, each against its spec and manifest, and decodes all images.

    Args:
      pattern: A file name or glob, or several separated by commas.

    Yields:
      File name, and what is wrong with it; None if nothing is.

    Raises:
      FileNotFoundError: There is no such file.
    """
    for path in shards.find_shards(pattern):
        try:
            shard_reader.check_every_image(shard_reader.read_shard(path))
        except (ValueError, OSError) as error:
            yield path, str(error)
        else:
            yield path, None


def _check_titles(path: str, columns: Sequence[Mapping[str, Any]], picture: str) -> None:
    """Checks that the actions last read have the parts of the first ones."""
    if columns[-1].keys() != columns[0].keys():
        raise ValueError(
            f"{path} has actions of {len(columns[-1])} numbers, the files before of "
            f"{len(columns[0])}, which --picture={picture} cannot show together: draw them one by "
            "one."
        )


def _describe_shard(shard: shard_reader.Shard, summary: shard_summary.Summary) -> Iterator[str]:
    yield f"{shard.path}: {len(shard)} frames, {len(summary.lengths)} episodes"
    yield f"  manifest: {'matches' if manifest.load(shard.path) else 'none'}"
    yield from (f"  {line}" for line in summary.lines())
    for part in ("observation", "action"):
        described = specs.leaves(getattr(shard.spec, part))
        values = tf.nest.flatten(getattr(shard.frames, part))
        for (name, spec), array in zip(described.items(), values, strict=True):
            title = "/".join(filter(None, (part, name)))
            extent = "" if specs.is_image(spec) else f", {array.min():.6g} to {array.max():.6g}"
            yield f"  {title}: {specs.describe(spec)}{extent}"
