"""The tasks by name: those of the families beside this module, and every id that Gymnasium knows.

Importing this module imports neither a simulator nor TensorFlow.
"""

import dataclasses
import difflib
import importlib
import pathlib
import sys
import types

from ibc import environments
from ibc.environments import task as task_lib
from ibc.utils import users_module

CONFIGS_OF_ANY_STATES = ("pushing_states", "d4rl", "particle")
"""Families of networks over numbers, whatever these mean."""
_PUBLISHED = {
    "ant": "Ant-v4",
    "halfcheetah": "HalfCheetah-v4",
    "hopper": "Hopper-v4",
    "walker2d": "Walker2d-v4",
}


def _tasks_of_all_families() -> dict[str, task_lib.Task]:
    """Joins the `TASKS` of every package here that has a module `task`."""
    found = sorted(
        at for room in environments.__path__ for at in pathlib.Path(room).glob("*/task.py")
    )
    families = [importlib.import_module(f"ibc.environments.{at.parent.name}.task") for at in found]
    return {task.name: task for family in families for task in family.TASKS}


TASKS = _tasks_of_all_families()


def get_task(name: str) -> task_lib.Task:
    """Returns the task called `name`.

    Args:
      name: A key of `TASKS`, or the id of any environment that is registered with Gymnasium; in
        the form 'module:id' the module, which registers it, is imported first. If it has a list
        `TASKS`, too, the task with this id is taken from there.

    Raises:
      ValueError: There is no such task; the message names the nearest and lists ours.
    """
    available = f"available: {', '.join(TASKS)}."
    if not isinstance(name, str):
        # Config files may hold anything.
        raise ValueError(f"a task must be a name, a string in quotes, got {name!r}; {available}")
    if name in TASKS:
        return TASKS[name]
    import gymnasium

    ours = {task.env_id: task for task in TASKS.values()}
    if name in ours:
        return ours[name]
    module, _, env_id = name.rpartition(":")
    if module:
        users_module.load(module, f"task '{name}'")
        described = _described(sys.modules[module], env_id)
        if described:
            return dataclasses.replace(described, name=name)
    if env_id in gymnasium.registry:
        return task_lib.Task(
            name=name,
            env_id=env_id,
            register=lambda: None,  # It is.
            config_families=CONFIGS_OF_ANY_STATES,
            is_foreign=True,
        )
    by_capitals = {known.upper(): known for known in (*TASKS, *gymnasium.registry)}
    near = [by_capitals[n] for n in difflib.get_close_matches(name.upper(), by_capitals, n=3)]
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise ValueError(
        f"unknown task '{name}'; {hint}{available[:-1]}, or any id that Gymnasium knows (with the "
        "module that registers it, if need be: my_module:MyEnv-v0)."
    )


def gym_name(task: str) -> str:
    """Returns the name that `get_task` knows a task of learning by interaction by.

    'ant', 'halfcheetah', 'hopper' and 'walker2d' are Gymnasium's fourth version of them.
    """
    return _PUBLISHED.get(task, task)


def states_glob(task: str) -> str:
    """Returns where demonstrations of a task's states are looked for by default.

    Where its observations begin with another task's state, that is where the other's are.

    Args:
      task: Name of a task, in learning by interaction, too.
    """
    found = get_task(gym_name(task))
    return get_task(found.states_of or found.name).dataset_glob()


def register_all() -> None:
    """Registers the ids of all tasks with Gymnasium."""
    for register in dict.fromkeys(task.register for task in TASKS.values()):
        register()


def check_oracle(task: task_lib.Task, name: str) -> None:
    """Checks that a task has an oracle, by its own name or as 'oracle'.

    Raises:
      ValueError: It has not; the message says whose it is, or the nearest names.
    """
    known = task.policies
    if name in known[1:]:
        return
    owners = [other.name for other in TASKS.values() if name in other.oracles]
    near = difflib.get_close_matches(name, known, n=2)
    if name == "oracle":
        hint = "needs a task with an oracle"
    elif owners:
        hint = f"belongs to task {' and '.join(owners)}"
    else:
        hint = "is unknown" + (f"; did you mean {' or '.join(near)}?" if near else "")
    raise ValueError(f"policy '{name}' {hint}; task {task.name} has: {', '.join(known)}.")


def _described(module: types.ModuleType, env_id: str) -> task_lib.Task | None:
    """Returns the task that a user's module describes itself, if it does."""
    listed = getattr(module, "TASKS", None)
    for task in listed if isinstance(listed, (list, tuple)) else ():
        if isinstance(task, task_lib.Task) and task.env_id == env_id:
            return task
    return None
