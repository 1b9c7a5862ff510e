"""Runs a policy in one process: measures it, and records episodes, videos and pictures."""

import contextlib
import itertools
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from tf_agents.drivers import py_driver
from tf_agents.environments import py_environment
from tf_agents.policies import py_policy, random_py_policy
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step, trajectory

from ibc.data.recording import exported_policy, policy_eval_options, policy_eval_report
from ibc.data.records import shard_writer, specs
from ibc.environments import suite, tasks, video
from ibc.utils import gin_config, termination

Observer = Callable[[trajectory.Trajectory], None]


def episode_seed(seed: int, replica: int, episode: int) -> int:
    """Returns the environment seed of an episode, a 32-bit number.

    It depends on nothing but the three numbers, so neither the scheduling of processes nor
    their count changes an episode: `SeedSequence(seed, spawn_key=(replica, episode))`.
    """
    return _seed_of(seed, replica, episode)


def policy_seed(seed: int, replica: int) -> int:
    """Returns the seed of a replica's policy: `SeedSequence(seed, spawn_key=(replica,))`."""
    return _seed_of(seed, replica)


def run(
    options: policy_eval_options.Options,
    replica: int = 0,
    on_episode: Callable[[], None] = lambda: None,
) -> policy_eval_report.Result:
    """Runs `num_episodes` episodes of one replica.

    Args:
      options: What to do; checked by `policy_eval_options.check`.
      replica: Index of the replica.
      on_episode: Called at the end of each episode.

    Returns:
      Metrics and the names of the files written.

    Raises:
      ValueError: The policy does not fit the environment, or gin names are wrong.
    """
    task = tasks.get_task(options.task)
    task.import_configurables()
    gin_config.parse(options.gin_file, options.gin_bindings, task.config_folders())
    env = suite.load(
        options.task,
        history_length=options.history_length,
        use_image_obs=options.use_image_obs,
        shared_memory=options.shared_memory,
        flatten=options.flatten_env,
    )
    policy = _make_policy(options, env, policy_seed(options.seed, replica))
    metrics = suite.task_metrics(env, options.num_episodes)
    counter = _Counter(env, options.seed, replica, on_episode)
    first_time_step = counter.start()
    with contextlib.ExitStack() as stack:
        recorders = _open_recorders(stack, options, replica, env, policy)
        observers = [*metrics, *recorders.values(), counter]
        driver = py_driver.PyDriver(env, policy, observers, max_episodes=options.num_episodes)
        with termination.polled():
            driver.run(first_time_step, policy.get_initial_state(1))
    return policy_eval_report.Result(
        metrics={
            "AverageReturn": counter.total_reward / options.num_episodes,
            "AverageEpisodeLength": counter.num_steps / options.num_episodes,
            **{metric.name: float(metric.result()) for metric in metrics},
        },
        num_episodes=options.num_episodes,
        num_frames=counter.num_frames,
        written=tuple(recorders),
    )


class _Counter:
    """Observer that counts steps and rewards, and gives every episode its seed.

    It reads step types itself: the methods of TF-Agents' trajectories ask TensorFlow what they
    were given, which takes longer than a step of a small simulation.
    """

    def __init__(
        self,
        env: py_environment.PyEnvironment,
        seed: int,
        replica: int,
        on_episode: Callable[[], None],
    ):
        self.num_frames = 0
        self.num_steps = 0
        self.total_reward = 0.0
        self._episode = 0
        self._env = env
        self._seed = seed
        self._replica = replica
        self._on_episode = on_episode

    def start(self) -> time_step.TimeStep:
        """Resets the environment to the first episode."""
        self._seed_next_reset()
        return self._env.reset()

    def __call__(self, frame: trajectory.Trajectory) -> None:
        termination.check()
        self.num_frames += 1
        self.num_steps += int(frame.step_type) != time_step.StepType.LAST
        self.total_reward += float(frame.reward)
        if _leads_to_last(frame):
            # The driver's next step resets the environment.
            self._episode += 1
            self._seed_next_reset()
            self._on_episode()

    def _seed_next_reset(self) -> None:
        self._env.seed(episode_seed(self._seed, self._replica, self._episode))


def _open_recorders(
    stack: contextlib.ExitStack,
    options: policy_eval_options.Options,
    replica: int,
    env: py_environment.PyEnvironment,
    policy: py_policy.PyPolicy,
) -> dict[str, Observer]:
    """Returns the observers that write files, by what they write; `stack` completes the files."""
    recorders = {}
    shard_path = options.shard_path(replica)
    if shard_path is not None:
        # What becomes infinite is refused by the writer.
        stack.enter_context(np.errstate(over="ignore", invalid="ignore"))
        writer = shard_writer.ShardWriter(shard_path, policy.trajectory_spec)
        recorders[shard_path] = stack.enter_context(writer)
    if options.video:
        path = options.output_file("video", replica, ".mp4")
        add_frame = stack.enter_context(video.recording(env, path))
        recorders[path] = lambda frame: None if frame.is_boundary() else add_frame()
    if options.viz_img:
        recorders[options.output_file("episode", replica, "_*.png")] = _picture_taker(
            options, replica, env
        )
    return recorders


def _picture_taker(
    options: policy_eval_options.Options, replica: int, env: py_environment.PyEnvironment
) -> Observer:
    """Returns an observer that writes a picture of every episode."""
    inner = suite.gym_env(env)
    if not hasattr(inner, "save_episode_picture"):
        raise ValueError(f"task {options.task} has no pictures of episodes; leave out --viz_img.")
    numbers = itertools.count()

    def observe(frame: trajectory.Trajectory) -> None:
        if _leads_to_last(frame):
            suffix = f"_{next(numbers)}.png"
            inner.save_episode_picture(options.output_file("episode", replica, suffix))

    return observe


def _make_policy(
    options: policy_eval_options.Options, env: py_environment.PyEnvironment, seed: int
) -> py_policy.PyPolicy:
    if options.saved_model_path is not None:
        return _load_policy(options, env, seed)
    if options.policy == "random":
        return random_py_policy.RandomPyPolicy(env.time_step_spec(), env.action_spec(), seed=seed)
    return tasks.get_task(options.task).oracle_class(options.policy)(env, seed=seed)


def _load_policy(
    options: policy_eval_options.Options, env: py_environment.PyEnvironment, seed: int
) -> py_policy.PyPolicy:
    """Loads an exported policy and checks that it fits the environment."""
    tf.random.set_seed(seed)
    policy = exported_policy.load(options.saved_model_path)
    misfits = [
        *specs.differences(
            tensor_spec.from_spec(env.observation_spec()),
            tensor_spec.from_spec(policy.time_step_spec.observation),
            "observation",
        ),
        *specs.differences(
            tensor_spec.from_spec(env.action_spec()),
            tensor_spec.from_spec(policy.action_spec),
            "action",
        ),
    ]
    if misfits:
        raise ValueError(
            f"{options.saved_model_path} was made for another environment than {options.task}: "
            f"{'; '.join(misfits)}; check --task, --history_length, --flatten_env and "
            "--gin_bindings."
        )
    if options.checkpoint_path is not None:
        exported_policy.update(policy, options.saved_model_path, options.checkpoint_path)
    return policy


def _leads_to_last(frame: trajectory.Trajectory) -> bool:
    return int(frame.next_step_type) == time_step.StepType.LAST


def _seed_of(seed: int, *spawn_key: int) -> int:
    return int(np.random.SeedSequence(seed, spawn_key=spawn_key).generate_state(1)[0])
