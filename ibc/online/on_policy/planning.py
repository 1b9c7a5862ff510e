"""One run of CEM: episodes that are planned in copies of the environment, and nothing learned."""

import functools
import json
import pathlib
import time

import numpy as np
import tensorflow as tf
from absl import logging

from ibc.ncsn import seeing as of_energies
from ibc.online import cem, plan_returns, run_config
from ibc.online.on_policy import configuration, energies
from ibc.online.on_policy import copies as copies_lib
from ibc.online.on_policy import options as options_lib
from ibc.train.run import run_folder
from ibc.utils import atomic_file, folder_lock, scalars, termination

RESULTS = "results.json"


def run(config: run_config.OnlineConfig) -> dict:
    """Plans `run.evaluation_episodes` episodes; goes on with the next one where it was stopped.

    Args:
      config: Task, seed and folder; further options are bound by gin, see `options`.

    Returns:
      What results.json holds: `episodes`, one row each, and their means, `evaluations`.

    Raises:
      ValueError, FileNotFoundError: An option or the energy is unusable, or the environment cannot
        be copied.
      BlockingIOError: Another process is at work in the folder.
      Terminated: SIGTERM has arrived; episodes that were complete are kept.
    """
    configuration.refuse_options_of_sac(config)
    chosen = options_lib.bound()
    planner = Planner(config, chosen)
    with folder_lock.held(config.folder(), run_config.ELSEWHERE):
        return _Run(config, chosen, planner).run()


class Planner:
    """Plays episodes by plans."""

    def __init__(self, config: run_config.OnlineConfig, chosen: options_lib.Options):
        """Loads the environment, copies of it, and the energy where it counts.

        Raises:
          ValueError, FileNotFoundError: See `run`.
        """
        self._options, self._seed = chosen.cem, config.seed
        one = copies_lib.load_judged(config.task, 1)
        if not isinstance(one, copies_lib.Vectorised):
            raise ValueError(
                f"CEM plans in copies, but the environment of {config.task} cannot be copied: use "
                "a task such as MAZE or PARTICLE_GOAL."
            )
        self._env = copies_lib.Repeated(one, self._options.action_repeat)
        copies = copies_lib.load(config.task, self._options.num_sims)
        self._returns = plan_returns.PlanReturns(
            one.env,
            copies.env,
            _pair_reward(config, chosen.reward, one.observation_size),
            chosen.reward.task_reward_w,
            self._options.action_repeat,
        )

    def play(self, number: int) -> dict[str, float]:
        """Plays an episode to its end.

        Args:
          number: Of the episode, which with the run's seed decides where it starts.

        Returns:
          `test_returns`, `episode_lengths` in decisions, and what the task tells at the end.
        """
        begin, noise = np.random.SeedSequence([self._seed, number]).spawn(2)
        self._env.begin(int(begin.generate_state(1)[0] >> 1))
        draw = np.random.default_rng(noise)
        mean = np.zeros([self._options.horizon, self._env.action_size])
        total, length = 0.0, 0
        while True:
            termination.check()
            plan = cem.plan(self._returns, mean, self._options, draw)
            mean = cem.following(plan.mean)
            step = self._env.step(plan.action[np.newaxis])
            total, length = total + float(step.reward[0]), length + 1
            if step.end[0]:
                told = {name: float(values[0]) for name, values in step.told.items()}
                reached = float(step.reached[0])
                return told | {
                    "test_returns": total,
                    "goal_success_rate": reached,
                    "episode_lengths": float(length),
                }


def _pair_reward(
    config: run_config.OnlineConfig, reward: options_lib.Reward, observation_size: int
) -> plan_returns.PairReward | None:
    """Returns the weighted energy of pairs at the level; None where its weight is 0."""
    if not reward.energy_reward_w:
        return None
    energy = energies.load(config, reward, observation_size)
    level = max(reward.sigma_level, 0)
    of_energies.check_level("reward.sigma_level", level, energy.num_levels)
    rate = tf.function(lambda pairs: reward.energy_reward_w * energy(pairs, level), autograph=False)
    return lambda pairs: rate(tf.constant(pairs, tf.float32)).numpy()


class _Run:
    """Episodes one after the other, and their file."""

    def __init__(
        self, config: run_config.OnlineConfig, chosen: options_lib.Options, planner: Planner
    ):
        self._config, self._planner = config, planner
        self._count = chosen.run.evaluation_episodes
        self._folder: pathlib.Path = config.folder()
        self._path = self._folder / RESULTS

    def run(self) -> dict:
        results = {"evaluations": [], "episodes": [], "seconds": 0.0}
        if self._path.is_file():
            results = json.loads(self._path.read_text(encoding="utf-8"))
        self._config.begin(
            self._path.is_file(),
            functools.partial(configuration.may_change, self._config.algorithm),
        )
        writer = tf.summary.create_file_writer(str(self._folder / "train"))
        episodes = results["episodes"]
        begun = time.monotonic() - results["seconds"]
        with termination.polled():
            while len(episodes) < self._count:
                found = self._planner.play(len(episodes))
                episodes.append(found)
                results["seconds"] = round(time.monotonic() - begun, 1)
                results["evaluations"] = [_means(episodes, results["seconds"])]
                atomic_file.write_text(self._path, json.dumps(results, indent=1))
                scalars.write(writer, len(episodes), found)
                shown = ", ".join(f"{name} {value:.3g}" for name, value in found.items())
                logging.info("Episode %d of %d: %s", len(episodes), self._count, shown)
        run_folder.write_operative_config(self._folder)
        return results


def _means(episodes: list[dict[str, float]], seconds: float) -> dict[str, float]:
    """Returns the means of all episodes' numbers, in a row as PPO's evaluations are."""
    names = episodes[0]
    means = {name: float(np.mean([episode[name] for episode in episodes])) for name in names}
    return {"episodes": len(episodes), "seconds": seconds, **means}
