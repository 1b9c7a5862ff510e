"""What is wrong with a command is one line, and nothing is written."""

import gin
import pytest

from ibc.online import algorithms, configuration, options
from tests import commands, training

_PENDULUM = "Pendulum-v1"


@pytest.fixture(scope="module")
def expert(tmp_path_factory) -> str:
    """Records an episode of random actions; returns the binding of its record file."""
    path = str(tmp_path_factory.mktemp("expert") / "pendulum.tfrecord")
    training.record(_PENDULUM, path, "random", num_episodes=1)
    return f"--gin_bindings=online_train_eval.dataset_path = {path!r}"


@pytest.mark.parametrize(
    ("algorithm", "setting", "message"),
    [
        ("GAIL", "imitation.trajectory=5", "no option imitation.trajectory. Did you mean imit"),
        ("GAIL", "imitation.loss_function=Mixpu", "imitation.loss_function must.*mean 'Mixup'"),
        ("GAIL", "imitation.discriminator.reward_function=AIRI", "must be one of.*mean 'AIRL'"),
        ("GAIL", "imitation.discriminator.activation=rleu", "discriminator.activation must"),
        ("GAIL", "imitation.discriminator.dropout=1", "dropout must be below 1"),
        ("GAIL", "imitation.discriminator.hidden_size=0", "hidden_size must be a whole number"),
        ("GAIL", "imitation.mixup_alpha=0", "imitation.mixup_alpha must be a positive number"),
        ("GAIL", "imitation.pos_class_prior=1.5", r"imitation.pos_class_prior must be in \[0, 1"),
        ("GAIL", "imitation.nonnegative_margin=-1", "must be 'inf' or a number from 0 on"),
        ("GAIL", "imitation.nonnegative_margin=abc", "must be 'inf' or a number from 0 on"),
        ("GAIL", "imitation.grad_penalty=-1", "imitation.grad_penalty must not be a negative"),
        ("GAIL", "imitation.entropy_bonus=-1", "imitation.entropy_bonus must not be a negative"),
        ("GAIL", "imitation.reward_clip=-1", "imitation.reward_clip must be a positive number"),
        ("GAIL", "imitation.state_only=maybe", "imitation.state_only must be True or False"),
        ("GAIL", "imitation.mix_expert_data=mixed", "must be one of.*mean 'mixed_batch'"),
        ("GAIL", "imitation.mix_expert_data=prefill_memory", "GAIL cannot use"),
        ("AdRIL", "imitation.mix_expert_data=none", "AdRIL cannot use.*give 'mixed_batch'"),
        ("AdRIL", "imitation.update_freq=-1", "imitation.update_freq must be a whole number"),
        ("AdRIL", "imitation.normalise_by=rounds", "must be one of.*mean 'round'"),
        ("DRIL", "imitation.state_only=true", "DRIL has no reward of states alone"),
        ("DRIL", "imitation.quantile_cutoff=1.5", r"imitation.quantile_cutoff must be in \[0, 1"),
        ("DRIL", "imitation.uncertainty=men", "must be one of.*mean 'mean'"),
        ("DRIL", "imitation.ensemble_size=1", "imitation.ensemble_size must be .* at least 2"),
        ("RED", "imitation.sigma=publishd", "must be one of.*mean 'published'"),
        ("PWIL", "imitation.reward_scale=-1", "imitation.reward_scale must be a positive number"),
        ("SAC", "reinforcement.critic.activation=rleu", "reinforcement.critic.activation must"),
        ("SAC", "reinforcement.actor.hidden_size=-4", "reinforcement.actor.hidden_size must be"),
        ("SAC", "reinforcement.absorbing_mask=publishd", "must be one of.*mean 'published'"),
        ("SAC", "reinforcement.discount=1.1", r"reinforcement.discount must be in \[0, 1\]"),
        ("SAC", "env=ant", "give --task=ant"),
    ],
)
def test_options_that_are_none(algorithm, setting, message):
    with pytest.raises(ValueError, match=message):
        configuration.configure(algorithm, settings=[setting])
        algorithms.check(algorithm, options.bound())
    gin.clear_config()


@pytest.mark.parametrize(
    ("task", "arguments", "message"),
    [
        (_PENDULUM, "--algorithm=BC --set=training.batch_size=999", "the expert data has 200 tr"),
        (_PENDULUM, "--algorithm=RED --set=training.batch_size=999", "the expert data has 200 tr"),
        (_PENDULUM, "--algorithm=GAIL --set=imitation.trajectories=2", "the expert data has 1"),
        (_PENDULUM, "--algorithm=GAIL --optimised=PWIL_5_trajectories", "is tuned for PWIL"),
        (_PENDULUM, "--algorithm=GAIL --optimised=GAIL_6_trajectories", "mean GAIL_5_trajectories"),
        ("MountainCarContinuous-v0", "--algorithm=GAIL", "has observations of 3 numbers, but"),
        ("PARTICLE", "--algorithm=PWIL", "give record files of this task"),
        ("CartPole-v1", "--algorithm=SAC", "has actions Discrete(2)"),
        ("Pendulm-v1", "--algorithm=SAC", "did you mean Pendulum-v1"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(
    task, arguments, message, expert, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    given = [f"--task={task}", *arguments.split(), expert]
    status, output, errors = commands.in_process("online_train_eval", given)
    assert (status, output, len(errors)) == (1, "", 1)
    assert errors[0].startswith("error: ") and message in errors[0]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--algorithm=BC --set=bc_pretraining.learning_rate=1e38", "Cloning: loss is nan at step"),
        ("--algorithm=RED --set=imitation.learning_rate=1e38", "Reward: embedding_loss is nan at"),
    ],
)
def test_a_loss_that_is_not_finite_names_step_and_model(
    arguments, message, expert, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    small = ("bc_pretraining.iterations=100", "imitation.pretraining.iterations=100")
    given = [*arguments.split(), *(f"--set={s}" for s in small), "--set=training.batch_size=8"]
    if "RED" in arguments:
        given.remove(f"--set={small[0]}")
    status, _, errors = commands.in_process(
        "online_train_eval", [f"--task={_PENDULUM}", *given, expert]
    )
    assert status == 3 and len(errors) == 1 and message in errors[0]
