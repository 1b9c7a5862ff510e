"""How long implicit policies take to act, against the products that their samplers ask for.

    python benchmarks/actions.py [--quick]

For each config, at batch 1 and 16: the shortest time of a greedy action, the products of the
network's layers in it, and how long the machine takes for these alone.
"""

import dataclasses

from ibc.utils import startup

startup.import_tensorflow_quietly()

# isort: split
import gin
import machine
import numpy as np
import products
import tensorflow as tf
import untrained
from absl import app
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts

from ibc.eval import seeded_policy

CASES = (
    ("PUSH", "mlp_ebm"),
    ("PUSH", "mlp_ebm_quick"),
    ("PUSH", "mlp_ebm_langevin"),
    ("PARTICLE", "mlp_ebm_langevin"),
)
QUICK_CASES = (("PUSH", "mlp_ebm_quick"),)


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of the table."""

    task: str
    config: str
    mixed_precision: bool
    batch: int
    milliseconds: float
    gflop: float
    share: float
    """Of the machine's rate of products in float32."""


def action_flops(network) -> float:
    """Counts multiplications and additions of the layers for one greedy action."""

    def bound(name: str, default):
        try:
            return gin.query_parameter(name)
        except ValueError:
            return default

    scorings = 0
    if bound("IbcPolicy.use_dfo", False):
        scorings += bound("iterative_dfo.num_iterations", 3)
    if bound("IbcPolicy.use_langevin", True):
        chains = 2 if bound("IbcPolicy.optimize_again", False) else 1
        # Forward and backward at each step, and the last scoring.
        scorings += 2 * chains * bound("langevin_actions_given_obs.num_iterations", 25) + 1
    samples = gin.query_parameter("IbcPolicy.num_action_samples")
    return 2 * scorings * samples * products.per_sample(network)


def measure(task: str, config: str, mixed_precision: bool, seconds: float) -> list[Row]:
    """Measures one config at batch 1 and 16."""
    policy = untrained.build(task, config, mixed_precision=mixed_precision).agent
    network, policy = policy.cloning_network, policy.policy
    act = seeded_policy.greedy_act_fn(policy)
    width = network.trainable_variables[0].shape[-1]
    limit = machine.matmul_flops(machine.ROWS, width, seconds=min(seconds, 3.0))
    rows = []
    for batch in (1, 16):
        observation = tensor_spec.sample_spec_nest(
            tf.nest.map_structure(
                lambda s: tensor_spec.BoundedTensorSpec(s.shape, s.dtype, 0.0, 1.0),
                policy.time_step_spec.observation,
            ),
            outer_dims=[batch],
        )
        observation = tf.nest.map_structure(lambda tensor: tensor.numpy(), observation)
        time_step = tf.nest.map_structure(np.asarray, ts.restart(observation, batch))
        seeds = np.zeros([batch, 2], np.int32)
        taken = machine.best_seconds(lambda t=time_step, s=seeds: act(t, s), seconds)
        flops = batch * action_flops(network)
        rows.append(
            Row(
                task,
                config,
                mixed_precision,
                batch,
                1e3 * taken,
                flops / 1e9,
                flops / taken / limit,
            )
        )
    return rows


def rows(quick: bool) -> list[Row]:
    """Measures every case, in float32 and in mixed precision."""
    found = []
    for task, config in QUICK_CASES if quick else CASES:
        for mixed_precision in (False, True):
            for row in measure(task, config, mixed_precision, 0.1 if quick else 5.0):
                print(
                    f"{task:8} {config:18} {'mixed' if mixed_precision else 'float32':7} "
                    f"batch {row.batch:2} {row.milliseconds:9.2f} ms {row.gflop:8.2f} GFLOP "
                    f"{row.share:6.1%} of float32 products",
                    flush=True,
                )
                found.append(row)
    return found


def main(_) -> None:
    rows(machine.QUICK.value)


if __name__ == "__main__":
    app.run(main)
