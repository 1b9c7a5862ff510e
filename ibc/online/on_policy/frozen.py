"""What AMP's discriminator becomes when the policy is frozen, beside NEAR's energy.

Two experiments of NEAR (arXiv 2501.14856, after arXiv 1701.04862). 'perfect_discriminator': it is
begun anew, with nothing but the cross entropy and without old pairs, and tells agent and
demonstrations apart without fault, so that it has no slope where the agent is. 'variance': it goes
on as AMP has trained it, and what it predicts of the same policy goes on changing.
"""

import dataclasses
import json
import pathlib
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from absl import logging

from ibc.data import pairs as pairs_lib
from ibc.networks import pair_energy
from ibc.online import run_config
from ibc.online.on_policy import experiment, judging, raters
from ibc.online.on_policy import loop as loop_lib
from ibc.online.on_policy import parts as parts_lib
from ibc.pictures import animation, pair_distances, pair_training
from ibc.rewards import amp, near
from ibc.train.run import checkpoints
from ibc.utils import atomic_file, folder_lock, scalars, termination

EXPERIMENTS = ("perfect_discriminator", "variance")
RESULTS, FIGURE = "results.json", "figure.png"
_KEPT = 2
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
    experiment.run(config)
    made.restore_newest(config.folder())
    reward = made.rater.reward if name == "variance" else _begun_anew(made, pairs)
    with folder_lock.held(config.folder(), run_config.ELSEWHERE):
        return _Experiment(made, reward, energy, pair_distances.spread(pairs.test), name).run()


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
        name: str,
    ):
        self._made, self._reward, self._energy, self._demo = made, reward, energy, demo
        self._folder: pathlib.Path = made.config.folder() / name
        self._loop = _FrozenLoop(made, self._learn)
        parts = {"reward": reward, "energy": energy, "rollouts": self._loop.rollouts}
        self._checkpoint = tf.train.Checkpoint(**parts)
        self._checkpoints = tf.train.CheckpointManager(
            self._checkpoint, str(self._folder / "train" / "checkpoints"), max_to_keep=_KEPT
        )
        frames = made.loop.done * made.loop.frames_per_rollout
        self._results: dict = {"experiment": name, "frames": frames, "rows": []}

    def run(self) -> dict:
        rollouts = self._made.options.frozen.rollouts
        newest = checkpoints.newest(self._folder, run_config.ELSEWHERE)
        if newest is not None:
            self._restore(newest)
            logging.info("Going on at rollout %d of %d.", self._loop.done, rollouts)
        self._writer = tf.summary.create_file_writer(str(self._folder / "train"))
        with termination.by_agreement():
            self._loop.run(rollouts, lambda done, told: self._after(done, told, rollouts))
        self._save()
        title = f"{self._results['experiment']}, after {self._results['frames']:,} steps of AMP"
        figure = pair_training.figure(title, _columns(self._results["rows"]))
        animation.write_png(figure, self._folder / FIGURE)
        logging.info("The figure: %s", self._folder / FIGURE)
        return self._results

    def _restore(self, path: str) -> None:
        stored = json.loads((self._folder / RESULTS).read_text(encoding="utf-8"))
        if stored["frames"] != self._results["frames"]:
            raise ValueError(
                f"{self._folder} is of the policy after {stored['frames']} steps, but that has "
                f"{self._results['frames']} now: remove the folder, or {run_config.ELSEWHERE}."
            )
        checkpoints.restore(self._checkpoint, path, "discriminator", run_config.ELSEWHERE)
        self._results = stored | {"rows": stored["rows"][: self._loop.done]}

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
            self._save()
            logging.info("Rollout %d of %d of the frozen policy", done, rollouts)
        return not termination.requested()

    def _save(self) -> None:
        """Writes results and then a checkpoint, see `experiment`."""
        with termination.deferred():
            text = json.dumps(self._results, indent=1)
            atomic_file.write_text(self._folder / RESULTS, text)
            self._checkpoints.save(checkpoint_number=self._loop.done)


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
