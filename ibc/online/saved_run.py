"""A run on disk: its replay, which is appended to, and a checkpoint of all that is in variables."""

import os
import pathlib

import tensorflow as tf

from ibc.online import loop, replay, replay_files
from ibc.train.run import checkpoints

_KEPT = 2
_ELSEWHERE = "go on with the options it was trained with, or use another folder"


class SavedRun:
    """Saves a loop and its replay together, and restores what both were at one moment.

    The replay is written first. A run that is killed before its checkpoint is complete goes on from
    the one before, for which the replay's files have what is needed.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        interaction: loop.Loop,
        memory: replay.Replay,
        **more: tf.Module | tf.Variable,
    ):
        """Names what is saved; nothing is written.

        Args:
          folder: Of the run.
          interaction: The loop.
          memory: Its replay.
          **more: What else has variables, such as the optimizer of cloning before it.
        """
        self._loop, self._memory = interaction, memory
        folder = pathlib.Path(folder)
        self._files = replay_files.ReplayFiles(folder / "replay")
        checkpoint = tf.train.Checkpoint(loop=interaction.checkpoint, **more)
        self._manager = tf.train.CheckpointManager(
            checkpoint, str(folder / "checkpoints"), max_to_keep=_KEPT
        )

    def save(self) -> None:
        """Writes what is new in the replay, and a checkpoint; between episodes or at the end."""
        self._files.save(self._memory)
        self._manager.save(checkpoint_number=self._loop.step)

    def restore(self) -> bool:
        """Restores the newest checkpoint; returns whether there is one.

        Raises:
          ValueError: It is of another agent, reward or replay.
        """
        path = self._manager.latest_checkpoint
        if path is None:
            return False
        checkpoints.restore(self._manager.checkpoint, path, "agent or reward", _ELSEWHERE)
        self._files.restore(self._memory, self._loop.resume())
        return True
