"""What AMP's discriminator becomes when the policy is frozen, beside NEAR's energy.

Two experiments of NEAR (arXiv 2501.14856, after arXiv 1701.04862). 'perfect_discriminator': it is
begun anew, with nothing but the cross entropy and without old pairs, and tells agent and
demonstrations apart without fault, so that it has no slope where the agent is. 'variance': it goes
on as AMP has trained it, and what it predicts of the same policy goes on changing.
"""

import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from ibc.data import pairs as pairs_lib
from ibc.networks import pair_energy
from ibc.online import run_config
from ibc.online.on_policy import demonstrated, experiment, judging, raters
from ibc.online.on_policy import loop as loop_lib
from ibc.online.on_policy import options as options_lib
from ibc.online.on_policy import parts as parts_lib
from ibc.pictures import animation, pair_distances, pair_training
from ibc.rewards import amp, near
from ibc.train.run import checkpoints
from ibc.utils import atomic_file, folder_lock, scalars, termination

EXPERIMENTS = ("perfect_discriminator", "variance")
RESULTS, FIGURE = "results.json", "figure.png"
_KEPT = 2
_OF_ENERGY = ("sigma_level", "annealing", "progress", "transform")
# Episodes are others than those the policy has learned from.
_SEED = 1_000_000


def run(config: run_config.OnlineConfig, name: str) -> dict:
    """Trains AMP as far as its run is to go, freezes the policy, and makes an experiment.

    Both go on where they were stopped. What is found is in the run's folder, in one of the
    experiment's name: `results.json`, `figure.png`, and scalars for TensorBoard.

    Args:
      config: Of AMP; further options are bound by gin, see `options`.
      name: One of `EXPERIMENTS`.

    Returns:
      What results.json holds.

    Raises:
      ValueError, FileNotFoundError: An option, the energy or the demonstrations are unusable.
      BlockingIOError: Another process is at work in the folder.
      FloatingPointError: A loss is not finite.
      Terminated: SIGTERM has arrived; the last block's checkpoint is kept.
    """
    if name not in EXPERIMENTS:
        raise ValueError(f"--experiment must be one of {EXPERIMENTS}, but is {name!r}.")
    if config.algorithm != "AMP":
        raise ValueError(f"--experiment={name} is for AMP, but --algorithm={config.algorithm}.")
    made = parts_lib.make(config)
    size = made.copies.observation_size
    pairs = raters.demonstrations(config, made.options, size)
    energy = raters.near_rater(config, made.options, size).reward
    if not isinstance(energy.energy, pair_energy.PairEnergy) or pairs.state_size != size:
        raise ValueError(
            f"--experiment={name} compares with one energy of all that {config.task} observes: "
            "give one reward.eb_model_checkpoint, or a task that observes no goal beside."
        )
    _check_pairs(made, energy, pairs)
    of_energy = _told_of(energy, made.options.reward)
    told = {"experiment": name, "frames": _frames(made), "energy": of_energy}
    _check_same(config.folder() / name, told)
    experiment.run(config)
    made.restore_newest(config.folder())
    reward = made.rater.reward if name == "variance" else _begun_anew(made, pairs)
    with folder_lock.held(config.folder(), run_config.ELSEWHERE):
        return _Experiment(made, reward, energy, pair_distances.spread(pairs.test), told).run()


def _check_pairs(made: parts_lib.Parts, energy: near.NearReward, pairs: pairs_lib.Pairs) -> None:
    """Refuses demonstrations of which none are held out, or that the energy has paired otherwise.

    Raises:
      ValueError: They are; the message says what to give.
    """
    if not len(pairs.test):
        raise ValueError(
            f"{demonstrated.dataset(made.config)} has one episode, but --experiment judges by "
            "pairs that are held out: record at least 2 episodes."
        )
    ours, theirs = raters.pairing(made.options), raters.pairing(made.options, energy.energy)
    also = {"pair_stride": ", or amp.pair_stride", "drop_repeated": ""}
    for name, hint in also.items():
        one, other = getattr(ours, name), getattr(theirs, name)
        if one != other:
            raise ValueError(
                f"the energy was learned with data.{name} = {other}, but AMP pairs demonstrations "
                f"with {name} = {one}, so that the two see different pairs: give another "
                f"reward.eb_model_checkpoint{hint}."
            )


def _frames(made: parts_lib.Parts) -> int:
    """Returns the steps of the policy that is to be frozen."""
    per_rollout = made.loop.frames_per_rollout
    restored = checkpoints.restored_step(made.config.folder())
    return max(made.config.steps // per_rollout, restored) * per_rollout


def _told_of(energy: near.NearReward, chosen: options_lib.Reward) -> dict[str, Any]:
    """Returns what the numbers of an energy depend on, for JSON."""
    digest = hashlib.sha256()
    for variable in energy.energy.variables:
        digest.update(variable.numpy().tobytes())
    of_reward = {f"reward.{name}": getattr(chosen, name) for name in _OF_ENERGY}
    return {"SHA-256 of its weights": digest.hexdigest()[:16], **of_reward}


def _stored(folder: pathlib.Path) -> dict | None:
    """Returns what an experiment has found so far."""
    path = folder / RESULTS
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _check_same(folder: pathlib.Path, told: dict) -> None:
    """Refuses to go on with an experiment of another policy, or beside another energy.

    Raises:
      ValueError: The folder has one.
    """
    stored = _stored(folder)
    if stored is None:
        return
    what_to_do = f"remove the folder, or {run_config.ELSEWHERE}"
    if stored["frames"] != told["frames"]:
        raise ValueError(
            f"{folder} is of the policy after {stored['frames']} steps, but that is to have "
            f"{told['frames']} now: {what_to_do}."
        )
    before, now = stored.get("energy", told["energy"]), told["energy"]
    differing = [
        f"{key} was {before[key]}, now {now[key]}" for key in now if before[key] != now[key]
    ]
    if differing:
        raise ValueError(
            f"{folder} is beside another energy ({'; '.join(differing)}): give the same one, "
            f"{what_to_do}."
        )


def _begun_anew(made: parts_lib.Parts, pairs: pairs_lib.Pairs) -> amp.AmpReward:
    """Returns a new discriminator, which standardises what it sees as the run's does."""
    plain = dataclasses.replace(
        made.options.amp,
        disc_grad_penalty=0.0,
        disc_logit_reg=0.0,
        disc_weight_decay=0.0,
        use_replay=False,
    )
    config = dataclasses.replace(made.config, seed=made.config.seed + 1)
    reward = raters.amp_reward(config, dataclasses.replace(made.options, amp=plain), pairs)
    old, new = (each.discriminator.normalizer for each in (made.rater.reward, reward))
    for stored, variable in zip(old.variables, new.variables, strict=True):
        variable.assign(stored)
    return reward


class _FrozenLoop(loop_lib.Loop):
    """Collects as ever; instead of the agent, what is handed the pairs learns of them."""

    def __init__(self, made: parts_lib.Parts, learn: Callable[[np.ndarray], dict[str, float]]):
        seed = made.config.seed + _SEED
        super().__init__(made.copies, made.agent, made.rater, made.options, seed)
        self._learn_of = learn

    def _schedule(self, share: float) -> None:
        del share

    def _learn(self, rollout: loop_lib.Collected, number: int) -> dict[str, float]:
        del number
        return self._learn_of(rollout.pairs)


class _Experiment:
    """An experiment and its files."""

    def __init__(
        self,
        made: parts_lib.Parts,
        reward: amp.AmpReward,
        energy: near.NearReward,
        demo: np.ndarray,
        told: dict,
    ):
        self._made, self._reward, self._energy, self._demo = made, reward, energy, demo
        self._folder: pathlib.Path = made.config.folder() / told["experiment"]
        self._loop = _FrozenLoop(made, self._learn)
        parts = {"reward": reward, "energy": energy, "rollouts": self._loop.rollouts}
        self._checkpoint = tf.train.Checkpoint(**parts)
        self._checkpoints = tf.train.CheckpointManager(
            self._checkpoint, str(self._folder / "train" / "checkpoints"), max_to_keep=_KEPT
        )
        self._results: dict = told | {"rows": []}

    def run(self) -> dict:
        rollouts = self._made.options.frozen.rollouts
        stored = _stored(self._folder)
        if stored is not None and len(stored["rows"]) >= rollouts:
            self._results = stored
        else:
            self._learn_on(rollouts, stored)
        title = f"{self._results['experiment']}, after {self._results['frames']:,} steps of AMP"
        figure = pair_training.figure(title, _columns(self._results["rows"]))
        animation.write_png(figure, self._folder / FIGURE)
        logging.info("The figure: %s", self._folder / FIGURE)
        return self._results

    def _learn_on(self, rollouts: int, stored: dict | None) -> None:
        """Goes on where the last whole block has ended, as what follows is of the next one."""
        newest = checkpoints.newest(self._folder, run_config.ELSEWHERE)
        if stored is not None and newest is not None:
            checkpoints.restore(self._checkpoint, newest, "discriminator", run_config.ELSEWHERE)
            self._results["rows"] = stored["rows"][: self._loop.done]
            logging.info("Going on at rollout %d of %d.", self._loop.done, rollouts)
        self._writer = tf.summary.create_file_writer(str(self._folder / "train"))
        with termination.by_agreement():
            self._loop.run(rollouts, lambda done, told: self._after(done, told, rollouts))
        self._write()

    def _learn(self, pairs: np.ndarray) -> dict[str, float]:
        """Rates a rollout's pairs, and then learns from them."""
        told = {
            "discriminator": judging.of_discriminator(
                self._reward.discriminator, pairs, self._demo
            ),
            "energy": judging.of_energy(self._energy, pairs, self._demo),
        }
        epochs = self._made.options.ppo.mini_epochs
        self._reward.learn(pairs.reshape(-1, pairs.shape[-1]), epochs)
        return {
            f"{what}/{name}": value for what, each in told.items() for name, value in each.items()
        }

    def _after(self, done: int, told: dict[str, float], rollouts: int) -> bool:
        scalars.write(self._writer, done, told)
        self._results["rows"].append(told)
        if done % self._made.options.run.block == 0:
            with termination.deferred():
                self._write()
                self._checkpoints.save(checkpoint_number=self._loop.done)
            logging.info("Rollout %d of %d of the frozen policy", done, rollouts)
        return not termination.requested()

    def _write(self) -> None:
        atomic_file.write_text(self._folder / RESULTS, json.dumps(self._results, indent=1))


def _columns(rows: list[dict[str, float]]) -> dict[str, dict[str, np.ndarray]]:
    """Returns the values of each number, by what it is of."""
    found: dict[str, dict[str, np.ndarray]] = {}
    for key in rows[0]:
        what, _, name = key.partition("/")
        found.setdefault(what, {})[name] = np.array([row[key] for row in rows])
    return found


def table_text(results: dict) -> str:
    """Returns the numbers before and after as a table."""
    rows = results["rows"]
    columns = _columns([rows[0], rows[-1]])
    names = list(columns["discriminator"])
    lines = [f"{'':>28}" + "".join(f"{name:>17}" for name in names)]
    for what, numbers in columns.items():
        for place, when in enumerate(("at first", f"rollout {len(rows)}")):
            values = (
                f"{numbers[name][place]:17.4g}" if name in numbers else f"{'':>17}"
                for name in names
            )
            lines.append(f"{f'{what}, {when}':>28}" + "".join(values))
    return "\n".join(lines)
