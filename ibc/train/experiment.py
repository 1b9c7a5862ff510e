"""One experiment: data, agent, training with evaluations in between."""

import contextlib
import functools
from collections.abc import Sequence

import gin
import tensorflow as tf
from absl import logging
from tf_agents.train.utils import train_utils
from tf_agents.typing import types

from ibc.environments import suite, tasks
from ibc.eval import evaluation, measured_environment, seeded_policy
from ibc.train import config_files, demonstrations
from ibc.train.build import agent_specs, build_agent, training_data
from ibc.train.build import learning_rate as learning_rates
from ibc.train.devices import cluster
from ibc.train.loop import learner as learner_lib
from ibc.train.loop import training_loop
from ibc.train.run import checkpoints, divergence, memory, run_folder
from ibc.utils import parameters, termination


@gin.configurable
def train_eval(
    task: str | Sequence[str] | None = None,
    dataset_path: str | None = None,
    root_dir: str | None = None,
    loss_type: str = "ebm",
    network: str = "MLPEBM",
    batch_size: int = 512,
    num_iterations: int = 20000,
    learning_rate: float = 1e-3,
    learning_rate_schedule: str = "exponential",
    decay_steps: int = 100,
    replay_capacity: int = 100000,
    eval_interval: int = 1000,
    eval_loss_interval: int = 100,
    eval_episodes: int = 1,
    fused_train_steps: int = 100,
    checkpoint_interval: int = 5000,
    policy_save_interval: int = 1000,
    sequence_length: int = 2,
    uniform_boundary_buffer: float = 0.05,
    for_rnn: bool = False,
    flatten_action: bool = True,
    dataset_eval_fraction: float = 0.0,
    goal_tolerance: float = 0.02,
    tag: str | None = None,
    add_time: bool = False,
    seed: int = 0,
    video: bool = False,
    viz_img: bool = False,
    skip_eval: bool = False,
    num_envs: int = 1,
    shared_memory_eval: bool = False,
    image_obs: bool = False,
    generate_data: bool = False,
    strategy: tf.distribute.Strategy | None = None,
    max_data_shards: int = -1,
    use_warmup: bool = False,
    mixed_precision: bool = False,
    memory_limit_mb: float | None = None,
) -> dict[str, dict[str, float]]:
    """Trains a policy on recorded demonstrations and evaluates it.

    A run that was stopped goes on from its last checkpoint when it is started again with the
    same parameters. With SIGTERM (inside `termination.watched`) it stops after a step.

    Args:
      task: name of the task, or several; trained on one data set, evaluated on each. None, with
        skip_eval, trains on data that no environment here belongs to.
      dataset_path: glob of record files, or several separated by commas; the task's default
        place (`task.Task.dataset_glob`) if not given.
      root_dir: where runs are kept, /tmp/ibc_logs if not given.
      loss_type: a name in `agents.registry.registered()`.
      network: a name in `networks.registry.networks()`.
      batch_size: windows per training step, over all devices.
      num_iterations: training steps.
      learning_rate: initial learning rate of Adam.
      learning_rate_schedule: see `learning_rate.get_schedule`.
      decay_steps: steps in which the exponential schedule loses one per cent.
      replay_capacity: accepted for published configs; windows are shuffled over the whole data
        set, whatever this is.
      eval_interval: steps between evaluations; 0 evaluates at the end alone.
      eval_loss_interval: steps between validation losses, where there is validation data.
      eval_episodes: episodes per evaluation, with environment seeds 0, 1, ….
      fused_train_steps: training steps between looks at what is due; where they take long, a call
        of the compiled loop makes fewer.
      checkpoint_interval: steps between checkpoints; one that SIGTERM causes is extra.
      policy_save_interval: steps between exported policy weights.
      sequence_length: T, frames per observation window.
      uniform_boundary_buffer: widening of the action bounds, as a share of the data's range.
      for_rnn: accepted for published configs, which set it to False; there is no recurrent
        network.
      flatten_action: concatenate the action's parts to one vector (the only form agents take).
      dataset_eval_fraction: share of shards kept for validation.
      goal_tolerance: distance (m) that counts as reached in evaluation of block tasks.
      tag: subfolder of root_dir.
      add_time: append a folder with the time.
      seed: seed of weights, data order and sampling noise.
      video: write a video at each evaluation.
      viz_img: write pictures at each evaluation.
      skip_eval: do not evaluate.
      num_envs: evaluation environments side by side.
      shared_memory_eval: evaluate in a PyBullet shared-memory server.
      image_obs: use the task's variant with images.
      generate_data: record demonstrations of the task's oracle if there are none.
      strategy: distribution strategy; the default one if not given.
      max_data_shards: number of record files to use; −1 uses all.
      use_warmup: the published switch for learning_rate_schedule = 'warmup'.
      mixed_precision: compute hidden layers in bfloat16, weights and energies in float32; Langevin
        chains over narrow networks, where that is slower, stay in float32.
      memory_limit_mb: memory (10⁶ bytes) for the data and the batches on their way to training;
        data that needs more is streamed from disk, with the same samples in the same order. None:
        all data is held in memory.

    Returns:
      Task → metric → average at the last evaluation; empty with skip_eval, and on all machines
      of a cluster but the chief.

    Raises:
      ValueError, FileNotFoundError: a parameter or the data is unusable; the message says how.
      FloatingPointError: the loss became infinite or NaN; diverged_batch_<step>.npz in the run
        folder has the batch.
      Terminated: SIGTERM has arrived; the message says what was saved.
    """
    del replay_capacity
    task_names = _task_names(task, dataset_path, skip_eval)
    build_agent.check_loss_type(loss_type)
    parameters.check_whole(
        "train_eval",
        batch_size=batch_size,
        num_iterations=num_iterations,
        sequence_length=sequence_length,
        fused_train_steps=fused_train_steps,
        **({} if skip_eval else {"eval_episodes": eval_episodes, "num_envs": num_envs}),
    )
    parameters.check_whole(
        "train_eval",
        least=0,
        eval_interval=eval_interval,
        eval_loss_interval=eval_loss_interval,
        checkpoint_interval=checkpoint_interval,
        policy_save_interval=policy_save_interval,
    )
    parameters.check_positive(
        "train_eval",
        learning_rate=learning_rate,
        decay_steps=decay_steps,
        goal_tolerance=goal_tolerance,
    )
    parameters.check_not_negative("train_eval", uniform_boundary_buffer=uniform_boundary_buffer)
    if memory_limit_mb is not None:
        parameters.check_positive("train_eval", memory_limit_mb=memory_limit_mb)
    parameters.check_seed("train_eval", seed)
    _check_choices(dataset_path, for_rnn, shared_memory_eval, task_names, num_envs)
    if shared_memory_eval:
        # If no server runs, better now than after the first steps.
        measured_environment.load(
            task_names[0], sequence_length, image_obs, shared_memory=True
        ).close()
    strategy = strategy or tf.distribute.get_strategy()
    chief = cluster.is_chief(strategy)
    if cluster.is_cluster(strategy):
        _check_cluster(generate_data, add_time)
    folder = run_folder.run_folder(root_dir, tag, add_time, chief)
    tf.keras.utils.set_random_seed(seed)

    dataset_path, make_command = _find_data(task_names, dataset_path, image_obs, generate_data)
    data = training_data.get_data(
        dataset_path,
        sequence_length,
        {name: _frame_specs(name, image_obs) for name in task_names},
        max_data_shards=max_data_shards,
        dataset_eval_fraction=dataset_eval_fraction,
        flatten_action=flatten_action,
        make_command=make_command,
        memory_limit_mb=memory_limit_mb,
        scratch_folder=folder,
    )
    logging.info("Data: %s; this process: %.0f MB.", data.described(), memory.resident_mb())
    if task_names:
        environment = measured_environment.load(task_names[0], sequence_length, image_obs)
        time_step_spec, action_spec = agent_specs.of_environment(environment)
        environment.close()
    else:
        time_step_spec, action_spec = agent_specs.of_data(data.train.spec, sequence_length)

    schedule = learning_rates.get_schedule(
        "warmup" if use_warmup else learning_rate_schedule,
        learning_rate,
        decay_steps,
        num_iterations,
    )
    with strategy.scope():
        train_step = train_utils.create_train_step()
        agent = build_agent.build_agent(
            time_step_spec,
            action_spec,
            loss_type,
            network,
            data.normalizers,
            uniform_boundary_buffer,
            # The fused implementation: one kernel per variable.
            tf.keras.optimizers.legacy.Adam(schedule),
            train_step,
            seed,
            mixed_precision,
        )
    newest = checkpoints.newest(folder)
    if newest:
        checkpoints.check(newest, agent.cloning_network)
    run_folder.claim(
        folder,
        config_files.bound_parameters(),
        {
            "task": task_names,
            "seed": seed,
            "data": data.train.fingerprint(),
            # The cosine's shape is part of what is trained.
            "cosine_steps": num_iterations if learning_rate_schedule == "cosine" else None,
        },
        continued=newest is not None,
        writes=chief,
    )
    logging.info("This run is kept in %s", folder)
    shares, replicas = cluster.shares(strategy)
    learner = learner_lib.BehavioralCloningLearner(
        folder,
        train_step,
        agent,
        lambda: data.train.as_tf_dataset(
            batch_size,
            seed,
            checkpoints.restored_step(folder),
            shares=shares,
            num_shares=replicas,
        ),
        strategy,
        checkpoint_interval,
        policy_save_interval,
    )
    validate = None
    if data.validation and chief:
        validate = training_loop.ValidationLoss(
            agent, data.validation, batch_size, seed, learner.train_summary_writer, train_step
        )
    evaluator = None
    if chief and not skip_eval:
        evaluator = evaluation.Evaluation(
            task_names,
            functools.partial(
                measured_environment.load,
                sequence_length=sequence_length,
                image_obs=image_obs,
                shared_memory=shared_memory_eval,
                goal_tolerance=goal_tolerance,
            ),
            training_loop.ended_by_signals(seeded_policy.greedy_act_fn(agent.policy)),
            train_step,
            folder,
            eval_episodes,
            num_envs,
            video,
            viz_img,
            config_files.environment_bindings(),
        )
    # A machine that stopped alone would be lost to the others, who wait for it in the next step.
    together = (
        termination.by_agreement() if cluster.is_cluster(strategy) else contextlib.nullcontext()
    )
    try:
        with together:
            return training_loop.train(
                learner,
                folder if chief else None,
                num_iterations,
                [
                    fused_train_steps,
                    0 if skip_eval else eval_interval,
                    eval_loss_interval if data.validation else 0,
                ],
                evaluator,
                validate,
            )
    except divergence.NotFiniteError as error:

        def share_at(step: int, share: int) -> tuple:
            step = tf.constant(step, tf.int64)
            return data.train.batch_at(step, batch_size, seed, share=share, num_shares=replicas)

        windows = data.train.windows_at(error.step, batch_size, seed)
        report = divergence.report(error, agent, share_at, windows, replicas, folder)
        raise FloatingPointError(report) from error
    except termination.Terminated as error:
        raise termination.Terminated(training_loop.what_is_saved(learner, folder)) from error


def _task_names(
    task: str | Sequence[str] | None, dataset_path: str | None, skip_eval: bool
) -> list[str]:
    """Checks the task names."""
    if not isinstance(task, (str, list, tuple, type(None))):
        raise ValueError(f"train_eval.task must be a name or a list of names, got {task!r}.")
    names = [task] if isinstance(task, str) else list(task or [])
    if not names and not (dataset_path and skip_eval):
        raise ValueError(
            f"No task given: pass --task, one of {', '.join(tasks.TASKS)}; or, to train on data of "
            "your own that no environment here belongs to, --skip_eval and train_eval.dataset_path."
        )
    for name in names:
        tasks.get_task(name)
    return names


def _find_data(
    task_names: Sequence[str], dataset_path: str | None, image_obs: bool, generate_data: bool
) -> tuple[str, str | None]:
    """Returns where the data is and the command that makes it; makes it if asked to."""
    if not task_names:
        if generate_data:
            raise ValueError("--generate_data needs a --task, whose oracle it records.")
        return dataset_path, None
    task = tasks.get_task(task_names[0])
    dataset_path = dataset_path or task.dataset_glob(image_obs)
    if generate_data:
        demonstrations.ensure(
            task.name, dataset_path, image_obs, config_files.environment_bindings()
        )
    command = task.recording_command(image_obs)
    return dataset_path, f"{command} (or add --generate_data here)" if task.oracles else command


def _check_choices(
    dataset_path: str | None,
    for_rnn: bool,
    shared_memory_eval: bool,
    task_names: Sequence[str],
    num_envs: int,
) -> None:
    """Checks parameters whose values may not fit each other or what there is."""
    if dataset_path is not None and not isinstance(dataset_path, str):
        raise ValueError(
            f"train_eval.dataset_path must be a string, one glob or several with commas, "
            f"got {dataset_path!r}."
        )
    if for_rnn:
        raise ValueError(
            "train_eval.for_rnn is True, but none of the networks here is recurrent: set it to "
            "False. (Windows for recurrent networks: ibc.data.windows.dataset.WindowDataset.)"
        )
    if shared_memory_eval and (len(task_names) > 1 or num_envs > 1):
        raise ValueError(
            "--shared_memory_eval shows one environment of one task, as a server holds one world; "
            f"got {len(task_names)} task(s) and train_eval.num_envs = {num_envs}: give one --task "
            "and bind train_eval.num_envs = 1."
        )


def _check_cluster(generate_data: bool, add_time: bool) -> None:
    """Checks what every machine of a cluster would do in its own way."""
    if generate_data:
        raise ValueError(
            "--generate_data would record on every machine of the cluster in TF_CONFIG; record "
            "first, in a folder that all of them see, with data/policy_eval.py."
        )
    if add_time:
        raise ValueError(
            "--add_time would give every machine of the cluster in TF_CONFIG its own folder; name "
            "the run with --tag."
        )


def _frame_specs(task: str, image_obs: bool) -> tuple[types.NestedArraySpec, types.NestedArraySpec]:
    """Returns the specs of one frame's observation and of the action."""
    environment = suite.load(task, use_image_obs=image_obs)
    specs = environment.observation_spec(), environment.action_spec()
    environment.close()
    return specs
