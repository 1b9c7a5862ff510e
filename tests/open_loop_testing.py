"""A policy in NumPy for tests of open-loop evaluation, and recordings for it."""

import os
from collections.abc import Sequence

import numpy as np

from ibc.runtime import description as description_lib
from ibc.runtime import policy as policy_lib
from tests import own_data_testing

SAMPLES = 8


class Policy:
    """Sees joints [2] and gives three numbers, which tell joints and the step of the episode.

    Its energies are distances to zero; as a policy of action sequences it plans two actions.
    """

    where = "run by a test"

    def __init__(self, kind: str = "energy", chunk_steps: int | None = None):
        self._shape = (3,) if chunk_steps is None else (chunk_steps, 3)
        sampling = None
        if kind == "energy":
            bounds = [-1.0] * 3, [1.0] * 3, [1.0] * 3, [0.0] * 3
            sampling = description_lib.Sampling(*bounds, SAMPLES, [])
        self.description = description_lib.Description(
            kind=kind,
            frames=2,
            observation={"joints": description_lib.Field((2,), "float32")},
            action=description_lib.Action((3,), "float32"),
            sampling=sampling,
            chunks=None if chunk_steps is None else description_lib.Chunks(chunk_steps, 1),
        )
        self.resets = 0

    def reset(self) -> None:
        self.resets += 1
        self._step = 0

    def __call__(self, observation) -> np.ndarray:
        self._step += 1
        return np.float32([*observation["joints"], self._step - 1])

    def energies(self, observation, actions) -> np.ndarray:
        assert actions.shape[1:] == self._shape
        return np.abs(actions).reshape(len(actions), -1).sum(axis=1)

    def samples(self, observation) -> policy_lib.Samples:
        ones = np.ones((SAMPLES, *self._shape), np.float32)
        actions = ones * np.linspace(0, 1, SAMPLES).reshape(-1, *[1] * len(self._shape))
        return policy_lib.Samples(actions, self.energies(observation, actions))


def recorded(lengths: Sequence[int] = (5, 4, 7)) -> list[own_data_testing.Arrays]:
    """Returns episodes without pictures."""
    names = ("joints", "action", "reward", "timestamp")
    return [{key: e[key] for key in names} for e in own_data_testing.episodes(lengths)]


def write(folder: os.PathLike, lengths: Sequence[int] = (5, 4, 7)) -> str:
    """Writes a folder with an npz for each episode; returns it."""
    return own_data_testing.npz_folder(folder, recorded(lengths))
