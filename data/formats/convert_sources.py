"""Finds out what kind of recorded episodes a path holds."""

import os

from ibc.data.formats import convert, convert_d4rl, convert_hdf5, convert_minari, convert_shards
from ibc.environments.d4rl import d4rl_tasks

_RECORD_FILES = (".tfrecord", ".tfrecords")


def open_source(path: str | os.PathLike, task: str | None = None) -> convert.EpisodeSource:
    """Opens recorded episodes.

    Args:
      path: HDF5 file of D4RL or Minari, folder of a Minari data set, or a glob of record files.
      task: Name of a D4RL task: sizes are checked, a missing end is found by the task's limit,
        and the observations of Minari's kitchen are laid out as D4RL's. None takes what there is.

    Raises:
      FileNotFoundError: There is no such file.
      ValueError: It is something else, or of another task; the message says what was found.
      ImportError: h5py is not installed.
    """
    family = None if task is None else d4rl_tasks.get_family(task)
    name = os.fspath(path)
    if name.endswith(_RECORD_FILES):
        return convert_shards.ShardFiles(name, task)
    file = convert_hdf5.open_hdf5(convert_hdf5.find_file(name))
    with convert_hdf5.reading(file.filename):
        convert_hdf5.check_self_contained(file)
        if convert_minari.is_minari_file(file):
            return convert_minari.MinariFile(file, family)
        if "observations" in file and "actions" in file:
            return convert_d4rl.D4RLFile(file, family)
        found = ", ".join(map(str, list(file)[:8]))
        raise ValueError(
            f"{file.filename} is neither a D4RL file (observations, actions, rewards, terminals) "
            f"nor a Minari file (episode_0, ...): it holds {found or 'nothing'}."
        )
