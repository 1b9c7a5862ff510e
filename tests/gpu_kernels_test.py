"""Nothing in a compiled training step or action keeps it from a GPU, as far as can be told without.

TensorFlow's registry of kernels is that of its build: one for CUDA knows its GPU kernels on any
machine. Graphs are traced as on a GPU: without lanes, blocks as large as its memory allows.
"""

from collections.abc import Iterator

import gin
import pytest
import tensorflow as tf
from tensorflow.core.framework import graph_pb2, kernel_def_pb2, node_def_pb2
from tensorflow.python.framework import kernels

from ibc.agents import drq_v2_agent_test, greedy_policy, sac_agent_test, training_step_test
from ibc.data.records import shards
from ibc.data.windows import dataset
from ibc.train.build import optimizer
from ibc.utils import gpu, keys
from tests import agent_lanes_test, agent_testing, pixel_agents_test, shard_testing

# Operations without a kernel for GPUs, and why they may be there.
_ALLOWED = {
    "Const of string": "messages of assertions, which are written where the host is",
    "RandomIndexShuffle of int64, int64": "which windows a batch has: eight bytes for each",
    "PadV2 of int32, int64": "the seed of their order: three numbers",
}
# Of a node that stands where its variable was made, here on the processor.
_OF_VARIABLES = "/job:"
_AGENTS = {
    **agent_lanes_test._AGENTS,
    "float16": lambda: training_step_test.half_precision_agent(
        optimizer.get_optimizer("adam", 1e-3, loss_scaling=True)
    ),
    "pixels, mse": pixel_agents_test._regression_agent,
    "pixels, mdn": pixel_agents_test._mixture_agent,
    "pixels, dfo": lambda: pixel_agents_test._implicit_agent(**pixel_agents_test._UNIFORM),
    "pixels, langevin": lambda: pixel_agents_test._implicit_agent(fraction_langevin_samples=1.0),
}


@pytest.fixture(autouse=True)
def on_a_gpu(monkeypatch):
    if not tf.sysconfig.get_build_info()["is_cuda_build"]:
        pytest.skip("this TensorFlow is built without CUDA")
    monkeypatch.setattr(gpu, "device", lambda: "/gpu:0")
    gin.parse_config("langevin_actions_given_obs.num_iterations = 3")
    gin.parse_config("IbcPolicy.num_action_samples = 16")
    gin.parse_config("DenseResnetValue.width = 16")


def nodes(graph: graph_pb2.GraphDef) -> Iterator[node_def_pb2.NodeDef]:
    """Yields the operations of a graph and its functions, but of those that XLA compiles."""
    functions = {function.signature.name: function for function in graph.library.function}
    compiled = {name for name, each in functions.items() if each.attr["_XlaMustCompile"].b}
    waiting = list(compiled)
    while waiting:
        for node in functions[waiting.pop()].node_def:
            called = {value.func.name for value in node.attr.values() if value.HasField("func")}
            called |= {f.name for v in node.attr.values() for f in v.list.func}
            waiting += (called & set(functions)) - compiled
            compiled |= called & set(functions)
    yield from graph.node
    for name, function in functions.items():
        if name not in compiled:
            yield from function.node_def


def fits(kernel: kernel_def_pb2.KernelDef, node: node_def_pb2.NodeDef) -> bool:
    """Whether a kernel runs on GPUs and takes the node's types."""
    if kernel.device_type not in ("GPU", "DEFAULT"):
        return False
    for constraint in kernel.constraint:
        value = node.attr[constraint.name]
        types = set(value.list.type) or {value.type}
        if not types <= set(constraint.allowed_values.list.type):
            return False
    return True


def without_kernel(traced: tf.types.experimental.ConcreteFunction) -> set[str]:
    """Returns the operations that have no kernel for GPUs, with their types."""
    missing, pinned = set(), set()
    for node in nodes(traced.graph.as_graph_def()):
        if "CPU" in node.device.upper() and not node.device.startswith(_OF_VARIABLES):
            pinned.add(f"{node.name} is pinned to {node.device}")
        registered = kernels.get_registered_kernels_for_op(node.op).kernel
        if not any(fits(kernel, node) for kernel in registered):
            types = sorted(tf.as_dtype(v.type).name for v in node.attr.values() if v.type)
            missing.add(f"{node.op} of {', '.join(types)}")
    return (missing | pinned) - set(_ALLOWED)


def batch_and_time_step(name: str):
    """Returns what an agent trains on and what its policy acts on."""
    if name.startswith("pixels"):
        return pixel_agents_test._experience(), pixel_agents_test._time_step()
    return agent_testing.batch(24), agent_testing.time_step()


@pytest.mark.parametrize("name", _AGENTS)
def test_every_operation_of_steps_and_actions_has_a_kernel(name):
    agent = _AGENTS[name]()
    batch, time_step = batch_and_time_step(name)
    step = tf.function(agent.train, autograph=False).get_concrete_function(batch)
    assert without_kernel(step) == set()
    policy = greedy_policy.SeededGreedyPolicy(agent.policy)
    state = policy.get_initial_state(len(time_step.reward))
    act = tf.function(lambda seed: policy.action(time_step, state, seed=seed).action)
    assert without_kernel(act.get_concrete_function(tf.TensorSpec([2], tf.int32))) == set()


def test_every_operation_of_an_update_by_interaction_has_a_kernel():
    agent, *_ = sac_agent_test.make()
    batch = sac_agent_test.batch_of()
    noise = agent.noise(16, keys.Key(tf.constant([1, 2], tf.int64)))
    update = tf.function(agent.update, autograph=False)
    assert without_kernel(update.get_concrete_function(batch, noise)) == set()


@pytest.mark.parametrize("kind", ["pixels", "states"])
def test_every_operation_of_an_update_of_pictures_has_a_kernel(kind):
    agent, batch = drq_v2_agent_test.make(kind), drq_v2_agent_test.transitions(kind)
    update = tf.function(lambda batch: agent.update(batch, agent.draws(6)), autograph=False)
    assert without_kernel(update.get_concrete_function(batch)) == set()


def test_every_operation_that_gathers_a_batch_has_a_kernel(tmp_path):
    path = str(tmp_path / "a.tfrecord")
    shard_testing.write(
        path, [30, 20], shard_testing.frame_spec({"x": tf.TensorSpec([3])}, tf.TensorSpec([2]))
    )
    windows = dataset.WindowDataset(shards.read_shards([path]), 2).on_device("/cpu:0")
    gather = tf.function(lambda step: windows.batch_at(step, 8, seed=0), autograph=False)
    traced = gather.get_concrete_function(tf.TensorSpec([], tf.int64))
    assert without_kernel(traced) == set()
    assert not [each for each in traced.captured_inputs if each.dtype == tf.int32]


def test_what_has_no_kernel_is_found():
    @tf.function
    def step(image):
        return tf.io.decode_jpeg(image), tf.strings.length(image)

    found = without_kernel(step.get_concrete_function(tf.TensorSpec([], tf.string)))
    assert any(each.startswith("DecodeJpeg") for each in found)

    @tf.function
    def pinned(number):
        with tf.device("/cpu:0"):
            return tf.sin(number)

    assert "pinned" in str(without_kernel(pinned.get_concrete_function(tf.TensorSpec([]))))
