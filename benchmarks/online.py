"""Updates per second of learning by interaction, on one core, against their matrix products alone.

    python benchmarks/online.py

SAC, and whole GAIL steps (discriminator, reward, SAC), with the sizes that the published figures
are about: batches of 256, two hidden layers of 256, 18 observations, 6 actions. Each line is the
best of several rounds by turns, so that a busy machine slows all of them alike.
"""

import os

os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = "1"

from ibc.utils import startup

startup.import_tensorflow_quietly()

# isort: split
import itertools
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from absl import app, flags
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts

from ibc.agents import sac_agent
from ibc.networks import discriminator, tanh_gaussian, twin_critic
from ibc.rewards import adversarial, learned_reward
from ibc.utils import keys, transitions

_ROWS, _OBSERVATIONS, _ACTIONS, _WIDTH = 256, 18, 6, 256
_ROUNDS, _UPDATES = 5, 60
_QUICK = flags.DEFINE_bool("quick", False, "Measure for a moment only, to see that all runs.")
_PROGRESS = learned_reward.Progress(tf.constant(1.0), tf.constant(1.0))


def _batch(seed: int) -> transitions.Transitions:
    random = np.random.RandomState(seed)
    rows = {name: np.zeros(_ROWS) for name in transitions.Transitions._fields}
    rows |= {"discount": np.ones(_ROWS), "weight": np.ones(_ROWS), "reward": random.randn(_ROWS)}
    for name in ("observation", "next_observation"):
        rows[name] = random.randn(_ROWS, _OBSERVATIONS)
    rows["action"] = random.uniform(-0.9, 0.9, [_ROWS, _ACTIONS])
    return transitions.Transitions(**{n: tf.constant(v, tf.float32) for n, v in rows.items()})


def _agent() -> sac_agent.AbsorbingSacAgent:
    spec = ts.time_step_spec(tensor_spec.TensorSpec([_OBSERVATIONS], tf.float32))
    actions = tensor_spec.BoundedTensorSpec([_ACTIONS], tf.float32, -1, 1)
    critics = [twin_critic.TwinCritic(_OBSERVATIONS, _ACTIONS, seed=seed) for seed in (0, 1)]
    actor = tanh_gaussian.TanhGaussian(_OBSERVATIONS, _ACTIONS, seed=0)
    return sac_agent.AbsorbingSacAgent(spec, actions, actor, *critics)


def _products() -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns a function that makes the matrix products of an update, forward and backward.

    Forward: the actor at s' and s, four critics at s' and s, two at (s, ã). Backward: two critics
    and the actor for weights and inputs, two critics for inputs alone.
    """
    random = tf.random.Generator.from_seed(0)
    wide = _OBSERVATIONS + _ACTIONS
    networks = {"actor": [_OBSERVATIONS, _WIDTH, _WIDTH, 2 * _ACTIONS]}
    networks["critic"] = [wide, _WIDTH, _WIDTH, 1]
    values = {
        name: [(random.normal([_ROWS, a]), random.normal([a, b]), random.normal([_ROWS, b]))
               for a, b in itertools.pairwise(sizes)]
        for name, sizes in networks.items()
    }  # fmt: skip
    forward = {"actor": 2, "critic": 6}
    of_weights, of_inputs = {"actor": 1, "critic": 2}, {"actor": 1, "critic": 4}

    def multiply(scale: tf.Tensor) -> tf.Tensor:
        results = []
        for name, layers in values.items():
            for inputs, kernel, outputs in layers:
                for i in range(forward[name]):
                    results.append(tf.matmul(inputs * (scale + i), kernel))
                for i in range(of_weights[name]):
                    results.append(tf.matmul(inputs * (scale + i), outputs, transpose_a=True))
                for i in range(of_inputs[name]):
                    results.append(tf.matmul(outputs * (scale + i), kernel, transpose_b=True))
        return tf.add_n([tf.reduce_max(result) for result in results])

    return multiply


def _gail_step(agent: sac_agent.AbsorbingSacAgent) -> Callable[[tf.Tensor], tuple]:
    judge = discriminator.Discriminator(
        _OBSERVATIONS, _ACTIONS, hidden_size=64, depth=1, spectral_norm=True
    )
    learned = adversarial.AdversarialReward(judge)
    ours, expert = _batch(0), _batch(1)

    def log_policy(observation: tf.Tensor, action: tf.Tensor) -> tf.Tensor:
        return tanh_gaussian.log_prob(*agent.actor.moments(observation), action)

    def step(seed: tf.Tensor) -> tuple:
        of_training, of_reward, of_update = keys.Key(seed).split(3)
        learned.train(ours, expert, log_policy, of_training)
        batch = learned.learner_batch(ours, expert, log_policy, _PROGRESS, of_reward)
        return agent.update(batch, agent.noise(_ROWS, of_update))[:3]

    return step


def main(argv: list[str]) -> None:
    """Prints updates per second of processor time, and ratios."""
    del argv
    agent, batch = _agent(), _batch(0)
    multiply = tf.function(_products())
    steps = {
        "products of SAC": lambda seed: multiply(tf.cast(seed[1], tf.float32)),
        "SAC": tf.function(
            lambda seed: agent.update(batch, agent.noise(_ROWS, keys.Key(seed)))[:3]
        ),
        "GAIL and SAC": tf.function(_gail_step(_agent())),
    }
    best = dict.fromkeys(steps, 0.0)
    rounds, updates = (1, 2) if _QUICK.value else (_ROUNDS, _UPDATES)
    for number in range(rounds + 1):
        for name, step in steps.items():
            start = time.process_time()
            for update in range(updates):
                step(tf.constant([number, update]))
            rate = updates / (time.process_time() - start)
            best[name] = max(best[name], rate if number else 0.0)
    for name, rate in best.items():
        ratio = rate / best["products of SAC"]
        print(f"{name:16} {rate:7.0f} per processor second, {ratio:.2f} of the products alone")


if __name__ == "__main__":
    app.run(main)
