"""Pictures of an energy of pairs: over places of a plane, and over the distance from data."""

import pathlib

import numpy as np
import tensorflow as tf

from ibc.data import pairs as pairs_lib
from ibc.ncsn import options, run_config
from ibc.networks import noise_conditioned_energy, pair_energy
from ibc.pictures import animation, pair_distances, pair_places
from ibc.rewards import annealers

_ANNEALING = "ncsnv2-adaptive"
NONE_HELD_OUT = "no pairs are held out, as they are where there are two episodes or more."
"""Why nothing is made of held-out pairs, for messages."""


def draw_run(
    config: run_config.NcsnConfig, folder: pathlib.Path, level: int | None = None
) -> list[pathlib.Path]:
    """Draws the energy of a run anew, see `draw`.

    Args:
      config: Whose demonstrations are looked at, paired as gin binds it.
      folder: Of the run.
      level: See `draw`.

    Raises:
      ValueError, FileNotFoundError: The energy, its demonstrations or the level are unusable.
    """
    energy = pair_energy.load(folder)
    if level is not None:
        check_level("--sigma_level", level, energy.num_levels)
    pairs = pairs_lib.load(config.dataset(), options.bound().data.pair_options())
    if pairs.state_size != energy.architecture.observation_size:
        raise ValueError(
            f"{config.dataset()} has states of {pairs.state_size} numbers, but the energy in "
            f"{folder} is of {energy.architecture.observation_size}: give --dataset_path."
        )
    return draw(folder, energy, pairs, level)


def check_level(name: str, level: int, count: int) -> None:
    """Refuses a level that an energy does not have.

    Raises:
      ValueError: It is none of 0 to `count` − 1.
    """
    if not 0 <= level < count:
        raise ValueError(f"{name} is {level}, but the energy has the levels 0 to {count - 1}.")


def draw(
    folder: pathlib.Path,
    energy: pair_energy.PairEnergy,
    pairs: pairs_lib.Pairs,
    level: int | None = None,
) -> list[pathlib.Path]:
    """Draws `distances.png`, and `energy.png` where observations are places in a plane.

    Where no pairs are held out, there is no `distances.png`.

    Args:
      folder: Where to.
      energy: Of any size of observations.
      pairs: Of which the held-out ones are moved away from.
      level: Of `energy.png`; the middle one of those that are looked at if not given.

    Returns:
      The files.
    """
    levels = noise_conditioned_energy.evaluated_levels(energy.num_levels)
    level = levels[len(levels) // 2] if level is None else level
    figures = {}
    if len(pairs.test):
        curves = distances(energy, pairs.test)
        figures["distances.png"] = pair_distances.figure(curves, "energy")
    if pairs.state_size == 2:
        figures["energy.png"] = pair_places.figure(
            [(title(energy, level), places(energy, pairs, level))]
        )
    for name, figure in figures.items():
        animation.write_png(figure, folder / name)
    return [folder / name for name in figures]


def title(energy: pair_energy.PairEnergy, level: int) -> str:
    """Returns what a picture at a level is called."""
    return f"energy at level {level} (σ = {energy.architecture.sigmas[level]:.3g})"


def places(
    energy: pair_energy.PairEnergy,
    pairs: pairs_lib.Pairs,
    level: int,
    grid: int = pair_places.GRID,
) -> pair_places.Places:
    """Returns what steps are worth at a level, all over where the demonstrations have been."""
    return pair_places.look(
        lambda rows: energy(tf.constant(rows), level).numpy(),
        pair_places.step_length(pairs.train),
        *bounds(pairs),
        grid,
    )


def bounds(pairs: pairs_lib.Pairs) -> tuple[np.ndarray, np.ndarray]:
    """Returns the smallest and largest numbers of the demonstrations' states, [O] each."""
    states = np.concatenate([pairs.train, pairs.test]).reshape(-1, pairs.state_size)
    return states.min(0), states.max(0)


def distances(energy: pair_energy.PairEnergy, test: np.ndarray) -> list[pair_distances.Curve]:
    """Returns how the energy falls at each level that is looked at, and when it is annealed.

    Args:
      energy: From inputs to energies.
      test: Raw held-out pairs [N, 2·O].
    """
    inputs = energy.inputs(tf.constant(pair_distances.spread(test), tf.float32)).numpy()
    sigmas = energy.architecture.sigmas
    at_levels = [
        pair_distances.falling(
            f"level {level}, σ = {sigmas[level]:.2g}", _at(energy, level), inputs
        )
        for level in noise_conditioned_energy.evaluated_levels(energy.num_levels)
    ]
    return [*at_levels, annealed(energy, inputs)]


def annealed(energy: pair_energy.PairEnergy, inputs: np.ndarray) -> pair_distances.Curve:
    """Returns what an agent sees that comes nearer, while the level follows it.

    From the largest radius to 0 all rows are as far away, and count as a rollout to the annealer.

    Args:
      energy: From inputs to energies.
      inputs: What the network sees of held-out pairs [N, 2·O].
    """
    annealer = annealers.make(_ANNEALING, energy.num_levels)
    found = []
    for radius in pair_distances.RADII[::-1]:
        rows = pair_distances.moved(inputs, radius)
        annealer.advance(lambda level, rows=rows: float(_at(energy, level)(rows).mean()), 0)
        values = _at(energy, annealer.level)(rows)
        found.append((values.mean(), values.std(), annealer.level))
    mean, deviation, level = np.array(found[::-1]).T
    return pair_distances.Curve("annealed", mean, deviation, level)


def _at(energy: pair_energy.PairEnergy, level: int) -> pair_distances.Look:
    return lambda rows: energy.of_inputs(tf.constant(rows), level).numpy()
