"""One training of a video encoder: videos, learner, loop, files."""

import concurrent.futures
import json
import math
import pathlib
import time
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from absl import logging

from ibc.data import generate_videos, video_dataset, video_files
from ibc.data.recording import video_options
from ibc.networks import video_encoder, video_encoder_file
from ibc.train import config_files
from ibc.train.run import checkpoints, run_folder
from ibc.utils import atomic_file, folder_lock, scalars, termination
from ibc.video_encoder import encoder_learner, measures, picture, run_config

RESULTS = "results.json"
_KEPT = 2
_SMALLEST_REPORT = 2


def run(config: run_config.VideoEncoderConfig) -> dict:
    """Trains an encoder; goes on where a run in the folder was stopped.

    Args:
      config: What to train; the model is bound by gin, see `run_config.Model`.

    Returns:
      What results.json holds.

    Raises:
      ValueError, FileNotFoundError: An option or a video is unusable.
      BlockingIOError: Another process trains in the folder.
      FloatingPointError: The loss is not finite.
      Terminated: SIGTERM has arrived; a checkpoint was saved.
    """
    model = run_config.Model()
    architecture = model.architecture(config.im_w)
    ensure_videos(config)
    data = {
        split: video_dataset.VideoDataset(
            config.videos(), split, config.episode_len, config.im_w, config.seed, config.camera
        )
        for split in video_files.SPLITS
    }
    for split, found in data.items():
        counts = ", ".join(f"{len(files)} of class {c}" for c, files in found.classes.items())
        logging.info("Videos in %s/%s: %s.", config.videos(), split, counts)
    if len(data["valid"].classes[video_files.EXPERT]) < _SMALLEST_REPORT:
        raise ValueError(
            f"{config.videos()}/valid/0 has one video alone, expected at least 2: each is compared "
            "with another."
        )
    with folder_lock.held(config.folder(), run_config.ELSEWHERE):
        return _Run(config, model, architecture, data).run()


def ensure_videos(config: run_config.VideoEncoderConfig) -> None:
    """Records a task's videos in their default place, unless a place is given or has others.

    Raises:
      ValueError: The task has no oracle, or cannot be drawn.
      WorkerError: Recording has failed.
    """
    if config.video_dir is not None:
        return
    asked = config.recording()
    begun = video_options.read_settings(asked.folder())
    differing = [name for name, value in asked.settings().items() if begun.get(name) != value]
    if begun and differing:
        logging.warning(
            "%s holds videos that were recorded with other settings (%s): they are taken as they "
            "are. For others, give --video_dir.",
            asked.folder(),
            ", ".join(f"{name} {begun.get(name)}" for name in differing),
        )
        return
    asked.check()
    logging.info("%s", generate_videos.record(asked))


class _Run:
    """What is made for a run."""

    def __init__(
        self,
        config: run_config.VideoEncoderConfig,
        model: run_config.Model,
        architecture: video_encoder.Architecture,
        data: Mapping[str, video_dataset.VideoDataset],
    ):
        self._config, self._data = config, data
        self._folder: pathlib.Path = config.folder()
        encoder = video_encoder.VideoEncoder(architecture, config.seed)
        self._learner = encoder_learner.EncoderLearner(encoder, model.objective(), model.lr)
        self._seconds = tf.Variable(0.0, trainable=False, name="seconds")
        self._best = tf.Variable(float("inf"), trainable=False, name="best")
        self._best_step = tf.Variable(0, dtype=tf.int64, trainable=False, name="best_step")
        self._checkpoints = tf.train.CheckpointManager(
            tf.train.Checkpoint(
                learner=self._learner,
                seconds=self._seconds,
                best=self._best,
                best_step=self._best_step,
            ),
            str(self._folder / "train" / "checkpoints"),
            max_to_keep=_KEPT,
        )

    def run(self) -> dict:
        newest = checkpoints.newest(self._folder, run_config.ELSEWHERE)
        free = run_config.free_names()
        run_folder.record_or_compare(
            self._folder,
            config_files.bound_parameters(),
            {"seed": self._config.seed, "task": self._config.task},
            continued=newest is not None,
            may_change=lambda name, stored: name in free or not run_config.is_own(name),
            elsewhere=run_config.ELSEWHERE,
        )
        run_folder.write_operative_config(self._folder)
        logging.info("This run is kept in %s", self._folder)
        updates = self._config.num_epochs
        if newest is not None:
            self._restore(newest)
            logging.info("Going on at update %d of %d.", self._step, updates)
        with termination.by_agreement():
            self._train(updates)
        return self._finish()

    @property
    def _step(self) -> int:
        return int(self._learner.step)

    def _restore(self, path: str) -> None:
        checkpoints.restore(self._checkpoints.checkpoint, path, "encoder", run_config.ELSEWHERE)

    def _train(self, updates: int) -> None:
        """Trains, and evaluates now and then; ends after a checkpoint where SIGTERM arrives."""
        writer = tf.summary.create_file_writer(str(self._folder / "train"))
        interval = self._config.eval_every_epochs
        # The next batch is drawn, resized and converted while an update is made.
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            begun, found = time.monotonic(), {}
            batch = pool.submit(self._batch, self._step)
            while self._step < updates and not termination.requested():
                pictures = batch.result()
                if self._step + 1 < updates:
                    batch = pool.submit(self._batch, self._step + 1)
                found = self._learner.train(tf.constant(pictures), self._config.seed)
                self._checked(float(found["loss"]))
                if self._step % interval == 0 or self._step == updates:
                    seconds = time.monotonic() - begun
                    self._seconds.assign_add(seconds)
                    self._note(writer, found, seconds)
                    self._save()
                    begun = time.monotonic()
        if found and self._step % interval and self._step < updates:
            self._seconds.assign_add(time.monotonic() - begun)
            self._save()

    def _batch(self, step: int) -> np.ndarray:
        config = self._config
        return self._data["train"].batch(step, config.batch_size, config.drop_frames)

    def _note(self, writer, found: Mapping[str, tf.Tensor], seconds: float) -> None:
        """Evaluates, keeps the encoder if it is the best so far, and says how it stands."""
        validation = self._evaluated()
        if validation["loss"] < float(self._best):
            self._best.assign(validation["loss"])
            self._best_step.assign(self._step)
            self._write_encoder(video_encoder_file.BEST)
        scalars.write(writer, self._step, {n: float(v) for n, v in found.items()}, "train/")
        scalars.write(writer, self._step, validation, "eval/")
        count = self._step % self._config.eval_every_epochs or self._config.eval_every_epochs
        logging.info(
            "Update %d of %d, %.2f s each: loss %.3f; held-out videos: loss %.3f, l_seq %.3f",
            self._step, self._config.num_epochs, seconds / count,
            float(found["loss"]), validation["loss"], validation["l_seq"],
        )  # fmt: skip

    def _evaluated(self) -> dict[str, float]:
        """Returns the mean losses of batches of held-out videos, the same ones at each time."""
        config, totals = self._config, {}
        for number in range(config.num_evaluations):
            batch = self._data["valid"].batch(number, config.batch_size)
            found = self._learner.evaluate(tf.constant(batch), config.seed, number)
            for name, value in found.items():
                totals[name] = totals.get(name, 0.0) + float(value) / config.num_evaluations
        return totals

    def _checked(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"the loss is {loss} at update {self._step}: give a smaller cmc_model.lr."
            )

    def _save(self) -> None:
        with termination.deferred():
            self._checkpoints.save(checkpoint_number=self._step)

    def _write_encoder(self, name: str) -> None:
        config = self._config
        told = {"task": config.task, "episode_len": config.episode_len, "update": self._step}
        told["to_lab"] = True
        video_encoder_file.save(self._learner.encoder, self._folder / name, told)

    def _finish(self) -> dict:
        """Compares held-out videos, writes what was found and draws it."""
        self._write_encoder(video_encoder_file.FOLDER)
        names = self._names()
        valid, most = self._data["valid"], self._config.report_videos
        hidden = {
            names[label]: measures.encoded(self._learner.encoder, valid.videos(label, most))
            for label in valid.classes
        }
        returns = {names[label]: self._returns(label, most) for label in valid.classes}
        results = {
            **measures.report(hidden, returns, self._config.seed),
            "eval": self._evaluated(),
            "best": {"update": int(self._best_step), "loss": float(self._best)},
            "updates": self._step,
            "seconds": round(float(self._seconds), 1),
            "videos": {name: each.shape[1] for name, each in hidden.items()},
        }
        atomic_file.write_text(self._folder / RESULTS, json.dumps(results, indent=1))
        picture.draw(self._folder / "space.png", hidden, self._config.seed)
        return results

    def _names(self) -> dict[int, str]:
        """Returns what each class is called: its policy, or its number."""
        policies = video_options.read_settings(pathlib.Path(self._config.videos())).get("classes")
        labels = self._data["valid"].classes
        if not policies:
            return {
                label: "expert" if label == video_files.EXPERT else str(label) for label in labels
            }
        return {label: policies[label] if label < len(policies) else str(label) for label in labels}

    def _returns(self, label: int, most: int) -> np.ndarray | None:
        files = self._data["valid"].classes[label][:most]
        found = video_options.read_returns(files[0].parent)
        if any(file.name not in found for file in files):
            return None
        return np.array([found[file.name] for file in files])


def table_text(results: Mapping) -> str:
    """Returns the areas under curves as a table, a class a row."""
    rows = [
        f"{label:>28}  {found['final']:16.4f}  {found['return']:9.4f}"
        for label, found in results["auc"].items()
    ]
    head = f"{'AUC of the expert against':>28}  {'final similarity':>16}  {'return':>9}"
    ranks = results["spearman"]
    if ranks:
        correlation = f"{'rank correlation with return':>28}"
        rows.append(f"{correlation}  {ranks['final']:16.4f}  {ranks['return']:9.4f}")
    return "\n".join([head, *rows])
