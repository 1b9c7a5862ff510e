import numpy as np
import pytest
import tensorflow as tf

from ibc.networks.layers import normalizers

_VALUES = np.random.RandomState(0).normal(size=(50, 3)).astype(np.float32) * [1, 20, 0.01] + 3
_MEAN, _STD = _VALUES.mean(axis=0), _VALUES.std(axis=0)
_LOW, _HIGH = _VALUES.min(axis=0), _VALUES.max(axis=0)
_PAIRS = [
    (
        normalizers.StdNormalizationLayer(_MEAN, _STD),
        normalizers.StdDenormalizationLayer(_MEAN, _STD),
    ),
    (
        normalizers.MinMaxNormalizationLayer(_LOW, _HIGH),
        normalizers.MinMaxDenormalizationLayer(_LOW, _HIGH),
    ),
    (normalizers.IdentityLayer(), normalizers.IdentityLayer()),
]


def test_std_layer_gives_zero_mean_and_unit_variance():
    found = _PAIRS[0][0](_VALUES).numpy()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(found.std(axis=0), 1, rtol=1e-4)


def test_min_max_layer_spans_minus_one_to_one():
    found = _PAIRS[1][0](_VALUES).numpy()
    np.testing.assert_allclose(found.min(axis=0), -1, atol=1e-4)
    np.testing.assert_allclose(found.max(axis=0), 1, atol=1e-4)


@pytest.mark.parametrize(("normalize", "denormalize"), _PAIRS)
def test_denormalization_is_the_inverse(normalize, denormalize):
    found = denormalize(normalize(_VALUES)).numpy()
    np.testing.assert_allclose(found, _VALUES, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("layer", "scale"), [(_PAIRS[0][1], _STD), (_PAIRS[1][1], (_HIGH - _LOW) / 2)]
)
def test_spreads_are_denormalized_without_offset(layer, scale):
    found = layer(np.full((1, 3), 2, np.float32), mean_offset=False).numpy()
    np.testing.assert_allclose(found, 2 * scale[None], rtol=1e-5)


@pytest.mark.parametrize(
    "layer",
    [
        normalizers.StdNormalizationLayer([0.1], [0.0]),
        normalizers.MinMaxNormalizationLayer(np.float32([0.1]), np.float32([0.1])),
    ],
)
def test_constants_become_zero(layer):
    np.testing.assert_array_equal(layer(np.float32([[0.1]])), [[0]])


def test_integers_and_doubles_become_float32():
    layer = normalizers.StdNormalizationLayer([1.0], [2.0])
    for dtype in (np.int64, np.float64):
        found = layer(np.array([[5]], dtype))
        assert found.dtype == tf.float32 and found.numpy() == [[2]]


def test_images_are_scaled_to_one_first():
    layer = normalizers.ImageNormalizationLayer([0.5, 0, 0], [1, 1, 0.5])
    found = layer(np.full((1, 2, 2, 3), 51, np.uint8)).numpy()
    np.testing.assert_allclose(found[0, 0, 0], [-0.3, 0.2, 0.4], rtol=1e-6)
    in_one = np.full((1, 2, 2, 3), 0.2, np.float32)
    np.testing.assert_allclose(layer(in_one), found, rtol=1e-6)


def test_nested_layers_go_to_their_leaves():
    layer = normalizers.NestedLayer(
        {"b": normalizers.StdDenormalizationLayer([1.0], [2.0]), "a": normalizers.IdentityLayer()}
    )
    inputs = {"a": tf.constant([[3.0]]), "b": tf.constant([[3.0]])}
    assert tf.nest.map_structure(float, layer(inputs)) == {"a": 3, "b": 7}
    assert tf.nest.map_structure(float, layer(inputs, mean_offset=False)) == {"a": 3, "b": 6}
    with pytest.raises(ValueError, match="structure"):
        layer({"a": inputs["a"]})


def test_layers_are_exported_without_variables(tmp_path):
    class Exported(tf.Module):
        def __init__(self):
            self.layer = normalizers.NestedLayer({"a": _PAIRS[0][0], "b": _PAIRS[1][0]})

        @tf.function(input_signature=[tf.TensorSpec([None, 3])])
        def __call__(self, values):
            return self.layer({"a": values, "b": values})

    module = Exported()
    expected = module(_VALUES)
    assert module.variables == ()
    tf.saved_model.save(module, str(tmp_path))
    found = tf.saved_model.load(str(tmp_path))(tf.constant(_VALUES, tf.float32))
    tf.nest.map_structure(np.testing.assert_array_equal, found, expected)
