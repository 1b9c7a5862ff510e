"""Training steps against the machine's rate of matrix products.

    python benchmarks/training_limits.py [--quick]

For each config: training steps per second on a batch that is there, the floating-point operations
that such a step cannot do without, their rate, and its share of the rate at which the machine
multiplies matrices of the network's width, in float32 and in mixed precision. Operations are
counted for what the algorithm asks: every product of the layers, forward and backward, where two
linear layers one after the other are one.
"""

import dataclasses
import resource

from ibc.utils import startup

startup.import_tensorflow_quietly()

# isort: split
import gin
import machine
import products
import tensorflow as tf
import untrained
from absl import app

_ROWS = 4096
CASES = (
    ("PUSH", "mlp_ebm"),
    ("PUSH", "mlp_ebm_quick"),
    ("PUSH", "mlp_ebm_langevin"),
    ("PUSH", "mlp_mse"),
    ("PUSH", "mlp_mdn_best"),
    ("PARTICLE", "mlp_ebm_langevin"),
    ("PARTICLE", "mlp_mse"),
)
QUICK_CASES = (("PUSH", "mlp_ebm_quick"), ("PARTICLE", "mlp_mse"))


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of the table."""

    task: str
    config: str
    mixed_precision: bool
    steps_per_second: float
    gflop_per_step: float
    gflops: float
    """10⁹ operations per second."""
    share: float
    """Of the machine's rate in float32."""
    peak_memory_mb: float
    """Largest resident memory of the process so far."""


def step_flops(agent, batch_size: int) -> float:
    """Counts multiplications and additions of the layers in one training step."""
    network = agent.cloning_network
    if not type(network).__name__.endswith("EBM"):
        # Forward, and backward to inputs and weights.
        return 2 * 3 * batch_size * products.all_layers(network)
    counters = gin.query_parameter("ImplicitBCAgent.num_counter_examples")
    samples = batch_size * (counters + 1)
    penalized = gin.query_parameter("ImplicitBCAgent.add_grad_penalty")
    # With the penalty, the gradient to actions is itself differentiated: forward, backward to
    # actions, and for each of these two backward to inputs and weights.
    per_sample = products.per_sample(network)
    passes = (6 if penalized else 3) * samples * per_sample
    passes += 3 * batch_size * products.per_observation(network)
    if gin.query_parameter("ImplicitBCAgent.fraction_langevin_samples"):
        chain = gin.query_parameter("langevin_actions_given_obs.num_iterations")
        passes += 2 * chain * batch_size * counters * per_sample
    return 2 * passes


def measure(task: str, config: str, mixed_precision: bool, seconds: float) -> Row:
    """Measures one config."""
    built = untrained.build(task, config, mixed_precision=mixed_precision)
    train = tf.function(built.agent.train)
    per_step = machine.best_seconds(lambda: train(built.batch).loss.numpy(), seconds)
    width = built.agent.cloning_network.trainable_variables[0].shape[-1]
    flops = step_flops(built.agent, built.batch_size)
    limit = machine.matmul_flops(_ROWS, width)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Row(
        task,
        config,
        mixed_precision,
        1 / per_step,
        flops / 1e9,
        flops / per_step / 1e9,
        flops / per_step / limit,
        memory,
    )


def rows(quick: bool) -> list[Row]:
    """Measures every case, in float32 and in mixed precision."""
    seconds = 0.1 if quick else 10.0
    found = []
    for task, config in QUICK_CASES if quick else CASES:
        for mixed_precision in (False, True):
            row = measure(task, config, mixed_precision, seconds)
            print(
                f"{task:8} {config:18} {'mixed' if mixed_precision else 'float32':7} "
                f"{row.steps_per_second:8.2f} steps/s {row.gflop_per_step:9.2f} GFLOP/step "
                f"{row.gflops:7.1f} GFLOP/s  {row.share:6.1%} of float32 products  "
                f"peak memory {row.peak_memory_mb:6.0f} MB",
                flush=True,
            )
            found.append(row)
    return found


def main(_) -> None:
    rows(machine.QUICK.value)


if __name__ == "__main__":
    app.run(main)
