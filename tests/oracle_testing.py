"""A table without physics, on which oracles can be tried in chosen situations."""

import gymnasium
import numpy as np
from tf_agents.environments import py_environment
from tf_agents.policies import py_policy
from tf_agents.trajectories import time_step as ts

from ibc.environments import suite

PUSH_KEYS = {
    "block_translation": 2,
    "block_orientation": 1,
    "effector_translation": 2,
    "effector_target_translation": 2,
    "target_translation": 2,
    "target_orientation": 1,
}
DISCONTINUOUS_KEYS = {**PUSH_KEYS, "target2_translation": 2, "target2_orientation": 1}
MULTIMODAL_KEYS = {**DISCONTINUOUS_KEYS, "block2_translation": 2, "block2_orientation": 1}


def table_env(
    keys: dict[str, int], control_frequency: float = 10.0, **attributes
) -> py_environment.PyEnvironment:
    """Returns an environment with observations of these sizes, and what a test gives it."""
    env = gymnasium.Env()
    env.observation_space = gymnasium.spaces.Dict(
        {key: gymnasium.spaces.Box(-5, 5, (size,), np.float32) for key, size in keys.items()}
    )
    env.action_space = gymnasium.spaces.Box(-0.1, 0.1, (2,), np.float32)
    vars(env).update(attributes, control_frequency=control_frequency)
    return suite.SeededGymnasiumWrapper(env)


def act(
    policy: py_policy.PyPolicy,
    positions: dict[str, tuple],
    is_first: bool = False,
    step_type: ts.StepType | None = None,
) -> np.ndarray:
    """Returns a policy's action [2] when things are where `positions` says, in metres and rad.

    What is not given is at zero. `effector` is short for effector_target_translation.
    """
    spec = policy.time_step_spec.observation
    observation = {key: np.zeros(leaf.shape, np.float32) for key, leaf in spec.items()}
    for key, value in positions.items():
        key = {"effector": "effector_target_translation"}.get(key, key)
        observation[key][:] = value
    if step_type is None:
        step_type = ts.StepType.FIRST if is_first else ts.StepType.MID
    return policy.action(
        ts.TimeStep(np.asarray(step_type, np.int32), np.float32(0.0), np.float32(1.0), observation)
    ).action


def rollout(
    env: py_environment.PyEnvironment, policy: py_policy.PyPolicy, seed: int
) -> tuple[np.ndarray, list[ts.TimeStep]]:
    """Runs one episode; returns its actions [steps, 2] and its time steps."""
    env.seed(seed)
    steps = [env.reset()]
    actions = []
    while not steps[-1].is_last():
        actions.append(policy.action(steps[-1]).action)
        steps.append(env.step(actions[-1]))
    return np.array(actions), steps
