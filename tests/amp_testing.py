"""A short run of AMP on the particle, beside an untrained energy, to test what is made of it."""

import pathlib

import numpy as np
import pytest

from ibc.networks import pair_energy
from tests import commands

ARGUMENTS = ("--algorithm=AMP", "--task=PARTICLE_GOAL", "--tag=a")
SETTINGS = (
    "ppo.num_envs=2", "ppo.horizon=8", "ppo.minibatch_size=16", "ppo.hidden=[8]",
    "run.evaluation_episodes=1", "run.evaluation_interval=100", "run.block=2", "amp.hidden=[8]",
    "steps=32", "dataset_path=ways.npz",
)  # fmt: skip


def prepare(folder: pathlib.Path) -> None:
    """Writes `ways.npz`, straight ways, and an energy to a folder."""
    ways = [np.linspace([60 + k, 60], [60 + k, 430], 40) for k in range(9)]
    ends = np.arange(40, 361, 40)
    np.savez(folder / "ways.npz", state=np.concatenate(ways), episode_ends=ends)
    save_energy(folder / "runs/ncsn/PARTICLE_GOAL/seed0")


def save_energy(folder: pathlib.Path, seed: int = 0, **told: object) -> None:
    """Writes an untrained energy of two levels, and what is told of its training, to a folder."""
    made = pair_energy.Architecture(2, (6,), 4, (5,), sigmas=(1.0, 0.1))
    energy = pair_energy.PairEnergy(made, {"task": "PARTICLE_GOAL", **told}, seed)
    energy.normalizer.set_exact(np.random.default_rng(0).normal(250, 100, [99, 4]))
    energy.save(folder / "energy")


def run(*arguments: str) -> commands.Done:
    """Runs AMP in the present folder, for two rollouts if nothing else is said."""
    settings = [f"--set={setting}" for setting in SETTINGS]
    return commands.in_process("online_train_eval", [*ARGUMENTS, *settings, *arguments])


def trained(folder: pathlib.Path, *arguments: str) -> pathlib.Path:
    """Prepares a folder and runs AMP in it; returns the folder."""
    prepare(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = run(*arguments)
    assert (done.status, done.errors) == (0, [])
    return folder
