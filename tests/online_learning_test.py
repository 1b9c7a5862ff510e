"""Learning by interaction reaches its marks: an expert of the pendulum, and its imitations."""

import functools
import pathlib

import gin
import numpy as np
import pytest
import tensorflow as tf

from ibc.data.formats import convert
from ibc.online import (
    algorithms,
    configuration,
    demonstrations,
    episode_rows,
    experiment,
    expert_data,
    interaction_env,
    options,
    pretraining,
    run_config,
)
from ibc.rewards import learned_reward, measurements
from ibc.utils import keys, transitions

pytestmark = pytest.mark.slow

_TASK = "Pendulum-v1"
_SHOWN = 5
_BATCH = 128


# Ten episodes of the documented expert, seed 0. How well cloning goes depends on what is shown.
_EPISODES = pathlib.Path(__file__).parent / "testdata" / "pendulum_expert.npz"


@pytest.fixture(scope="module")
def expert(tmp_path_factory) -> str:
    """Returns the record file of an expert's episodes."""
    path = str(tmp_path_factory.mktemp("expert") / "pendulum.tfrecord")
    convert.convert(convert.open_source(_EPISODES), path)
    return path


@pytest.fixture(autouse=True)
def _fresh_gin():
    yield
    gin.clear_config()


def _train(
    folder: pathlib.Path, algorithm: str, steps: int, files=(), settings=(), **given
) -> dict:
    """Trains with the quick config and evaluates once, at the end."""
    bindings = [f"evaluation.interval = {steps}", "evaluation.episodes = 20"]
    configuration.configure(algorithm, None, ["pendulum_quick.gin", *files], bindings, settings)
    config = run_config.OnlineConfig(
        algorithm=algorithm,
        task=_TASK,
        steps=steps,
        root_dir=str(folder),
        tag=algorithm,
        num_envs=20,
        **given,
    )
    found = experiment.run(config)
    gin.clear_config()
    return found


def test_an_expert_is_trained_on_the_tasks_own_reward(expert, tmp_path):
    trained = _train(tmp_path, "SAC", steps=6000)
    best = np.mean([demonstration.steps.reward.sum() for demonstration in _shown(expert)])
    found = np.mean(trained["test_returns"][-1])
    assert demonstrations.normalized(found, _random_return(), best) >= 0.9


@pytest.mark.parametrize("seed", [0, 1])
def test_a_thousand_iterations_clone_five_of_its_trajectories(expert, tmp_path, seed):
    files = ["pendulum_bc_quick.gin"]
    settings = [f"imitation.trajectories={_SHOWN}"]
    found = _train(tmp_path, "BC", 1, files, settings, dataset_path=expert, seed=seed)
    assert np.mean(found["test_returns_normalized"][-1]) >= 0.95


@pytest.mark.parametrize(
    ("algorithm", "steps", "least"), [("SQIL", 4500, 0.9), ("GAIL", 8000, 0.8)]
)
def test_five_of_its_trajectories_are_imitated(expert, tmp_path, algorithm, steps, least):
    settings = [f"imitation.trajectories={_SHOWN}"]
    found = _train(tmp_path, algorithm, steps, settings=settings, dataset_path=expert)
    assert np.mean(found["test_returns_normalized"][-1]) >= least


@pytest.mark.parametrize(
    ("algorithm", "least"),
    [("GAIL", 0.85), ("GMMIL", 0.85), ("RED", 0.85), ("PWIL", 0.85), ("DRIL", 0.8)],
)
def test_a_reward_ranks_held_out_expert_transitions_above_random_ones(expert, algorithm, least):
    assert _auc(expert, algorithm) >= least


def test_disagreement_of_densities_ranks_the_wrong_way_round(expert):
    assert _auc(expert, "DRIL", ["imitation.uncertainty=density"]) <= 0.3


def _auc(expert: str, algorithm: str, settings=()) -> float:
    """Returns how probably a held-out expert transition is above one of random episodes."""
    configuration.configure(algorithm, None, ["pendulum_quick.gin"], [], settings)
    shown = _shown(expert)
    known, unseen = (expert_data.make(part) for part in (shown[:_SHOWN], shown[_SHOWN:]))
    learned = _learned(algorithm, known, _random_episodes(first_seed=1000))
    both = _joined(unseen, _random_episodes(first_seed=2000))
    values = _values(learned, both, known)
    return measurements.auc(*np.split(values, [len(unseen.rows.step)]))


def _learned(
    algorithm: str, known: expert_data.ExpertData, agent: expert_data.ExpertData
) -> learned_reward.LearnedReward:
    """Returns a reward that has learned from the expert's rows and from an agent's."""
    setting = algorithms.Setting(4, 1, _SHOWN, time_horizon=200, seed=0)
    learned = algorithms.get(algorithm).build(options.bound(), setting)
    for _ in pretraining.train(learned.pretrain, known.rows, learned.pretraining_steps, _BATCH, 0):
        pass
    learned.prepare(_constant(known.rows), _key(1))
    train = tf.function(lambda *batches, seed: learned.train(*batches, _no_policy, keys.Key(seed)))
    for step in range(1000):
        batches = [_drawn(rows, [step, i]) for i, rows in enumerate((agent.rows, known.rows))]
        if not train(*batches, seed=_key(step).seed):
            break  # it is not trained beside the policy
    return learned


def _values(
    learned: learned_reward.LearnedReward,
    data: expert_data.ExpertData,
    known: expert_data.ExpertData,
) -> np.ndarray:
    """Returns what transitions are worth; for DRIL, whose reward has two values, −u."""
    rows = _constant(data.rows)
    if hasattr(learned, "uncertainty"):
        masks = learned.actor.masks(5 * len(data.rows.step), _key(2))
        return -learned.uncertainty(rows, masks).numpy()
    if learned.moment is learned_reward.Moment.COLLECTION:
        ends = np.isin(np.arange(len(data.rows.step)), np.cumsum(data.lengths) - 1)
        return learned.rewards_of(data.rows, ends)
    return learned.reward(rows, _constant(known.rows), _no_policy, _key(2)).numpy()


@functools.cache
def _env() -> interaction_env.InteractionEnv:
    return interaction_env.load(_TASK)


def _shown(path: str) -> list[expert_data.Demonstration]:
    return demonstrations.read(_TASK, path, _env(), absorbing=True)


def _random_episodes(first_seed: int) -> expert_data.ExpertData:
    """Returns the transitions of five episodes of random actions."""
    parts = []
    for seed in range(first_seed, first_seed + 5):
        draw = np.random.default_rng(seed)
        seen, steps, is_end = _env().reset(seed), [], False
        while not is_end:
            action = draw.uniform(-1, 1, 1).astype(np.float32)
            outcome = _env().step(action)
            steps.append((seen, action, np.float32(outcome.reward), outcome.observation))
            seen, is_end = outcome.observation, outcome.is_end
        taken = episode_rows.Steps(*map(np.stack, zip(*steps, strict=True)))
        parts.append(expert_data.Demonstration(taken, terminated=False))
    return expert_data.make(parts)


@functools.cache
def _random_return() -> float:
    draw = np.random.default_rng(0)
    act = lambda seen: draw.uniform(-1, 1, [len(seen), 1])  # noqa: E731
    return float(np.mean(interaction_env.greedy_returns([_env()], act, episodes=30)))


def _joined(*parts: expert_data.ExpertData) -> expert_data.ExpertData:
    rows = episode_rows.joined([part.rows for part in parts])
    return expert_data.ExpertData(rows, np.concatenate([part.lengths for part in parts]))


def _drawn(rows: transitions.Transitions, seed: list[int]) -> transitions.Transitions:
    places = np.random.default_rng(seed).integers(len(rows.step), size=_BATCH)
    return _constant(episode_rows.taken(rows, places))


def _constant(rows: transitions.Transitions) -> transitions.Transitions:
    return transitions.Transitions(*map(tf.constant, rows))


def _key(number: int) -> keys.Key:
    return keys.Key(tf.constant([0, number]))


def _no_policy(observation: tf.Tensor, action: tf.Tensor) -> tf.Tensor:
    del action
    return tf.zeros(tf.shape(observation)[:1])
