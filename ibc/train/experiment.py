"""One experiment: data, agent, training with evaluations in between."""

import contextlib
import dataclasses
import functools
import pathlib

import tensorflow as tf
from absl import logging
from tf_agents.agents import tf_agent
from tf_agents.policies import tf_policy
from tf_agents.train.utils import train_utils
from tf_agents.typing import types

from ibc.data.formats import cache
from ibc.environments import suite, tasks
from ibc.eval import evaluation, measured_environment, seeded_policy
from ibc.train import config_files, continuation, demonstrations, measurements, run_config
from ibc.train.build import (
    affine_maps,
    agent_specs,
    build_agent,
    learning_rate,
    optimizer,
    sequences,
    training_data,
)
from ibc.train.devices import cluster, feeding
from ibc.train.loop import learner as learner_lib
from ibc.train.loop import progress, schedule, training_loop, weight_average
from ibc.train.run import checkpoints, divergence, memory, run_board, run_folder
from ibc.utils import folder_lock, precision, termination


def run(
    config: run_config.RunConfig, report: progress.Report = progress.ignore
) -> dict[str, dict[str, float]]:
    """Trains a policy on recorded demonstrations and evaluates it.

    A run that was stopped goes on from its last checkpoint when it is started again with the
    same parameters. With SIGTERM (inside `termination.watched`) it stops after a step.

    Args:
      config: what to train; its fields may be bound by gin as `train_eval.<field>`.
      report: told what has been done.

    Returns:
      Task → metric → average at the last evaluation; empty with skip_eval, and on all machines
      of a cluster but the chief.

    Raises:
      ValueError, FileNotFoundError: a parameter or the data is unusable; the message says how.
      BlockingIOError: another process trains in the run's folder.
      FloatingPointError: the loss became infinite or NaN; diverged_batch_<step>.npz in the run
        folder has the batch.
      Terminated: SIGTERM has arrived; the message says what was saved.
    """
    strategy = config.strategy or tf.distribute.get_strategy()
    folder = config.folder()
    if config.shared_memory_eval:
        # If no server runs, better now than after the first steps.
        _load_environment(config, config.task_names[0], shared_memory=True).close()
    writes = cluster.is_chief(strategy)
    with folder_lock.held(folder, run_config.ELSEWHERE) if writes else contextlib.nullcontext():
        return _run_in(folder, config, strategy, report)


def _run_in(
    folder: pathlib.Path,
    config: run_config.RunConfig,
    strategy: tf.distribute.Strategy,
    report: progress.Report,
) -> dict[str, dict[str, float]]:
    tf.keras.utils.set_random_seed(config.seed)
    data = _read_data(config, folder)
    agent, train_step, average = _build_agent(config, data, strategy)
    newest = checkpoints.newest(folder, run_config.ELSEWHERE)
    if newest:
        checkpoints.check_fits(newest, agent.cloning_network, run_config.ELSEWHERE)
    cosine = learning_rate.ends(config.learning_rate_schedule)
    run_folder.record_or_compare(
        folder,
        config_files.bound_parameters(),
        {
            "task": config.task_names,
            "seed": config.seed,
            "data": data.train.fingerprint(),
            # The cosine's shape is part of what is trained.
            "cosine_steps": config.num_iterations if cosine else None,
        },
        continued=newest is not None,
        may_change=continuation.may_change,
        writes=cluster.is_chief(strategy),
        elsewhere=run_config.ELSEWHERE,
    )
    logging.info("This run is kept in %s", folder)
    return _Training(config, folder, strategy, data, agent, train_step, average, report).run()


def _read_data(config: run_config.RunConfig, folder: pathlib.Path) -> training_data.TrainingData:
    """Reads the demonstrations; records them first if that is asked for."""
    dataset_path, make_command = config.dataset_path, None
    if config.task_names:
        task = tasks.get_task(config.task_names[0])
        dataset_path = dataset_path or task.dataset_glob(config.image_obs)
        if config.generate_data:
            bindings = config_files.environment_bindings()
            demonstrations.ensure(task.name, dataset_path, config.image_obs, bindings)
        make_command = task.recording_command(config.image_obs)
        make_command += " (or add --generate_data here)" if task.oracles else ""
    dataset_path = cache.record_files(dataset_path, config.task_names)
    data = training_data.get_data(
        dataset_path,
        config.sequence_length,
        {name: _frame_specs(name, config.image_obs) for name in config.task_names},
        max_data_shards=config.max_data_shards,
        dataset_eval_fraction=config.dataset_eval_fraction,
        flatten_action=config.flatten_action,
        make_command=make_command,
        memory_limit_mb=config.memory_limit_mb,
        scratch_folder=folder,
        sequences=config.sequences,
        split=config.split,
    )
    logging.info("Data: %s; this process: %.0f MB.", data.described(), memory.resident_mb())
    return data


def _frame_specs(task: str, image_obs: bool) -> tuple[types.NestedArraySpec, types.NestedArraySpec]:
    """Returns the specs of one frame's observation and of the action."""
    environment = suite.load(task, use_image_obs=image_obs)
    specs = environment.observation_spec(), environment.action_spec()
    environment.close()
    return specs


def _load_environment(config: run_config.RunConfig, task: str, **options):
    return measured_environment.load(task, config.sequence_length, config.image_obs, **options)


def _build_agent(
    config: run_config.RunConfig, data: training_data.TrainingData, strategy: tf.distribute.Strategy
) -> tuple[tf_agent.TFAgent, tf.Variable, weight_average.WeightAverage | None]:
    """Builds the agent for the first task, or for the data alone, and the step counter.

    Where weights are averaged, also a second agent that has the averages.
    """
    if config.task_names:
        environment = _load_environment(config, config.task_names[0])
        time_step_spec, action_spec = agent_specs.of_environment(environment)
        environment.close()
    else:
        of_data = agent_specs.of_data(data.train.spec, config.sequence_length)
        time_step_spec, action_spec = of_data
    rate = learning_rate.get_schedule(
        "warmup" if config.use_warmup else config.learning_rate_schedule,
        config.learning_rate,
        config.decay_steps,
        config.num_iterations,
        config.warmup_steps,
    )
    with strategy.scope():
        train_step = train_utils.create_train_step()
        arguments = dict(
            action_spec=action_spec,
            normalizers=data.normalizers,
        )
        if data.fitted:
            arguments = sequences.build_arguments(time_step_spec, data.fitted)
        hidden_type = precision.hidden_type(config.mixed_precision)
        made = optimizer.get_optimizer(
            config.optimizer, rate, config.gradient_clipping, hidden_type == "float16"
        )

        def build() -> tf_agent.TFAgent:
            agent = build_agent.build_agent(
                time_step_spec,
                loss_type=config.loss_type,
                network=config.network,
                uniform_boundary_buffer=config.uniform_boundary_buffer,
                optimizer=made,
                train_step=train_step,
                seed=config.seed,
                mixed_precision=config.mixed_precision,
                **arguments,
            )
            if data.fitted:
                sequences.act_by_chunks(
                    agent, time_step_spec, action_spec, data.fitted, config.sequences
                )
            return agent

        agent, average = build(), None
        if data.normalizers and data.normalizers.maps:
            agent.normalizers = affine_maps.Record(data.normalizers.maps)
        if config.use_ema:
            average = weight_average.WeightAverage(
                agent.cloning_network, build(), config.ema_power, config.ema_max_decay
            )
    return agent, train_step, average


@dataclasses.dataclass(frozen=True)
class _Training:
    """A training whose parts are made, but for what trains, from the newest checkpoint on."""

    config: run_config.RunConfig
    folder: pathlib.Path
    strategy: tf.distribute.Strategy
    data: training_data.TrainingData
    agent: tf_agent.TFAgent
    train_step: tf.Variable
    average: weight_average.WeightAverage | None
    report: progress.Report

    def run(self) -> dict[str, dict[str, float]]:
        """Trains and evaluates; an end before time says what is known and saved."""
        config, learner, writes = self.config, self._learner(), cluster.is_chief(self.strategy)
        measured, evaluator = training_loop.Measurements(), None
        policy = (self.average.agent if self.average else self.agent).policy
        if writes:
            measured = measurements.make(
                config, self.data, self.agent, policy, learner, self.folder
            )
        if writes and not config.skip_eval:
            evaluator = self._evaluator(policy)
        pauses = schedule.Pauses(
            looks=config.fused_train_steps,
            evaluation=0 if config.skip_eval else config.eval_interval,
            validation=config.eval_loss_interval if self.data.validation else 0,
            action_error=config.train_action_mse_interval,
        )
        folder = self.folder if writes else None
        board = self._begun_board() if writes else None
        try:
            with cluster.in_step(self.strategy):
                results = training_loop.train(
                    learner,
                    folder,
                    config.num_iterations,
                    pauses,
                    evaluator,
                    measured,
                    self.report,
                )
            if board:
                board.end()
            return results
        except divergence.NotFiniteError as error:
            raise FloatingPointError(self._diverged(error)) from error
        except termination.Terminated as error:
            saved = training_loop.what_is_saved(learner, self.folder)
            raise termination.Terminated(saved) from error

    def _begun_board(self) -> run_board.RunBoard:
        """Begins what TensorBoard shows of the run as a whole."""
        config, bound = self.config, config_files.bound_parameters()
        board = run_board.RunBoard(self.folder)
        parameters = run_board.hyperparameters(
            run_folder.parse_bindings(bound),
            task=", ".join(config.task_names),
            seed=config.seed,
            loss_type=config.loss_type,
            network=config.network,
            batch_size=config.batch_size,
            learning_rate=config.learning_rate,
            num_iterations=config.num_iterations,
        )
        board.begin(bound, parameters)
        return board

    def _learner(self) -> learner_lib.BehavioralCloningLearner:
        config = self.config
        shares, replicas = cluster.shares(self.strategy)

        def batches() -> tf.data.Dataset:
            step = checkpoints.restored_step(self.folder)
            made = self.data.train.as_tf_dataset(
                config.batch_size, config.seed, step, shares=shares, num_shares=replicas
            )
            return made if batch_at else feeding.prefetched(made, self.strategy)

        batch_at, held = None, feeding.held_on_gpu(self.data.train, self.strategy)
        if held is not None:
            logging.info("Batches are gathered in the GPU's memory.")
            batch_at = functools.partial(
                held.batch_at, batch_size=config.batch_size, seed=config.seed
            )
        return learner_lib.BehavioralCloningLearner(
            self.folder,
            self.train_step,
            self.agent,
            batches,
            self.strategy,
            config.checkpoint_interval,
            config.policy_save_interval,
            average=self.average,
            batch_at=batch_at,
        )

    def _evaluator(self, policy: tf_policy.TFPolicy) -> evaluation.Evaluation:
        config = self.config
        load = functools.partial(
            measured_environment.load,
            sequence_length=config.sequence_length,
            image_obs=config.image_obs,
            shared_memory=config.shared_memory_eval,
            goal_tolerance=config.goal_tolerance,
        )
        return evaluation.Evaluation(
            config.task_names,
            load,
            training_loop.ended_by_signals(seeded_policy.greedy_act_fn(policy)),
            self.train_step,
            self.folder,
            config.eval_episodes,
            config.num_envs,
            config.video,
            config.viz_img,
            config_files.environment_bindings(),
            _plan_drawing(policy) if config.viz_img and self.data.fitted else None,
            _energy_drawing(config, policy) if config.viz_energy else None,
        )

    def _diverged(self, error: divergence.NotFiniteError) -> str:
        """Writes what is known of a loss that is not finite; returns one line about it."""
        train, config = self.data.train, self.config
        _, replicas = cluster.shares(self.strategy)

        def share_at(step: int, share: int) -> tuple:
            step = tf.constant(step, tf.int64)
            return train.batch_at(
                step, config.batch_size, config.seed, share=share, num_shares=replicas
            )

        windows = train.windows_at(error.step, config.batch_size, config.seed)
        advice = "Lower train_eval.learning_rate, or look for outliers in the data."
        return divergence.report(
            error, self.agent, share_at, windows, replicas, self.folder, advice
        )


def _plan_drawing(policy: tf_policy.TFPolicy) -> evaluation.DrawPlans:
    """Returns what draws the plans of a policy over action sequences."""
    from ibc.eval import plan_pictures  # Matplotlib takes long to import.

    return functools.partial(plan_pictures.write, policy)


def _energy_drawing(
    config: run_config.RunConfig, policy: tf_policy.TFPolicy
) -> evaluation.DrawEnergy:
    """Returns what draws the energy along an episode."""
    from ibc.train import energy_pictures  # Matplotlib takes long to import.

    return energy_pictures.EnergyPictures(config, policy)
