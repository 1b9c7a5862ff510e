"""What tests of the D4RL environments have in common."""

import gymnasium
import numpy as np

from ibc.environments.d4rl import task

task.register()


def make(name: str, render_mode: str | None = None) -> gymnasium.Env:
    """Makes an environment with its step limit, without Gymnasium's run-time checks."""
    return gymnasium.make(name, render_mode=render_mode, disable_env_checker=True)


def random_episode(env: gymnasium.Env, seed: int, max_steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Plays random actions after `reset(seed=seed)`.

    Returns:
      Observations [t + 1, observation_size] and rewards [t], t up to `max_steps`.
    """
    random = np.random.RandomState(seed)
    observations, rewards = [env.reset(seed=seed)[0]], []
    for _ in range(max_steps):
        action = random.uniform(-1.2, 1.2, env.action_space.shape)
        observation, reward, terminated, truncated, _ = env.step(action)
        observations.append(observation)
        rewards.append(reward)
        if terminated or truncated:
            break
    return np.array(observations), np.array(rewards)
