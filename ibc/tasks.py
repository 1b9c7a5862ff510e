"""The names of all tasks. Importing this module registers all their ids with Gymnasium.

gymnasium.make("ibc.tasks:BlockPush-v0")
"""

from ibc.environments import tasks

IBC_TASKS = tuple(tasks.TASKS)

tasks.register_all()
