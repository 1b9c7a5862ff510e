"""Writes what is drawn of an episode."""

import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from ibc.environments import video
from ibc.pictures import animation, chains, drawing, episode, looking
from ibc.runtime import description as description_lib

_GIF_DOTS_PER_INCH = 64
_MOST_PER_SECOND = 10.0


def write_energy(
    moments: Sequence[episode.Moment],
    title: str,
    path: pathlib.Path,
    fps: float,
    dimensions: Sequence[int] | None = None,
) -> Iterator[pathlib.Path]:
    """Writes an animation of an episode, and a picture of at most twelve of its moments.

    Args:
      moments: Of the episode.
      title: What pictures call it.
      path: The animation, .mp4 or .gif; the picture has the suffix .png instead.
      fps: Steps of the episode per second.
      dimensions: Two numbers of the action, None for `episode.planes`'s own choice.

    Yields:
      The files, as they are written: the picture first.
    """
    planes = episode.planes(moments, dimensions)
    picture = path.with_suffix(".png")
    animation.write_png(drawing.sheet(moments, planes, title), picture)
    yield picture
    is_gif = path.suffix == ".gif"
    dots = _GIF_DOTS_PER_INCH if is_gif else None
    frames = (
        animation.pixels(drawing.moment(moment, on, f"{title}, step {moment.step}"), dots)
        for moment, on in zip(moments, planes, strict=True)
    )
    (animation.write_gif if is_gif else video.write)(frames, path, min(fps, _MOST_PER_SECOND))
    yield path


def write_chain(
    moment: episode.Moment,
    description: description_lib.Description,
    what: str,
    title: str,
    path: pathlib.Path,
    dimensions: Sequence[int] | None = None,
) -> None:
    """Writes a picture (PNG) of what a sampler does at a moment.

    Args:
      moment: Of an implicit policy's episode.
      description: Of the policy.
      what: 'dfo' or 'langevin'.
      title: What the picture calls the moment.
      path: Of the picture.
      dimensions: As in `write_energy`.

    Raises:
      ValueError: The policy has no samplers, or they cannot be shown.
    """
    if description.sampling is None:
        raise ValueError(
            f"{what} is how an energy's samples are improved, but this policy is a "
            f"{description.kind}, which draws its actions at once: draw its landscape alone."
        )
    view, on = moment.view, episode.planes([moment], dimensions)[0]
    chain = chains.of(view.search, description.sampling, what)
    steps = looking.in_units(description, chain.steps)
    by = chain.sampler if chain.is_own else f"{chain.sampler}, which the policy does not use"
    title = f"{title}: {by}"
    if what == "dfo":
        figure = drawing.iterations(moment, on, steps, title)
    else:
        energies = np.stack([view.energies(actions) for actions in steps])
        figure = drawing.chains(moment, on, steps, energies, title)
    animation.write_png(figure, path)
