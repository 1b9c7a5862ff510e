"""What training and acting compute, as numbers to compare between two versions of this project.

    python benchmarks/same_numbers.py > after.txt     # in each version; then diff the two files

For each config: the losses of five training steps, a hash of the weights after them, greedy actions
in three observations, a hash of the samples that they are chosen from, and how many nodes the
graphs have. Data, weights and noise follow from fixed seeds, so on one machine two versions that
compute the same print the same bits. Another graph may change the last bits: a difference is to be
explained, not necessarily a mistake.
"""

import hashlib
import multiprocessing
from concurrent import futures

from ibc.utils import startup

startup.import_tensorflow_quietly()

# isort: split
import machine
import numpy as np
import tensorflow as tf
import training_limits
import untrained
from absl import app

from ibc.agents import greedy_policy

_STEPS = 5

_PUSH, _PARTICLE = ("PUSH", "mlp_ebm_quick"), ("PARTICLE", "mlp_ebm_langevin_quick")
_FEWER_STEPS = "langevin_actions_given_obs.num_iterations = 5"
_FEWER_EXAMPLES = "train_eval.batch_size = 32"
_VARIANTS = (
    (*_PUSH, ["MLPEBM.rate = 0.1"]),
    (*_PUSH, ["MLPEBM.dense_layer_type = 'spectral_norm'"]),
    (*_PUSH, ["ImplicitBCAgent.fraction_dfo_samples = 0.5", _FEWER_EXAMPLES]),
    (*_PUSH, ["IbcPolicy.warm_start_fraction = 0.5", "IbcPolicy.use_langevin = True"]),
    (*_PUSH, ["ResNetLayer.normalizer = 'Layer'"]),
    (*_PARTICLE, ["ImplicitBCAgent.ebm_loss_type = 'cd_kl'", _FEWER_STEPS, _FEWER_EXAMPLES]),
    (*_PARTICLE, ["ImplicitBCAgent.jit_compile = True", _FEWER_STEPS, _FEWER_EXAMPLES]),
    ("PARTICLE", "mlp_ebm_autoregressive_quick", [_FEWER_EXAMPLES]),
)


def describe(task: str, config: str, bindings: list[str], mixed_precision: bool) -> str:
    """Returns the lines of one config."""
    tf.keras.utils.set_random_seed(0)
    built = untrained.build(task, config, bindings, mixed_precision)
    train = tf.function(lambda: built.agent.train(built.batch).loss).get_concrete_function()
    losses = [float(train().numpy()).hex() for _ in range(_STEPS)]
    weights = hashlib.sha256()
    for variable in built.agent.cloning_network.variables:
        weights.update(variable.numpy().tobytes())
    greedy = greedy_policy.SeededGreedyPolicy(built.agent.policy)
    step = _three_steps(built.agent.time_step_spec)
    state = greedy.get_initial_state(3)
    act = tf.function(
        lambda: greedy.action(step, state, seed=tf.constant([[7, i] for i in range(3)]))
    ).get_concrete_function()
    actions = act().action.numpy()
    samples = hashlib.sha256()
    if hasattr(built.agent.policy, "seeded_distribution"):
        found = built.agent.policy.seeded_distribution(step, tf.constant([7, 0]), state).action
        for values in (found.mapped_values, found.logits):
            samples.update(values.numpy().tobytes())
    nodes = [_num_nodes(function) for function in (train, act)]
    return "\n".join(
        [
            f"{task} {config} {'mixed ' if mixed_precision else ''}{'; '.join(bindings)}".rstrip(),
            f"  losses {' '.join(losses)}",
            f"  weights {weights.hexdigest()[:16]}",
            f"  actions {' '.join(float(value).hex() for value in actions.ravel())}",
            f"  samples {samples.hexdigest()[:16]}",
            f"  nodes {nodes[0]} in training, {nodes[1]} in acting",
        ]
    )


def _three_steps(spec):
    """Returns time steps in the middle of three episodes, with some observation."""
    random = np.random.RandomState(0)

    def drawn(leaf: tf.TensorSpec) -> tf.Tensor:
        return tf.constant(random.uniform(0, 0.5, [3, *leaf.shape]), leaf.dtype)

    return tf.nest.map_structure(drawn, spec)._replace(step_type=tf.ones([3], tf.int32))


def _num_nodes(function) -> int:
    graph = function.graph.as_graph_def()
    return len(graph.node) + sum(len(inner.node_def) for inner in graph.library.function)


def main(_) -> None:
    cases = [(task, config, []) for task, config in training_limits.CASES]
    if machine.QUICK.value:
        cases = [(task, config, []) for task, config, _ in training_limits.QUICK_CASES]
    else:
        cases += _VARIANTS
    for case in cases:
        for mixed_precision in (False, True) if len(case[2]) == 0 else (False,):
            # What a process has computed before may be compiled into what comes.
            with futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
                print(process.submit(describe, *case, mixed_precision).result(), flush=True)


if __name__ == "__main__":
    app.run(main)
