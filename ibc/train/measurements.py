"""What a run measures besides its losses and evaluations, and the checkpoints it keeps by that."""

import pathlib

from tf_agents.agents import tf_agent
from tf_agents.policies import tf_policy

from ibc.train import run_config
from ibc.train.build import training_data
from ibc.train.loop import action_error, training_loop
from ibc.train.loop import learner as learner_lib
from ibc.train.run import top_k


def make(
    config: run_config.RunConfig,
    data: training_data.TrainingData,
    agent: tf_agent.TFAgent,
    policy: tf_policy.TFPolicy,
    learner: learner_lib.BehavioralCloningLearner,
    folder: pathlib.Path,
) -> training_loop.Measurements:
    """Makes what a run's parameters ask for.

    Args:
      config: the run's parameters.
      data: what it reads.
      agent: the agent in training, whose validation loss is taken.
      policy: acts by its weights, or by their average.
      learner: makes the training steps.
      folder: the run's folder.

    Raises:
      ValueError: the best checkpoints are to be chosen by the validation loss, but there is no
        validation data; or the list of them is damaged.
    """
    validate = measure_error = best = None
    writer, train_step = learner.train_summary_writer, learner.train_step
    if data.validation:
        validate = training_loop.validation_loss(
            agent,
            data.validation,
            config.batch_size,
            config.seed,
            writer,
            train_step,
            # Losses of different windows say little about which weights are better.
            config.eval_loss_on_all or config.top_k_metric == "val_loss",
        )
    if config.train_action_mse_interval:
        first_batch = data.train.windows_at(0, config.batch_size, config.seed)
        measure_error = action_error.ActionError(
            policy, data.train.as_stored(), first_batch, config.seed, writer, train_step
        )
    if config.top_k_metric:
        best = _make_top_k(config, data, learner, folder / "policies" / "top_k")
    return training_loop.Measurements(validate, measure_error, best)


def _make_top_k(
    config: run_config.RunConfig,
    data: training_data.TrainingData,
    learner: learner_lib.BehavioralCloningLearner,
    folder: pathlib.Path,
) -> top_k.TopKFolder:
    if config.top_k_metric == training_loop.VALIDATION_LOSS and not data.validation:
        raise ValueError(
            f"train_eval.top_k_metric is {config.top_k_metric!r}, but there is no validation data: "
            "set train_eval.validation_ratio, a share of the episodes, above 0."
        )
    steps_per_epoch = max(1, data.train.num_windows // config.batch_size)
    return top_k.TopKFolder(
        folder,
        top_k.TopK(config.top_k_metric, config.top_k_checkpoints, config.top_k_mode),
        learner.save_best,
        lambda step: step // steps_per_epoch,
    )
