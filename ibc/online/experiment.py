"""One run of learning by interaction: expert data, agent, reward, loop, policy."""

import dataclasses
import functools
import pathlib
import time

import numpy as np
import tensorflow as tf
from absl import logging
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts

from ibc.agents import actor_cloning, sac_agent
from ibc.networks import tanh_gaussian, twin_critic
from ibc.online import (
    algorithms,
    demonstrations,
    episode_video,
    expert_data,
    finishing,
    giving_up,
    history,
    interaction_env,
    learner,
    loop,
    measuring,
    options,
    pretraining,
    relabelling,
    replay,
    run_config,
    saved_run,
    watching,
)
from ibc.rewards import shaped_reward, true_reward
from ibc.train.run import checkpoints, run_folder
from ibc.utils import folder_lock, keys, termination, transitions


def run(config: run_config.OnlineConfig) -> dict:
    """Trains by interaction; goes on where a run in the folder was stopped.

    Args:
      config: What to train; further options are bound by gin, see `options`.

    Returns:
      What the run has brought, as results.json.

    Raises:
      ValueError, FileNotFoundError: An option or the expert data is unusable.
      BlockingIOError: Another process trains in the folder.
      FloatingPointError: What an update tells is not finite.
      Terminated: SIGTERM has arrived; a checkpoint was saved.
    """
    chosen, env = check(config)
    expert, shown = _expert(config, chosen, env)
    with folder_lock.held(config.folder(), run_config.ELSEWHERE):
        return _Run(config, chosen, env, expert, shown).run()


def check(
    config: run_config.OnlineConfig,
) -> tuple[options.Options, interaction_env.InteractionEnv]:
    """Checks everything about a run but its expert data; returns its options and environment.

    Raises:
      ValueError, ImportError: An option is unusable, or the task is.
    """
    chosen = options.bound()
    algorithms.check(config.algorithm, chosen)
    env = interaction_env.load(config.task)
    if config.video:
        episode_video.check(env)
    return chosen, env


def _expert(
    config: run_config.OnlineConfig,
    chosen: options.Options,
    env: interaction_env.InteractionEnv,
) -> tuple[expert_data.ExpertData | None, list[expert_data.Demonstration]]:
    """Returns the expert's transitions, where somebody is imitated, and its episodes."""
    imitation, imitates = chosen.imitation, algorithms.get(config.algorithm).imitates
    try:
        shown = demonstrations.read(config.task, config.dataset_path, env, imitation.absorbing)
    except FileNotFoundError:
        if imitates or config.dataset_path:
            raise
        shown = []
    if not imitates:
        return None, shown
    expert = expert_data.make(
        shown, imitation.absorbing, imitation.subsample, imitation.trajectories, config.seed
    )
    algorithms.check_rows(config.algorithm, chosen, len(expert.rows.step))
    logging.info(
        "Expert data: %d transitions of %d trajectories.",
        len(expert.rows.step),
        expert.num_trajectories,
    )
    return expert, shown


@dataclasses.dataclass
class _Run:
    """What is made for a run, in this order."""

    config: run_config.OnlineConfig
    options: options.Options
    env: interaction_env.InteractionEnv
    expert: expert_data.ExpertData | None
    shown: list[expert_data.Demonstration]

    def __post_init__(self):
        tf.keras.utils.set_random_seed(self.config.seed)
        self.folder: pathlib.Path = self.config.folder()
        self.absorbing = self.options.imitation.absorbing
        size = self.env.observation_size + self.absorbing
        self.layout = replay.Layout(size, self.env.action_size)
        self.agent = self._make_agent(size)
        bc = self.options.bc_pretraining
        self.cloning = actor_cloning.ActorCloning(
            self.agent.actor, bc.learning_rate, bc.weight_decay
        )
        setting = algorithms.Setting(
            size,
            self.env.action_size,
            self.expert.num_trajectories if self.expert else 0,
            self.env.step_limit,
            self.config.seed,
        )
        self.learned = algorithms.get(self.config.algorithm).build(self.options, setting)
        if self.options.shaping.changes_anything:
            self.learned = shaped_reward.ShapedReward(self.learned, self.options.shaping)
        self.memory = replay.Replay(self.layout, self.options.memory.size)
        self.history = history.History(self.folder, self.config.algorithm)

    def run(self) -> dict:
        newest = checkpoints.newest(self.folder, run_config.ELSEWHERE)
        self.config.begin(newest is not None, lambda name: name in run_config.free_names())
        interacts = algorithms.get(self.config.algorithm).interacts
        expert = self._pretrained() if newest is None else None
        trained = self._learner()
        steps = self.config.steps if interacts else 0
        collection = loop.Loop(
            self.env,
            trained,
            self.memory,
            self._schedule(steps),
            None if self.expert is None else expert or self._rewarded(),
            self.absorbing,
            self.config.seed,
        )
        saved = saved_run.SavedRun(
            self.folder / "train", collection, self.memory, cloning=self.cloning
        )
        watcher = self._watcher(saved, trained, steps)
        if saved.restore():
            watcher.went_on(collection.step)
            logging.info("Going on at step %d of %d.", collection.step, steps)
        with termination.by_agreement():
            if not watcher.has_given_up:
                collection.run(watcher)
            if collection.step == steps and self.history.values["test_steps"][-1:] != [steps]:
                watcher.evaluated(steps)
        watcher.save(collection.step)
        self._finish(watcher, trained, collection.step)
        return self.history.values

    def _make_agent(self, size: int) -> sac_agent.AbsorbingSacAgent:
        actions, seed = self.env.action_size, self.config.seed
        of_critic = dataclasses.asdict(self.options.critic)
        critics = [
            twin_critic.TwinCritic(size, actions, seed=seed, name=name, **of_critic)
            for name in ("critic", "target_critic")
        ]
        actor = tanh_gaussian.TanhGaussian(
            size, actions, seed=seed, **dataclasses.asdict(self.options.actor)
        )
        training, reinforcement = self.options.training, self.options.reinforcement
        return sac_agent.AbsorbingSacAgent(
            ts.time_step_spec(tensor_spec.TensorSpec([size], tf.float32)),
            tensor_spec.BoundedTensorSpec([actions], tf.float32, -1, 1),
            actor,
            *critics,
            learning_rate=training.learning_rate,
            weight_decay=training.weight_decay,
            **dataclasses.asdict(reinforcement),
        )

    def _learner(self) -> learner.Learner:
        imitation = self.options.imitation
        is_mixed = imitation.mix_expert_data == "mixed_batch"
        return learner.Learner(
            self.agent,
            self.learned,
            self.layout,
            self.cloning if imitation.bc_aux_loss else None,
            mixes_expert=is_mixed and not self.learned.composes_batches,
        )

    def _schedule(self, steps: int) -> loop.Schedule:
        training, evaluation = self.options.training, self.options.evaluation
        return loop.Schedule(
            steps,
            training.start,
            training.interval,
            training.batch_size,
            evaluation.interval,
            self.options.logging.interval,
        )

    def _pretrained(self) -> transitions.Transitions | None:
        """Trains actor and reward on expert data, prepares the reward and fills the replay."""
        if self.expert is None:
            return None
        start = time.monotonic()
        size, seed = self.options.training.batch_size, self.config.seed
        rows = self.expert.rows
        for name, step, iterations in (
            (
                "Cloning",
                lambda batch, key: {"loss": self.cloning.train(batch)},
                self.options.bc_pretraining.iterations,
            ),
            ("Reward", self.learned.pretrain, self.learned.pretraining_steps),
        ):
            said = time.monotonic()
            for done, told in pretraining.train(step, rows, iterations, size, seed):
                termination.check()
                pretraining.check_finite(told, name, done)
                if done == iterations or time.monotonic() - said > 10:
                    said = time.monotonic()
                    losses = ", ".join(f"{n} {value:.4f}" for n, value in told.items())
                    logging.info("%s: step %d of %d, %s", name, done, iterations, losses)
        self.history.values["pre_training_time"] = time.monotonic() - start
        expert = self._rewarded()
        if self.options.imitation.mix_expert_data == "prefill_memory":
            self.memory.append(expert)
        return expert

    def _rewarded(self) -> transitions.Transitions:
        """Returns the expert's rows with the reward's, where it has them before an update."""
        constant = transitions.Transitions(*map(tf.constant, self.expert.rows))
        self.learned.prepare(constant, keys.Key(tf.constant([self.config.seed, 1])))
        return relabelling.of_expert(self.learned, self.expert)

    def _watcher(
        self, saved: saved_run.SavedRun, trained: learner.Learner, steps: int
    ) -> watching.RunWatcher:
        evaluation = self.options.evaluation
        count, random, best = 0, None, None
        if not self.config.check_time_usage:
            place = self.config.dataset_path or demonstrations.default_dataset(self.config.task)
            random, best = demonstrations.reference_returns(
                self.config.task, self.env, self.shown, pathlib.Path(place).parent
            )
            if best is not None and best <= random:
                logging.warning(
                    "The expert brings %.1f and random actions %.1f: normalized returns mislead.",
                    best, random,
                )  # fmt: skip
            count = min(self.config.num_envs, evaluation.episodes)
        measured = self._measuring()
        return watching.RunWatcher(
            self.folder,
            steps,
            [interaction_env.load(self.config.task) for _ in range(count)],
            lambda seen: trained.greedy(self._seen(seen)),
            evaluation.episodes,
            functools.partial(demonstrations.normalized, random=random, expert=best),
            functools.partial(measured.measure, trained.log_policy) if measured else dict,
            saved,
            self.config.checkpoint_interval,
            self.history,
            giving_up.read(self.folder),
        )

    def _seen(self, observations: np.ndarray) -> np.ndarray:
        """Returns observations [N, O] as the actor sees them."""
        bit = np.zeros([len(observations), int(self.absorbing)], np.float32)
        return np.concatenate([observations, bit], axis=1)

    def _measuring(self) -> measuring.Measuring | None:
        """Returns what measures the reward at evaluations, None where nothing can be measured."""
        config, trajectories = self.config, self.options.imitation.trajectories
        if config.check_time_usage or not self._has_worth():
            return None
        others = measuring.held_out(self.shown, trajectories, self.absorbing)
        if others is not None:
            logging.info(
                "The reward is measured on %d trajectories of the expert's that are not learned "
                "from.",
                others.num_trajectories,
            )
        env = interaction_env.load(config.task)
        return measuring.Measuring(
            self.learned, self.memory, self.expert, others, env, self.absorbing, config.seed
        )

    def _finish(self, watcher: watching.RunWatcher, trained: learner.Learner, step: int) -> None:
        """Exports the policy, draws what the run has brought, and leaves what else is wanted."""
        config, folder = self.config, self.folder
        policy = finishing.export(
            folder, config.task, self.agent.actor, self.absorbing, config.steps
        )
        logging.info("The greedy policy: %s", policy)
        self.history.draw()
        run_folder.write_operative_config(folder)
        if config.save_trajectories:
            episodes = self.options.evaluation.episodes
            finishing.record(policy, folder, config.task, episodes, step)
        if config.video:
            name = "learned reward" if self._has_worth() else "the task's reward"
            act = lambda seen: trained.greedy(self._seen(seen))  # noqa: E731
            worth = functools.partial(self._worth, trained)
            path = finishing.film(folder, self.env, act, worth, name, self.absorbing, step)
            watcher.show_video(step, path)
        if config.check_time_usage:
            logging.info(
                "Seconds of pretraining: %.1f; of training: %.1f.",
                self.history.values["pre_training_time"],
                self.history.values["training_time"],
            )

    def _has_worth(self) -> bool:
        """Whether there is a learned reward that knows what a step alone is worth."""
        is_true = isinstance(self.learned, true_reward.TrueReward)
        return self.expert is not None and not is_true and not self.learned.composes_batches

    def _worth(self, trained: learner.Learner, steps: transitions.Transitions) -> np.ndarray:
        """Returns what the steps of an episode are worth, [T]."""
        if not self._has_worth():
            return steps.reward
        reference = measuring.drawn(self.layout, self.expert, self.config.seed)
        key = keys.Key(tf.constant([self.config.seed, 3]))
        return relabelling.of_shown(self.learned, steps, reference, trained.log_policy, key)
