"""An energy of pairs of neighbouring observations, from raw pairs to numbers; and as files.

A pair is [s, s']. What the network sees of it is a form of it, standardised, and then masked.
"""

import dataclasses
import json
import pathlib
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from ibc.networks import noise_conditioned_energy
from ibc.networks.layers import running_normalizer
from ibc.utils import atomic_file

FORMS = ("difference", "concat")
"""'difference': [s, s' − s]; 'concat', as published: [s, s']."""
_DESCRIPTION, _WEIGHTS = "energy.json", "weights.npz"


def pair_form(first: tf.Tensor, second: tf.Tensor, form: str) -> tf.Tensor:
    """Returns what the network is to see of pairs, before it is standardised, [..., 2·O].

    Args:
      first: s [..., O].
      second: s' [..., O].
      form: One of `FORMS`.

    Raises:
      ValueError: The form is unknown.
    """
    if form not in FORMS:
        raise ValueError(f"pair_features must be one of {FORMS}, but is {form!r}.")
    return tf.concat([first, second - first if form == "difference" else second], -1)


@dataclasses.dataclass(frozen=True)
class Architecture:
    """All that a `PairEnergy` is made of but numbers."""

    observation_size: int
    """O."""
    encoder: tuple[int, ...] = (32, 64)
    """See `NoiseConditionedEnergy`, as the next four."""
    latent: int = 128
    decoder: tuple[int, ...] = (64, 32, 8)
    version: str = "v2"
    sigmas: tuple[float, ...] = (1.0,)
    form: str = "difference"
    """See `pair_form`."""
    mask: tuple[bool, ...] | None = None
    """Which of the 2·O inputs are seen; None for all."""


class PairEnergy(tf.Module):
    """e(s, s', level): form, normalizer, mask, network."""

    def __init__(
        self,
        architecture: Architecture,
        description: Mapping[str, Any] | None = None,
        seed: int = 0,
        name: str = "pair_energy",
    ):
        """Creates the variables.

        Args:
          architecture: What it is made of.
          description: What whoever uses it may want to know of its training, kept with it.
          seed: Of the kernels.
          name: Name of the variables.

        Raises:
          ValueError: A part of the architecture is unusable.
        """
        super().__init__(name=name)
        inputs = 2 * architecture.observation_size
        mask = architecture.mask
        if mask is not None and (len(mask) != inputs or not any(mask)):
            raise ValueError(
                f"feature_mask has {len(mask)} entries of which {sum(mask)} are kept, but pairs "
                f"have {inputs} features: give one True or False for each, at least one True."
            )
        pair_form(tf.zeros([1]), tf.zeros([1]), architecture.form)
        self.architecture, self.description = architecture, dict(description or {})
        self.network = noise_conditioned_energy.NoiseConditionedEnergy(
            inputs,
            architecture.encoder,
            architecture.latent,
            architecture.decoder,
            architecture.sigmas,
            architecture.version,
            seed,
        )
        self.normalizer = running_normalizer.RunningNormalizer(inputs)

    @property
    def num_levels(self) -> int:
        """L."""
        return len(self.architecture.sigmas)

    def inputs(self, pairs: tf.Tensor) -> tf.Tensor:
        """Returns what the network sees of raw pairs [s, s'], float32 [..., 2·O]."""
        first, second = tf.split(tf.cast(pairs, tf.float32), 2, axis=-1)
        return self.masked(self.normalizer(pair_form(first, second, self.architecture.form)))

    def masked(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns standardised inputs [..., 2·O] with 0 in place of what is not seen."""
        mask = self.architecture.mask
        return inputs if mask is None else inputs * tf.constant(mask, tf.float32)

    def of_inputs(self, inputs: tf.Tensor, level: tf.Tensor | int) -> tf.Tensor:
        """Returns energies [B] of standardised inputs [B, 2·O] at one level."""
        return self.network(self.masked(inputs), level)

    def __call__(self, pairs: tf.Tensor, level: tf.Tensor | int) -> tf.Tensor:
        """Returns energies [...] of raw pairs [..., 2·O] at one level."""
        rows = tf.reshape(self.inputs(pairs), [-1, 2 * self.architecture.observation_size])
        return tf.reshape(self.network(rows, level), tf.shape(pairs)[:-1])

    def save(self, folder: pathlib.Path) -> None:
        """Writes it to a folder, whole or not at all."""
        of_network = {v.name.partition(":")[0]: v.numpy() for v in self.network.weights}
        moments = {name: getattr(self.normalizer, name).numpy() for name in _MOMENTS}
        told = {"architecture": dataclasses.asdict(self.architecture), **self.description}
        with atomic_file.replacing_folder(folder) as temporary:
            temporary.mkdir()
            np.savez(temporary / _WEIGHTS, **of_network, **moments)
            atomic_file.write_text(temporary / _DESCRIPTION, json.dumps(told, indent=1))


_MOMENTS = ("mean", "var", "count")


def load(folder: str | pathlib.Path) -> PairEnergy:
    """Reads what `PairEnergy.save` has written, from its folder or from its run's.

    Raises:
      FileNotFoundError: There is no energy.
      ValueError: It is damaged.
    """
    folder = pathlib.Path(folder).expanduser()
    found = next((f for f in (folder, folder / "energy") if (f / _DESCRIPTION).is_file()), None)
    if found is None:
        raise FileNotFoundError(
            f"there is no energy in {folder}: train one with `python ibc/train_ncsn.py "
            "--task=<task>`, and give its run's folder."
        )
    try:
        told = json.loads((found / _DESCRIPTION).read_text(encoding="utf-8"))
        parts = told.pop("architecture")
        lists = {name: tuple(v) if isinstance(v, list) else v for name, v in parts.items()}
        energy = PairEnergy(Architecture(**lists), told)
        with np.load(found / _WEIGHTS, allow_pickle=False) as arrays:
            for variable in energy.network.weights:
                variable.assign(arrays[variable.name.partition(":")[0]])
            for name in _MOMENTS:
                getattr(energy.normalizer, name).assign(arrays[name])
    except (ValueError, KeyError, TypeError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"the energy in {found} is damaged ({error}): train it again, or give another folder."
        ) from error
    return energy
