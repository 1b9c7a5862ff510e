"""What `collect_oracle` is asked to do, and the checks that need no simulator."""

import dataclasses
import os

from ibc.data.recording import policy_eval_options
from ibc.environments import tasks

# More than a folder is comfortable with, but far from what takes for ever to list.
_MOST_SHARDS = 100_000


@dataclasses.dataclass(frozen=True)
class Options:
    """One field per flag of `collect_oracle`; see there."""

    task: str | None
    policy: str = "oracle"
    num_episodes: int = 5
    num_shards: int = 1
    worker_id: int = 0
    num_workers: int = 1
    seed: int = 0
    successes_only: bool = False
    step_limit: bool = True
    save_states: bool = False
    video: bool = False
    use_image_obs: bool = False
    history_length: int | None = None
    flatten_env: bool = False
    shared_memory: bool = False
    dataset_path: str | None = None
    gin_file: tuple[str, ...] = ()
    gin_bindings: tuple[str, ...] = ()

    def evaluation(self) -> policy_eval_options.Options:
        """Returns what `policy_eval` would be asked to do to record the same shards."""
        dataset_path = self.dataset_path
        if dataset_path is None and self.task is not None:
            dataset_path = tasks.get_task(self.task).default_dataset(self.use_image_obs)
        return policy_eval_options.Options(
            task=self.task,
            policy=self.policy,
            num_episodes=self.num_episodes,
            seed=self.seed,
            history_length=self.history_length,
            use_image_obs=self.use_image_obs,
            flatten_env=self.flatten_env,
            shared_memory=self.shared_memory,
            dataset_path=dataset_path,
            replicas=self.num_shards,
        )

    def shards(self) -> range:
        """Returns the shards of this worker: those i with i % num_workers == worker_id."""
        return range(self.worker_id, self.num_shards, self.num_workers)

    def shard_path(self, shard: int) -> str:
        """Returns the record file of a shard: `<dataset>_<shard>.<ext>`."""
        return os.path.abspath(os.path.expanduser(self.evaluation().shard_path(shard)))

    def collection_folder(self) -> str:
        """Returns the folder of what belongs to the record files: `<dataset>.collection`."""
        path = self.evaluation().dataset_path
        return os.path.abspath(os.path.expanduser(os.path.splitext(path)[0] + ".collection"))

    def shard_folder(self, shard: int) -> str:
        """Returns the folder of the states and videos of a shard's episodes."""
        return os.path.join(self.collection_folder(), f"shard_{shard}")


def check(options: Options) -> None:
    """Checks flags against each other and against what is on disk.

    Raises:
      ValueError: A flag or a combination makes no sense; the message names it.
      OSError: A file or folder is missing or cannot be written.
    """
    policy_eval_options.check_range("num_shards", options.num_shards, 1, _MOST_SHARDS)
    policy_eval_options.check_range("num_workers", options.num_workers, 1)
    if not 0 <= options.worker_id < options.num_workers:
        raise ValueError(
            f"--worker_id must be from 0 to {options.num_workers - 1}, since --num_workers is "
            f"{options.num_workers}; got {options.worker_id}."
        )
    if options.policy == "random":
        raise ValueError(
            "--policy=random is no oracle; record it with data/policy_eval.py, or give an oracle."
        )
    policy_eval_options.check_recording(options.evaluation())
