"""The demonstrations of a run: where they are, how to make them, and what they are worth."""

import glob
import json
import os
import pathlib
from collections.abc import Sequence

import numpy as np

from ibc.environments import tasks
from ibc.environments.d4rl import task as d4rl
from ibc.online import expert_data, interaction_env
from ibc.utils import atomic_file, scores

_RANDOM_EPISODES = 30
_FILE = "returns.json"
_FAMILIES = {"halfcheetah": d4rl.HALFCHEETAH, "hopper": d4rl.HOPPER, "walker2d": d4rl.WALKER2D}
# What random actions and experts bring according to D4RL.
_D4RL = {"ant": (-325.6, 3879.7)} | {
    name: (family.random_return, family.expert_return) for name, family in _FAMILIES.items()
}


def read(
    task: str, dataset_path: str | None, env: interaction_env.InteractionEnv, absorbing: bool
) -> list[expert_data.Demonstration]:
    """Reads the expert's episodes.

    Args:
      task: Name of the task.
      dataset_path: Glob of record files, or several with commas; None for the task's place.
      env: The task's environment.
      absorbing: See `expert_data.read`.

    Raises:
      FileNotFoundError: There are none; the message says how to make some.
      ValueError: They do not fit the task.
    """
    paths = find(task, dataset_path)
    found = expert_data.read(paths, env.action_low, env.action_high, env.step_limit, absorbing)
    size = found[0].steps.observation.shape[1] if found else env.observation_size
    if size != env.observation_size:
        raise ValueError(
            f"{paths[0]} has observations of {size} numbers, but task {task} has "
            f"{env.observation_size}: give record files of this task."
        )
    return found


def find(task: str, dataset_path: str | None) -> list[str]:
    """Returns the record files of the expert's episodes, at least one.

    Args:
      task: Name of the task.
      dataset_path: Glob of record files, or several with commas; None for the task's place.

    Raises:
      FileNotFoundError: There are none; the message says how to make some.
    """
    pattern = dataset_path or default_dataset(task)
    paths = sorted({path for part in pattern.split(",") for path in glob.glob(part.strip())})
    paths = [path for path in paths if path.endswith(".tfrecord")]
    if not paths:
        raise FileNotFoundError(f"no expert data at {pattern!r}. {_advice(task)}")
    return paths


def default_dataset(task: str) -> str:
    """Returns the glob where a task's demonstrations are recorded by default.

    Unlike those of states, see `tasks.states_glob`, they have all that a policy observes.
    """
    return tasks.get_task(tasks.gym_name(task)).dataset_glob()


def _advice(task: str) -> str:
    """Says in one line which flag and which three commands make demonstrations."""
    name = tasks.gym_name(task)
    place = tasks.get_task(name).default_dataset()
    oracle = f"python data/policy_eval.py --task={name} --policy=oracle --num_episodes=25"
    oracle += f" --dataset_path={place}"
    policy = f"runs/online/{task}/SAC_seed0/policies/greedy_policy"
    expert = f"python ibc/online_train_eval.py --algorithm=SAC --task={task}, then python "
    expert += f"data/policy_eval.py --task={name} --saved_model_path={policy} --num_episodes=25 "
    expert += f"--dataset_path={place}"
    convert = f"ibc-data convert <D4RL or Minari file> {place}"
    first = (
        f"Record the task's oracle: {oracle}; or a" if tasks.get_task(name).oracles else "Record a"
    )
    return (
        f"With --generate_data they are made. {first} trained expert: {expert}; or convert "
        f"recordings: {convert}."
    )


def reference_returns(
    task: str,
    env: interaction_env.InteractionEnv,
    demonstrations: Sequence[expert_data.Demonstration],
    folder: str | os.PathLike,
) -> tuple[float, float | None]:
    """Returns what random actions and the expert bring, between which returns are normalized.

    For D4RL's four tasks these are D4RL's. Else random episodes are run once; the expert's is the
    average of the demonstrations. Both are kept in a file in the folder.

    Args:
      task: Name of the task.
      env: Its environment.
      demonstrations: The expert's; maybe none.
      folder: Where `returns.json` is kept, beside the data.

    Returns:
      The average of random actions, and the expert's, None without demonstrations.
    """
    if task in _D4RL:
        return _D4RL[task]
    path = pathlib.Path(folder) / _FILE
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    before = kept.get(task)
    if before is None:
        random = np.random.default_rng(0)
        returns = interaction_env.greedy_returns(
            [env],
            lambda seen: random.uniform(-1, 1, [len(seen), env.action_size]).astype(np.float32),
            _RANDOM_EPISODES,
        )
        kept[task] = {"random": float(np.mean(returns))}
    sums = [float(np.sum(shown.steps.reward)) for shown in demonstrations]
    found = kept[task] | ({"expert": float(np.mean(sums))} if sums else {})
    if found != before:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_file.write_text(path, json.dumps(kept | {task: found}, indent=1))
    return found["random"], found.get("expert") if sums else None


def is_published(task: str) -> bool:
    """Whether a task's returns are normalized by published ones, whatever the expert data."""
    return task in _D4RL


def normalized(value: float, random: float, expert: float | None) -> float | None:
    """Returns (value − random) / (expert − random), None without an expert."""
    return None if expert in (None, random) else scores.normalized(value, random, expert)
