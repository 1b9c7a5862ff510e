"""Pictures of what a run of NEAR or AMP is rewarded by, and a video of its policy."""

import functools
import pathlib
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from absl import logging

from ibc.data import pairs as pairs_lib
from ibc.losses import amp_losses
from ibc.ncsn import seeing as of_energies
from ibc.networks import pair_energy
from ibc.online import run_config
from ibc.online.on_policy import configuration, energies, filming, raters
from ibc.online.on_policy import parts as parts_lib
from ibc.pictures import animation, pair_distances, pair_places
from ibc.rewards import amp, near, state_pairs
from ibc.train.run import run_folder

Rows = tuple[str, pair_places.Places]
"""Title and places of a row of a picture."""


def check(algorithm: str) -> None:
    """Refuses an algorithm whose reward cannot be drawn.

    Raises:
      ValueError: It is neither NEAR nor AMP.
    """
    if algorithm not in ("NEAR", "AMP"):
        raise ValueError(f"--test draws the reward of NEAR or AMP, but --algorithm={algorithm}.")


def test(
    given: run_config.OnlineConfig,
    checkpoint: str | None,
    gin_bindings: Sequence[str] = (),
    settings: Sequence[str] = (),
) -> list[pathlib.Path]:
    """Draws what a run is rewarded by, with the options that it was started with.

    What gin has bound says where the run is, unless that is given; it is then bound anew.

    Args:
      given: Algorithm, see `check`, task, tag, and whether an episode is filmed, too.
      checkpoint: Folder of the run; the one that `given` would train if None.
      gin_bindings: Beside the run's own.
      settings: The same after --set.

    Returns:
      The files: `distances.png`, `reward.png` where observations are places in a plane, a video.

    Raises:
      ValueError, FileNotFoundError: There is no such run, or its demonstrations are unusable.
      ImportError, OSError: The task cannot be drawn.
    """
    algorithm, task = given.algorithm, given.task
    folder = pathlib.Path(checkpoint).expanduser() if checkpoint else given.folder()
    command = f"python ibc/online_train_eval.py --algorithm={algorithm} --task={task}"
    identity = {"algorithm": algorithm, "task": task}
    stored = run_folder.bindings_of(folder, identity, command)
    configuration.configure_again(task, [*stored, *gin_bindings], settings)
    config = run_config.OnlineConfig(algorithm=algorithm, task=task, video=given.video)
    if given.video:
        filming.check(task)
    made = parts_lib.make(config)
    made.restore_newest(folder)
    rater = made.rater
    energy = rater.reward.energy if isinstance(rater, raters.NearRater) else None
    size = made.copies.observation_size
    files = draw(folder, made, raters.demonstrations(config, made.options, size, energy))
    return [*files, filming.film(made, folder)] if given.video else files


def draw(folder: pathlib.Path, made: parts_lib.Parts, pairs: pairs_lib.Pairs) -> list[pathlib.Path]:
    """Draws `distances.png` and, where observations are places in a plane, `reward.png`.

    Args:
      folder: Where to.
      made: Of NEAR or AMP, as trained.
      pairs: Of demonstrations; the held-out ones, if there are any, are moved away from.

    Returns:
      The files.

    Raises:
      ValueError: The energy that AMP's reward is drawn beside has no such level.
    """
    figures = {}
    if not len(pairs.test):
        logging.warning("There is no distances.png: %s", of_energies.NONE_HELD_OUT)
    elif curves := distances(made.rater.reward, pairs.test):
        figures["distances.png"] = pair_distances.figure(curves, "")
    if pairs.state_size == 2:
        figures["reward.png"] = pair_places.figure(_rows(made, pairs))
    for name, figure in figures.items():
        animation.write_png(figure, folder / name)
    return [folder / name for name in figures]


def distances(
    reward: near.NearReward | amp.AmpReward, test: np.ndarray
) -> list[pair_distances.Curve]:
    """Returns how what is behind a reward, and the reward, change around demonstrations.

    Args:
      reward: As trained.
      test: Raw held-out pairs [N, 2·O].

    Returns:
      A curve each; none of several energies, which do not see the same.
    """
    if isinstance(reward, amp.AmpReward):
        network = reward.discriminator
        looks = {
            "discriminator, probability": lambda rows: tf.sigmoid(network.logits(rows)),
            "discriminator, logit": network.logits,
            "reward": lambda rows: amp_losses.reward_of_logits(network.logits(rows)),
        }
    elif isinstance(reward.energy, (pair_energy.PairEnergy, state_pairs.StateEnergy)):
        network, level = reward.energy, reward.level
        rated = functools.partial(network.of_inputs, level=level)
        looks = {
            f"energy, level {level}": rated,
            "reward": lambda rows: reward.learned_of(rated(rows)),
        }
    else:
        return []
    inputs = network.inputs(tf.constant(pair_distances.spread(test), tf.float32)).numpy()
    return [pair_distances.falling(name, _numbers(look), inputs) for name, look in looks.items()]


def places(
    learned: Callable[[tf.Tensor], tf.Tensor], pairs: pairs_lib.Pairs, grid: int = pair_places.GRID
) -> pair_places.Places:
    """Returns what steps are worth to a reward, all over where the demonstrations have been."""
    length, bounds = pair_places.step_length(pairs.train), of_energies.bounds(pairs)
    return pair_places.look(_numbers(learned), length, *bounds, grid)


def _rows(made: parts_lib.Parts, pairs: pairs_lib.Pairs) -> list[Rows]:
    """Returns the reward's row, and for AMP that of an energy, where one is given."""
    reward, given = made.rater.reward, made.options.reward
    frames = made.loop.done * made.loop.frames_per_rollout
    what = f"{filming.NAMES[made.config.algorithm]} after {frames:,} steps"
    if isinstance(reward, near.NearReward):
        return [(f"{what}, level {reward.level}", places(reward.learned, pairs))]
    rows = [(what, places(reward.learned, pairs))]
    if given.eb_model_checkpoint is not None:
        energy = energies.load(made.config, given, made.copies.observation_size)
        level = max(given.sigma_level, 0)
        of_energies.check_level("reward.sigma_level", level, energy.num_levels)
        rated = places(lambda steps: energy(steps, level), pairs)
        rows.append((f"energy at level {level}", rated))
    return rows


def _numbers(function: Callable[[tf.Tensor], tf.Tensor]) -> Callable[[np.ndarray], np.ndarray]:
    return lambda rows: np.asarray(function(tf.constant(rows, tf.float32)))
