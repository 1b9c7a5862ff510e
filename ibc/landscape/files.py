"""Writes what is drawn of an episode."""

import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from ibc.environments import video
from ibc.landscape import chains, drawing, episode, looking, source
from ibc.pictures import animation

_GIF_DOTS_PER_INCH = 64
_MOST_PER_SECOND = 10.0


def write_energy(
    of: source.Source, dimensions: Sequence[int] | None, folder: pathlib.Path, kind: str
) -> Iterator[pathlib.Path]:
    """Writes an animation of an episode, and a picture of at most twelve of its moments.

    Args:
      of: Policy and episode.
      dimensions: Two numbers of the action, None for `episode.planes`'s own choice.
      folder: Where to.
      kind: 'mp4' or 'gif'.

    Yields:
      The files, as they are written.
    """
    if kind == "mp4":
        video.find_ffmpeg()  # If there is none, better now than after the episode.
    moments = list(of.moments())
    planes = episode.planes(moments, dimensions)
    picture = folder / f"energy_{of.stem}.png"
    animation.write_png(drawing.sheet(moments, planes, of.title), picture)
    yield picture
    moving = folder / f"energy_{of.stem}.{kind}"
    dots = _GIF_DOTS_PER_INCH if kind == "gif" else None
    frames = (
        animation.pixels(drawing.moment(moment, on, f"{of.title}, step {moment.step}"), dots)
        for moment, on in zip(moments, planes, strict=True)
    )
    fps = min(of.fps, _MOST_PER_SECOND)
    if kind == "gif":
        animation.write_gif(frames, moving, fps)
    else:
        video.write(frames, moving, fps)
    yield moving


def write_chain(
    of: source.Source,
    what: str,
    step: int,
    dimensions: Sequence[int] | None,
    folder: pathlib.Path,
) -> Iterator[pathlib.Path]:
    """Writes a picture of what a sampler does at a step of an episode.

    Args:
      of: Policy and episode.
      what: 'dfo' or 'langevin'.
      step: Of the episode.
      dimensions: As in `write_energy`.
      folder: Where to.

    Yields:
      The file.

    Raises:
      ValueError: The policy has no samplers, or the episode no such step.
    """
    described = of.policy.description
    if described.sampling is None:
        raise ValueError(
            f"--what={what} shows how an energy's samples are improved, but this policy is a "
            f"{described.kind}, which draws its actions at once: leave --what out."
        )
    moment = _moment(of, step)
    on = episode.planes([moment], dimensions)[0]
    chain = chains.of(moment.view.search, described.sampling, what)
    steps = looking.in_units(described, chain.steps)
    by = chain.sampler if chain.is_own else f"{chain.sampler}, which the policy does not use"
    title = f"{of.title}, step {step}: {by}"
    if what == "dfo":
        figure = drawing.iterations(moment, on, steps, title)
    else:
        energies = np.stack([moment.view.energies(actions) for actions in steps])
        figure = drawing.chains(moment, on, steps, energies, title)
    path = folder / f"{what}_{of.stem}_step_{step}.png"
    animation.write_png(figure, path)
    yield path


def _moment(of: source.Source, step: int) -> episode.Moment:
    last = None
    for moment in of.moments():
        if moment.step >= step:
            return moment
        last = moment.step
    raise ValueError(f"--step={step} is after the episode, whose last step is {last}.")
