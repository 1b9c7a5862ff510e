"""A picture of the space of videos, and of rewards along them."""

import pathlib
from collections.abc import Mapping

import numpy as np

from ibc.utils import atomic_file
from ibc.video_encoder import measures


def draw(path: pathlib.Path, hidden: Mapping[str, np.ndarray], seed: int = 0) -> None:
    """Draws whole videos by their first two principal components, and one clip's rewards a class.

    Args:
      path: Of the PNG.
      hidden: h of each class's videos [T + 1, V, z], the expert's first.
      seed: Of which of the expert's videos clips are compared with.
    """
    # matplotlib takes a second to import, and is needed at the end alone.
    from matplotlib.backends import backend_agg
    from matplotlib.figure import Figure

    ends = np.concatenate([each[-1] for each in hidden.values()])
    ends -= ends.mean(0)
    _, _, axes_of_space = np.linalg.svd(ends, full_matrices=False)
    places = ends @ axes_of_space[:2].T
    counts = [each.shape[1] for each in hidden.values()]

    figure = Figure(figsize=(11, 5))
    space, curves = figure.subplots(1, 2)
    expert = next(iter(hidden.values()))
    for (label, own), part in zip(
        hidden.items(), np.split(places, np.cumsum(counts)[:-1]), strict=True
    ):
        space.scatter(part[:, 0], part[:, 1], s=14, label=label)
        random = np.random.default_rng(seed)
        rewards = measures.similarities(own[:, :1], expert[:, 1:], random, is_expert=False)
        curves.plot(np.arange(1, len(rewards) + 1), rewards[:, 0], label=label)
    space.set(title="whole videos, first two principal components")
    space.legend()
    curves.set(title="reward along one video of each", xlabel="step", ylabel="cosine")
    curves.legend()
    backend_agg.FigureCanvasAgg(figure)
    with atomic_file.replacing(path) as temporary:
        figure.savefig(temporary, format="png", bbox_inches="tight", dpi=100)
