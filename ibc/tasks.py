"""Task families by name, as people's scripts import them."""

from ibc.environments import tasks

IBC_TASKS = tuple(tasks.TASKS)
