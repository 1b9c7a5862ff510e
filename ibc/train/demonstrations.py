"""Records demonstrations for a training that finds none."""

import pathlib
import time

from absl import logging

from ibc.data.recording import journal, replicas
from ibc.data.recording import options as recording_options
from ibc.data.records import manifest, shards
from ibc.environments import task as task_lib
from ibc.environments import tasks
from ibc.utils import bars


def ensure(
    task_name: str,
    dataset_path: str,
    image_obs: bool = False,
    environment_bindings: tuple[str, ...] = (),
) -> None:
    """Records oracle episodes where `dataset_path` says, unless there are some already.

    Records `task_lib.RECORDED_EPISODES` episodes in `task_lib.RECORDING_REPLICAS` processes, as the
    command does that `Task.recording_command` names. An interrupted recording is gone on with.

    Args:
      task_name: name of the task, whose own oracle is recorded.
      dataset_path: file name or glob such as 'datasets/push/oracle_push*.tfrecord'.
      image_obs: record images.
      environment_bindings: gin bindings of the environment and its oracle.

    Raises:
      ValueError: the task has no oracle; or nothing is there, and the path does not say what to
        call new files.
      ReplicaError: recording failed.
    """
    task = tasks.get_task(task_name)
    if not task.oracles:
        raise ValueError(
            f"--generate_data: task {task_name} has no oracle to record. Convert its data set: "
            f"{task.recording_command()}"
        )
    # 'a/oracle*.tfrecord' is a glob of what is recorded as 'a/oracle.tfrecord'.
    file_name = dataset_path.replace("*", "", 1)
    options = recording_options.EvaluationOptions(
        task=task_name,
        policy="oracle",
        num_episodes=task_lib.RECORDED_EPISODES // task_lib.RECORDING_REPLICAS,
        replicas=task_lib.RECORDING_REPLICAS,
        use_image_obs=image_obs,
        dataset_path=file_name,
        gin_bindings=environment_bindings,
    )
    if _is_there(dataset_path, options):
        logging.info("Demonstrations are there already: %s", dataset_path)
        return
    if any(character in file_name for character in "*?[,"):
        raise ValueError(
            f"train_eval.dataset_path is {dataset_path!r}, which does not tell --generate_data "
            "what to call new files; give one path with at most one *, such as "
            "'datasets/push/oracle_push*.tfrecord'."
        )
    options.check()
    logging.info("Recording %d demonstrations: %s", task_lib.RECORDED_EPISODES, dataset_path)
    start = time.monotonic()
    with bars.bar(task_lib.RECORDED_EPISODES, "episode", "recording") as advance:
        results = replicas.run(options, advance)
    logging.info("%s", journal.report(results, time.monotonic() - start))


def _is_there(dataset_path: str, options: recording_options.EvaluationOptions) -> bool:
    """Whether there are record files, and not those of a recording that was interrupted."""
    try:
        found = {pathlib.Path(path) for path in shards.find_shards(dataset_path)}
    except FileNotFoundError:
        return False
    planned = {pathlib.Path(options.shard_path(i)).expanduser() for i in range(options.replicas)}
    # A recording that ended at its very end has all its files, and journals.
    ended_early = found == planned and any(journal.is_kept(str(path)) for path in planned)
    if not found < planned and not ended_early:
        return True
    # Files of full length may be recorded again, which changes nothing; shorter ones, or ones
    # without a manifest, are someone's own.
    contents = [manifest.load(str(path)) for path in found]
    return not all(file and file.episodes == options.num_episodes for file in contents)
