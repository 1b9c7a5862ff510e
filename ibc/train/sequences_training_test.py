"""Every agent learns chunks of actions, goes on after a stop, and acts when it is exported."""

import json

import numpy as np
import pytest
import tensorflow as tf
from tf_agents.trajectories import time_step as ts

from ibc.train.loop import training_loop
from ibc.train.run import policy_export
from tests import training

SEQUENCES = (
    "train_eval.batch_size = 32",
    "train_eval.sequence_length = 2",
    "train_eval.action_horizon = 4",
    "train_eval.action_steps = 2",
    "train_eval.validation_ratio = 0.2",
    "train_eval.eval_loss_interval = 2",
    "train_eval.eval_episodes = 2",
    "train_eval.num_envs = 2",
    "train_eval.checkpoint_interval = 2",
    "train_eval.policy_save_interval = 4",
    "sequence_coding.reference = 'pos_agent'",
    "sequence_coding.components = 3",
    "compute_dataset_statistics.min_max_actions = False",
    "MLPEBM.width = 16",
    "MLPMSE.width = 16",
    "MLPMDN.width = 16",
    "IbcPolicy.num_action_samples = 16",
    "ImplicitBCAgent.num_counter_examples = 8",
    "AutoregressiveBCAgent.num_counter_examples = 8",
    "langevin_actions_given_obs.num_iterations = 3",
)
AGENTS = {
    "mlp_ebm_quick.gin": (),
    "mlp_ebm_langevin_quick.gin": (),
    "mlp_ebm_autoregressive_quick.gin": (),
    "mlp_mse_quick.gin": (),
    "pushing_states/mlp_mdn_quick.gin": (),
    "normal": (
        "sequence_coding.counter_examples = 'normal'",
        "ImplicitBCAgent.fraction_langevin_samples = 0.0",
        "ImplicitBCAgent.add_grad_penalty = False",
        "train_eval.mixed_precision = True",
        "train_eval.train_action_mse_interval = 2",
        "train_eval.use_ema = True",
    ),
}


def run(folder, data, *bindings, agent="mlp_ebm_quick.gin", **fields):
    config = agent if agent.endswith(".gin") else "mlp_ebm_quick.gin"
    given = [*SEQUENCES, *AGENTS[agent], *bindings]
    return training.run(config, given, folder, dataset_path=data, **fields)


@pytest.fixture
def no_export(monkeypatch):
    """Leaves out what is slow where nobody looks at it."""
    monkeypatch.setattr(policy_export.PolicyExporter, "save_models", lambda self: None)


@pytest.mark.parametrize(
    "agent",
    [
        pytest.param(
            name, marks=[] if name in ("normal", "mlp_mse_quick.gin") else pytest.mark.slow
        )
        for name in AGENTS
    ],
)
def test_agents_learn_chunks_and_act_by_them(tmp_path, particle_data, agent):
    results = run(tmp_path, particle_data, "train_eval.num_iterations = 4", agent=agent)
    assert np.isfinite(results["PARTICLE"]["AverageReturn"])
    loaded = tf.saved_model.load(str(tmp_path / "policies" / "greedy_policy"))
    state, actions = loaded.get_initial_state(1), []
    for step in range(5):
        observation = {
            key: tf.fill([1, 2, 2], 0.1 * step)
            for key in ("pos_agent", "vel_agent", "pos_first_goal", "pos_second_goal")
        }
        step_type = tf.constant([ts.StepType.FIRST if step == 0 else ts.StepType.MID], tf.int32)
        time_step = ts.TimeStep(step_type, tf.zeros(1), tf.ones(1), observation)
        taken = loaded.action(time_step, state)
        state = taken.state
        actions.append(taken.action.numpy())
    assert np.all(np.isfinite(actions)) and np.min(actions) >= 0 and np.max(actions) <= 1
    if agent == "normal":
        _check_acts_by_averages(loaded, training.numbers(tmp_path))


def _check_acts_by_averages(loaded, numbers):
    """Exported weights are the checkpoint's averages, bit for bit, and not those in training."""
    exported = {np.asarray(variable).tobytes() for variable in loaded.model_variables}
    averages = {
        name: value
        for name, value in numbers.items()
        if "/weight_average/agent/_cloning_network/" in name and value.ndim == 2
    }
    assert len(averages) > 2
    for name, value in averages.items():
        assert value.tobytes() in exported
        trained = numbers[name.replace("/weight_average/agent/", "/")]
        assert trained.tobytes() not in exported


@pytest.mark.usefixtures("no_export")
def test_a_plan_of_one_action_is_the_usual_training(tmp_path, particle_data):
    """Bit for bit: with `action_horizon` = 1 bound, and without."""
    small = ("train_eval.num_iterations = 3", "train_eval.batch_size = 32", "MLPEBM.width = 16")
    for name, bound in (("unbound", ()), ("bound", ("train_eval.action_horizon = 1",))):
        given, folder = (*small, *bound), tmp_path / name
        data = particle_data
        training.run("mlp_ebm_quick.gin", given, folder, dataset_path=data, skip_eval=True)
    one, other = (training.numbers(tmp_path / name) for name in ("unbound", "bound"))
    assert not training.differing(one, other)


@pytest.mark.slow
def test_runs_are_the_same_stopped_or_streamed(tmp_path, particle_data, monkeypatch):
    """Bit for bit: eight steps at once, stopped within an evaluation, and from disk."""
    bindings = (
        "train_eval.num_iterations = 8",
        "train_eval.optimizer = 'adamw'",
        "train_eval.learning_rate_schedule = 'cosine_warmup'",
        "train_eval.warmup_steps = 3",
        # So that metrics differ in the digits that names of checkpoints show.
        "train_eval.learning_rate = 0.05",
        "train_eval.eval_interval = 2",
        "train_eval.policy_save_interval = 8",
        "train_eval.top_k_metric = 'AverageFirstGoalDistance'",
        "train_eval.top_k_mode = 'min'",
        "train_eval.top_k_checkpoints = 2",
    )

    def trained(name, *more):
        run(tmp_path / name, particle_data, *bindings, *more, agent="normal")
        top_k = tmp_path / name / "policies" / "top_k"
        best = json.loads((top_k / "top_k.json").read_text())
        assert len(best["kept"]) == 2 and best["last_step"] == 8
        kept = [training.numbers_in(top_k / of / "variables/variables") for of, _ in best["kept"]]
        return best, training.numbers(tmp_path / name), *kept

    def stopping(act):
        # Within the first episode, of the seed 0, of the second evaluation, at step 4.
        begun = []

        def stopped(time_step, seeds, *wave):
            begun.extend(row for row in seeds.tolist() if row == [0, 0])
            if len(begun) == 2 and [0, 20] in seeds.tolist():
                raise KeyboardInterrupt
            return act(time_step, seeds, *wave)

        return stopped

    best, *whole = trained("whole")
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(training_loop, "ended_by_signals", stopping)
        trained("parts")
    newest = tf.train.latest_checkpoint(str(tmp_path / "parts" / "train" / "checkpoints"))
    assert newest.endswith("ckpt-4"), newest
    for name, more in (("parts", ()), ("streamed", ("train_eval.memory_limit_mb = 0.3",))):
        found_best, *found = trained(name, *more)
        assert found_best == best
        assert not any(map(training.differing, found, whole))


@pytest.mark.slow
@pytest.mark.usefixtures("no_export")
def test_episodes_do_not_depend_on_how_many_run_side_by_side(tmp_path, particle_data):
    found = [
        run(tmp_path / str(count), particle_data, "train_eval.num_iterations = 2",
            f"train_eval.num_envs = {count}", "train_eval.eval_episodes = 3")
        for count in (1, 3)
    ]  # fmt: skip
    # Products of other batches are rounded otherwise.
    assert found[0]["PARTICLE"] == pytest.approx(found[1]["PARTICLE"], rel=1e-5)


@pytest.mark.parametrize(
    ("bindings", "message"),
    [
        (["train_eval.horizon = 4"], "horizon is 4, but .* need 5 rows"),
        (["train_eval.action_steps = 5"], "action_steps is 5, but a chunk has 4 actions"),
        (["train_eval.latency_steps = 4"], "latency_steps is 4, but a chunk has .* 4 actions"),
        (["train_eval.action_horizon = 400"], "no episode of .* is long enough .* 401 rows"),
        (["train_eval.dataset_eval_fraction = 0.5"], "set train_eval.validation_ratio"),
        (["sequence_coding.reference = 'pos'"], "reference is 'pos', but the observations of"),
        (
            ["train_eval.action_horizon = 1", "sequence_coding.reference = None"],
            "action_steps is of action sequences: set train_eval.action_horizon above 1",
        ),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, particle_data, bindings, message):
    with pytest.raises(ValueError, match=message):
        run(tmp_path, particle_data, *bindings)
