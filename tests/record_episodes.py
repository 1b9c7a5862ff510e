"""Records `episodes.npz`: oracle episodes of every block task, against which tests replay.

Run it from the repository's root when the physics is meant to change, and say why:

    python tests/record_episodes.py
"""

import pathlib

import numpy as np

from ibc.environments import suite, tasks

_BLOCK_PUSHING = pathlib.Path(__file__).parent.parent / "environments/block_pushing"
PATH = _BLOCK_PUSHING / "testdata/episodes.npz"
SEED = 3
EVERY = 5
"""States are kept at each step whose number this divides, which is enough to see a deviation."""

_TASKS = ("REACH", "PUSH", "INSERT", "PUSH_NORMALIZED", "PUSH_DISCONTINUOUS", "PUSH_MULTIMODAL")


def record(task: str) -> dict[str, np.ndarray]:
    """Runs a task's oracle for one episode; returns its arrays, named '<id>/<array>'."""
    env = suite.load(task)
    policy = tasks.get_task(task).oracle_class("oracle")(env, seed=SEED)
    inner = suite.gym_env(env)
    env.seed(SEED)
    step = env.reset()
    actions, states, rewards = [], [flat_state(inner)], []
    while not step.is_last():
        actions.append(np.float32(policy.action(step).action))
        step = env.step(actions[-1])
        rewards.append(step.reward)
        if len(actions) % EVERY == 0:
            states.append(flat_state(inner))
    arrays = {
        "actions": actions,
        "states": states,
        "rewards": rewards,
        "succeeded": inner.succeeded,
        "goal_distance": inner.goal_distance,
    }
    env_id = tasks.get_task(task).env_id
    print(f"{env_id}: {len(actions)} steps, succeeded: {inner.succeeded}")
    return {f"{env_id}/{name}": np.array(value) for name, value in arrays.items()}


def flat_state(env: object) -> np.ndarray:
    """Returns everything that is observed as one float64 vector."""
    return np.concatenate(list(env.compute_state().values()))


def main() -> None:
    """Writes the episodes where the tests of block pushing look for them."""
    episodes = {}
    for task in _TASKS:
        episodes.update(record(task))
    np.savez_compressed(PATH, **episodes)


if __name__ == "__main__":
    main()
