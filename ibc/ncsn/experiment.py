"""One training of an energy: pairs, learner, loop, files."""

import json
import math
import pathlib
import time
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from absl import logging

from ibc.data import pairs as pairs_lib
from ibc.environments import bodies
from ibc.ncsn import energy_learner, measures, options, run_config, seeing
from ibc.networks import noise_conditioned_energy, pair_energy
from ibc.rewards import composition
from ibc.train import config_files
from ibc.train.run import checkpoints, run_folder
from ibc.utils import atomic_file, folder_lock, scalars, termination

RESULTS = "results.json"
_KEPT = 2


def run(config: run_config.NcsnConfig) -> dict:
    """Trains an energy; goes on where a run in the folder was stopped.

    Args:
      config: What to train; further options are bound by gin, see `options`.

    Returns:
      What results.json holds: areas under curves by level and contrast, losses, seconds.

    Raises:
      ValueError, FileNotFoundError: An option or the demonstrations are unusable.
      BlockingIOError: Another process trains in the folder.
      FloatingPointError: The loss is not finite.
      Terminated: SIGTERM has arrived; a checkpoint was saved.
    """
    chosen = options.bound()
    pairs = pairs_lib.load(config.dataset(), chosen.data.pair_options())
    logging.info("Pairs: %d to learn from, %d held out.", len(pairs.train), len(pairs.test))
    if not len(pairs.test):
        logging.warning(
            "There are neither measures of the energy nor distances.png: %s", seeing.NONE_HELD_OUT
        )
    with folder_lock.held(config.folder(), run_config.ELSEWHERE):
        return _Run(config, chosen, pairs).run()


class _Run:
    """What is made for a run."""

    def __init__(
        self,
        config: run_config.NcsnConfig,
        chosen: options.Options,
        pairs: pairs_lib.Pairs,
    ):
        self._config, self._options, self._pairs = config, chosen, pairs
        self._folder: pathlib.Path = config.folder()
        data = chosen.data
        architecture = chosen.model.architecture(
            pairs.train.shape[1] // 2, data.pair_features, _mask(config.task, data, pairs)
        )
        told = {
            "task": config.task,
            "pair_stride": data.pair_stride,
            "drop_repeated": data.drop_repeated,
        }
        self._energy, trained = (
            pair_energy.PairEnergy(architecture, told, seed=config.seed) for _ in range(2)
        )
        self._rows = _forms(pairs.train, data.pair_features)
        is_exact = data.normalisation == "exact"
        if is_exact:
            for energy in (self._energy, trained):
                energy.normalizer.set_exact(self._rows.numpy())
        self._learner = energy_learner.EnergyLearner(
            trained, self._energy, chosen.objective(), observes=not is_exact
        )
        self._seconds = tf.Variable(0.0, trainable=False, name="seconds")
        self._checkpoints = tf.train.CheckpointManager(
            tf.train.Checkpoint(learner=self._learner, seconds=self._seconds),
            str(self._folder / "train" / "checkpoints"),
            max_to_keep=_KEPT,
        )

    def run(self) -> dict:
        newest = checkpoints.newest(self._folder, run_config.ELSEWHERE)
        free = run_config.free_names()
        run_folder.record_or_compare(
            self._folder,
            config_files.bound_parameters(),
            # A flag may give demonstrations, which gin does not know of then.
            {name: getattr(self._config, name) for name in ("seed", "task", "dataset_path")},
            continued=newest is not None,
            may_change=lambda name, stored: name in free or not run_config.is_own(name),
            elsewhere=run_config.ELSEWHERE,
        )
        run_folder.write_operative_config(self._folder)
        logging.info("This run is kept in %s", self._folder)
        steps = self._options.training.n_iters
        if newest is not None:
            self._restore(newest)
            logging.info("Going on at step %d of %d.", self._step, steps)
        with termination.by_agreement():
            self._train(steps)
        # By which energies are made comparable where several are added up.
        self._energy.description[composition.MEAN] = composition.mean_energy(
            self._energy, self._pairs.train
        )
        self._energy.save(self._folder / "energy")
        return self._finish()

    @property
    def _step(self) -> int:
        return int(self._learner.step)

    def _restore(self, path: str) -> None:
        checkpoints.restore(self._checkpoints.checkpoint, path, "energy", run_config.ELSEWHERE)

    def _train(self, steps: int) -> None:
        """Trains in calls of `log_freq` steps; ends after a checkpoint where SIGTERM arrives."""
        training = self._options.training
        writer = tf.summary.create_file_writer(str(self._folder / "train"))
        saved = self._step
        while self._step < steps and not termination.requested():
            begun = time.monotonic()
            due = training.log_freq - self._step % training.log_freq
            count = min(due, steps - self._step)
            told = self._learner.train(self._rows, training.batch_size, count, self._config.seed)
            loss = self._checked(float(told.loss))
            seconds = time.monotonic() - begun
            self._seconds.assign_add(seconds)
            found = {"loss": loss, "gradient_norm": float(told.gradient_norm), **self._rated()}
            scalars.write(writer, self._step, found)
            logging.info(
                "Step %d of %d, %.0f steps/s: loss %.4f", self._step, steps, count / seconds, loss
            )
            if self._step - saved >= training.snapshot_freq:
                self._save()
                saved = self._step
        if self._step > saved:
            self._save()

    def _save(self) -> None:
        with termination.deferred():
            self._checkpoints.save(checkpoint_number=self._step)

    def _checked(self, loss: float) -> float:
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"the loss is {loss} at step {self._step}: give a smaller optim.lr."
            )
        return loss

    def _rated(self) -> dict[str, float]:
        """Returns the mean energy of held-out pairs, if any, at the levels that are looked at."""
        if not len(self._pairs.test):
            return {}
        batch = self._pairs.test[: self._options.training.batch_size]
        if self._options.data.normalisation == "running":
            rows = _forms(batch, self._options.data.pair_features)
            self._learner.trained.normalizer.observe(rows)
        count = self._options.model.L
        return {
            f"demo_data_energy/sigma_level_{level}": float(
                tf.reduce_mean(self._energy(tf.constant(batch), level))
            )
            for level in noise_conditioned_energy.evaluated_levels(count)
        }

    def _finish(self) -> dict:
        """Measures the energy, writes what was found and draws what can be drawn."""
        results = {
            "auc": self._areas() if len(self._pairs.test) else {},
            "steps": self._step,
            "seconds": round(float(self._seconds), 1),
            "pairs": {"train": len(self._pairs.train), "test": len(self._pairs.test)},
        }
        atomic_file.write_text(self._folder / RESULTS, json.dumps(results, indent=1))
        seeing.draw(self._folder, self._energy, self._pairs)
        return results

    def _areas(self) -> dict[str, dict[str, float]]:
        """Returns the areas under curves of held-out pairs, by level and contrast."""
        low, high = seeing.bounds(self._pairs)
        others = measures.contrasts(self._pairs.test, low, high, self._config.seed)
        return {
            str(level): measures.auc_table(self._energy, level, self._pairs.test, others)
            for level in noise_conditioned_energy.evaluated_levels(self._options.model.L)
        }


def table_text(results: Mapping) -> str:
    """Returns the areas under curves as a table, a level a row."""
    tables = results["auc"]
    if not tables:
        return f"Nothing was measured: {seeing.NONE_HELD_OUT}"
    names = list(next(iter(tables.values())))
    head = "AUC of held-out pairs against  " + "  ".join(f"{name:>12}" for name in names)
    rows = [
        f"{'level ' + level:>30} " + "  ".join(f"{table[name]:12.4f}" for name in names)
        for level, table in tables.items()
    ]
    return "\n".join([head, *rows])


def _mask(task: str, data: options.Data, pairs: pairs_lib.Pairs) -> tuple[bool, ...] | None:
    """Returns which features are seen; joints are looked up in the body of the task.

    Raises:
      ValueError: The task has no such body or joint, or the recording is not of it.
    """
    if data.joints is None:
        return data.feature_mask
    body = bodies.load(task)
    if pairs.state_size < body.state_size:
        raise ValueError(
            f"the recording has states of {pairs.state_size} numbers, but the joints of task "
            f"{task} have {body.state_size}: give train_ncsn.dataset_path, or no data.joints."
        )
    return pairs_lib.pair_mask(pairs.state_size, body.features(data.joints))


def _forms(pairs: np.ndarray, form: str) -> tf.Tensor:
    first, second = tf.split(tf.constant(pairs), 2, axis=-1)
    return pair_energy.pair_form(first, second, form)
