"""Registers the D4RL environments with Gymnasium under their published names.

No simulator is imported: what is missing is reported when an environment is made.
"""

import gymnasium

from ibc.environments.d4rl import d4rl_tasks

for _name, _family in d4rl_tasks.TASKS.items():
    gymnasium.register(
        id=_name,
        entry_point=_family.entry_point,
        max_episode_steps=_family.max_episode_steps,
        kwargs=dict(_family.arguments),
    )
