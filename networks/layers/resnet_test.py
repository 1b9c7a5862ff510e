import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.eager import context

from ibc.networks import pixel_ebm
from ibc.networks.layers import resnet, stacks


def test_values_and_both_derivatives_are_those_of_relu():
    sums = tf.Variable(tf.random.normal([50]))

    def penalized(activation):
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                total = tf.reduce_sum(activation(sums) ** 3)
            gradient = inner.gradient(total, sums)
            penalty = tf.reduce_sum(gradient**2)
        return activation(sums), gradient, outer.gradient(penalty, sums)

    expected = penalized(tf.nn.relu)
    for found, value in zip(penalized(resnet.relu), expected, strict=True):
        np.testing.assert_allclose(found, value, rtol=1e-6)


@pytest.mark.parametrize("name", ["swish", "relu"])
def test_by_name(name):
    inputs = tf.linspace(-2.0, 2.0, 9)
    expected = tf.keras.activations.get(name)(inputs)
    np.testing.assert_array_equal(resnet._of_residual_sums(name)(inputs), expected)


def _operations(fn) -> list[str]:
    """Names of the operations of a function's graph after TensorFlow has optimized it."""
    context.enable_run_metadata()
    try:
        tf.function(fn, autograph=False)()
        graphs = context.export_run_metadata().function_graphs
    finally:
        context.disable_run_metadata()
    return [node.op for graph in graphs for node in graph.post_optimization_graph.node]


@pytest.mark.parametrize(
    "stack",
    [
        lambda: stacks.make_stack("MLPEBM", "ResNetPreActivation", 32, 6, 0.0),
        lambda: pixel_ebm.DenseResnetValue(width=32, num_blocks=3),
    ],
)
def test_products_biases_and_sums_become_one_operation(stack):
    layers, inputs = stack(), tf.random.normal([64, 8])
    layers(inputs)
    operations = _operations(lambda: layers(inputs))
    fused = sum("FusedMatMul" in name for name in operations)
    assert fused >= 6, operations
    assert "Relu" not in operations, operations
