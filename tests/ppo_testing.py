"""A small learner on TF-Agents' PPO that takes its rewards from `LearnedReward`'s interface."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tf_agents.agents.ppo import ppo_clip_agent
from tf_agents.networks import actor_distribution_network, value_network
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts
from tf_agents.trajectories import trajectory
from tf_agents.utils import common

from ibc.online import episode_rows, interaction_env, relabelling
from ibc.rewards import learned_reward
from ibc.utils import keys, transitions

Moment = learned_reward.Moment
_FRAMES = 128


class Ppo:
    """PPO with networks of 16 units, for actions within ±1; compiled once for all learners."""

    def __init__(self, observation_size: int, action_size: int):
        tf.keras.utils.set_random_seed(0)
        seen = tensor_spec.TensorSpec([observation_size], tf.float32)
        action = tensor_spec.BoundedTensorSpec([action_size], tf.float32, -1, 1)
        self.agent = ppo_clip_agent.PPOClipAgent(
            ts.time_step_spec(seen),
            action,
            tf.keras.optimizers.Adam(1e-2),
            actor_net=actor_distribution_network.ActorDistributionNetwork(
                seen, action, fc_layer_params=(16,)
            ),
            value_net=value_network.ValueNetwork(seen, fc_layer_params=(16,)),
            num_epochs=4,
            normalize_observations=False,
            normalize_rewards=False,
        )
        self.agent.initialize()
        self.act = common.function(self.agent.collect_policy.action)
        self.train = common.function(self.agent.train)


class Learner:
    """Collects whole episodes, has them rated by a learned reward, and learns from them once."""

    def __init__(
        self,
        env: interaction_env.InteractionEnv,
        learned: learned_reward.LearnedReward,
        expert: transitions.Transitions,
        ppo: Ppo,
    ):
        learned_reward.check(learned)
        self._env, self._learned, self._expert, self._ppo = env, learned, expert, ppo
        self._step = self._episode = 0
        self.told: dict[str, tf.Tensor] = {}

    def iterate(self, episodes: int) -> transitions.Transitions:
        """Makes one round; returns the transitions with the rewards that were learned from."""
        collected = [self._collect() for _ in range(episodes)]
        rows = episode_rows.joined([rows for rows, _ in collected])
        if self._learned.moment is Moment.UPDATE:
            rows = self._rated(rows)
        frames, first = [], 0
        for own, infos in collected:
            last = first + len(own.step)
            frames += _frames(episode_rows.taken(rows, slice(first, last)), infos)
            first = last
        # Frames between episodes do not count, so that more of them make one length of all rounds.
        frames += [frames[-1]] * (-len(frames) % _FRAMES)
        experience = tf.nest.map_structure(lambda *each: tf.stack(each)[tf.newaxis], *frames)
        self._ppo.train(experience)
        return rows

    def log_policy(self, observation: tf.Tensor, action: tf.Tensor) -> tf.Tensor:
        """Returns the policy's log π [B] of actions [B, A]."""
        step = ts.restart(observation, observation.shape[0])
        return self._ppo.agent.collect_policy.distribution(step).action.log_prob(action)

    def _collect(self):
        """Returns an episode's transitions and what the policy said at each step."""
        learned, env = self._learned, self._env
        learned.begin_episode()
        seen, parts, infos = env.reset(self._episode), [], []
        while True:
            made = self._ppo.act(ts.restart(tf.constant(seen[np.newaxis]), 1))
            action = made.action.numpy()[0]
            outcome = env.step(action)
            self._step += 1
            fields = (seen, action, np.float32(outcome.reward), outcome.observation)
            steps = episode_rows.Steps(*(field[np.newaxis] for field in fields))
            rows = episode_rows.rows_of(
                steps, outcome.terminated, outcome.timeout, self._step, len(parts), absorbing=False
            )
            if learned.moment is Moment.COLLECTION:
                rows = relabelling.of_step(learned, rows)
            parts.append(rows)
            infos.append((made.action[0], tf.nest.map_structure(lambda x: x[0], made.info)))
            if outcome.is_end:
                break
            seen = outcome.observation
        self._episode += 1
        episode = episode_rows.joined(parts)
        if learned.moment is Moment.EPISODE_END:
            episode = relabelling.of_episode(learned, episode)
        return episode, infos

    def _rated(self, rows: transitions.Transitions) -> transitions.Transitions:
        agent = transitions.Transitions(*map(tf.constant, rows))
        of_training, of_reward = keys.Key(tf.constant([0, self._step])).split(2)
        self.told = dict(self._learned.train(agent, self._expert, self.log_policy, of_training))
        progress = learned_reward.Progress(
            tf.constant(float(self._step)), tf.constant(float(self._episode))
        )
        rated = self._learned.learner_batch(
            agent, self._expert, self.log_policy, progress, of_reward
        )
        return transitions.Transitions(*(np.asarray(field) for field in rated))


class _Said(NamedTuple):
    action: tf.Tensor
    info: dict


def _frames(rows: transitions.Transitions, infos) -> list[trajectory.Trajectory]:
    """Returns an episode as PPO has it: a frame per step, and one between episodes."""
    count = len(rows.step)
    frames = []
    for place in range(count + 1):
        said = _Said(*infos[min(place, count - 1)])
        is_end = place == count
        kind = ts.StepType.LAST if is_end else ts.StepType.MID if place else ts.StepType.FIRST
        following = ts.StepType.LAST if place == count - 1 else ts.StepType.MID
        frames.append(
            trajectory.Trajectory(
                step_type=tf.constant(kind),
                observation=tf.constant(
                    rows.next_observation[-1] if is_end else rows.observation[place]
                ),
                action=said.action,
                policy_info=said.info,
                next_step_type=tf.constant(ts.StepType.FIRST if is_end else following),
                reward=tf.constant(0.0 if is_end else rows.reward[place]),
                discount=tf.constant(1.0 if is_end else rows.discount[place]),
            )
        )
    return frames
