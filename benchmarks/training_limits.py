"""Training steps against the machine's rate of matrix products.

    python benchmarks/training_limits.py [--quick]

For each config, in float32 and in mixed precision: training steps per second on a batch that is
there, as `train_eval.py` makes them, many in a call; the floating-point operations that such a step
cannot do without, and their rate. It is compared with two rates in float32: of [4096, 128] @
[128, 128] (65,536 rows on a GPU), about the most that the machine does, and of products alone on
the step's own shapes, forward and backward. Operations are counted for what the algorithm asks:
every product of the layers, forward and backward, where two linear layers one after the other are
one.
"""

import dataclasses
import multiprocessing
from concurrent import futures

from ibc.utils import startup

startup.import_tensorflow_quietly()

# isort: split
import gin
import machine
import products
import tensorflow as tf
import untrained
from absl import app

from ibc.agents import training_step
from ibc.utils.parallel import blocks, lanes

_CALL_SECONDS = 0.2
"""About how long a call of the compiled loop takes that is measured."""

CASES = (
    ("PUSH", "mlp_ebm"),
    ("PUSH", "mlp_ebm_quick"),
    ("PUSH", "mlp_ebm_langevin"),
    ("PUSH", "mlp_mse"),
    ("PUSH", "mlp_mdn_best"),
    ("PARTICLE", "mlp_ebm_langevin"),
    ("PARTICLE", "mlp_mse"),
)
QUICK_CASES = (("PUSH", "mlp_ebm_quick", False), ("PARTICLE", "mlp_mse", True))
"""With the precision, whether mixed."""


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
    of_machine: float
    """Share of the machine's rate in float32."""
    of_same_shapes: float
    """Share of the rate of products alone in float32, on the step's shapes."""
    peak_memory_mb: float
    """Largest resident memory of a process that makes such steps, or largest memory on the GPU."""


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


def rows_per_lane(agent, batch_size: int) -> int:
    """Returns the rows of activations that a lane works on at a time."""
    per_example = 1
    if type(agent.cloning_network).__name__.endswith("EBM"):
        per_example += gin.query_parameter("ImplicitBCAgent.num_counter_examples")
    most = blocks.max_rows(training_step.numbers_per_row(agent.cloning_network))
    count = blocks.num_blocks(batch_size, per_example, lanes.count(), most)
    return batch_size // count * per_example


def measure(
    task: str, config: str, mixed_precision: bool, seconds: float, machine_flops: float
) -> Row:
    """Measures one config."""
    built = untrained.build(task, config, mixed_precision=mixed_precision)

    @tf.function
    def train(steps: tf.Tensor) -> tf.Tensor:
        loss = tf.zeros([])
        for _ in tf.range(steps):
            loss = built.agent.train(built.batch).loss
        return loss

    def seconds_per_step(steps: int) -> float:
        count = tf.constant(steps)
        return machine.best_seconds(lambda: train(count).numpy(), seconds) / steps

    steps = max(1, round(_CALL_SECONDS / seconds_per_step(1)))
    per_step = seconds_per_step(steps)
    flops = step_flops(built.agent, built.batch_size)
    width = built.agent.cloning_network.trainable_variables[0].shape[-1]
    rows = rows_per_lane(built.agent, built.batch_size)
    same_shapes = machine.training_flops(rows, width, min(seconds, 3.0))
    return Row(
        task,
        config,
        mixed_precision,
        1 / per_step,
        flops / 1e9,
        flops / per_step / 1e9,
        flops / per_step / machine_flops,
        flops / per_step / same_shapes,
        machine.peak_memory_mb(),
    )


def rows(quick: bool) -> list[Row]:
    """Measures every case, in float32 and in mixed precision, each in a process of its own."""
    seconds = 0.1 if quick else 5.0
    machine_flops = machine.matmul_flops(machine.ROWS, 128, seconds=min(seconds, 3.0))
    found = []
    in_both = [(*case, mixed) for case in CASES for mixed in (False, True)]
    for task, config, mixed_precision in QUICK_CASES if quick else in_both:
        # A process that has trained before is slower and larger.
        with futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            row = process.submit(
                measure, task, config, mixed_precision, seconds, machine_flops
            ).result()
        print(
            f"{task:8} {config:18} {'mixed' if mixed_precision else 'float32':7} "
            f"{row.steps_per_second:8.2f} steps/s {row.gflop_per_step:9.2f} GFLOP/step "
            f"{machine.described(row.gflops)}  {row.of_machine:6.1%} of float32 products, "
            f"{row.of_same_shapes:6.1%} of those on its shapes  "
            f"peak memory {row.peak_memory_mb:6.0f} MB",
            flush=True,
        )
        found.append(row)
    return found


def main(_) -> None:
    rows(machine.QUICK.value)


if __name__ == "__main__":
    app.run(main)
