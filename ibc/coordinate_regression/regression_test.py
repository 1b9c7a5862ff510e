"""Tiny trainings: they learn, and repeat themselves."""

import gin
import numpy as np
import pytest

from ibc.coordinate_regression import dots, regression


@pytest.fixture
def light(monkeypatch):
    """Makes models that are built and trained in a second; energies need the real encoder."""
    lighter = [
        "IbcPolicy.num_action_samples = 128",
        *(f"{network}.encoder_network = 'ConvMaxpoolEncoder'" for network in _NETWORKS),
        *(f"{network}.target_{side} = 16" for network in _NETWORKS for side in ("height", "width")),
    ]
    monkeypatch.setattr(regression, "_CONFIG", "\n".join([regression._CONFIG, *lighter, ""]))


_NETWORKS = ("PixelEBM", "ConvMLPMSE")


def _mean_error(method, num_steps, seed=0):
    examples = dots.sample(0)[0].first(regression.BATCH_SIZE)
    predict = regression.train(method, examples, 3e-3, num_steps, seed)
    return regression.pixel_errors(predict, examples).mean()


def _error_of_the_centre():
    """The mean error of what knows nothing and always answers the middle of the picture."""
    examples = dots.sample(0)[0].first(regression.BATCH_SIZE)
    return regression.pixel_errors(lambda images: np.zeros([len(images), 2]), examples).mean()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "steps"), [("explicit", 30), ("explicit_residual", 30), ("implicit", 60)]
)
def test_training_reduces_the_error(method, steps):
    assert _mean_error(method, steps) < 0.28 * _error_of_the_centre()


def test_a_light_training_reduces_the_error(light):
    assert _mean_error("explicit_residual", 60) < 0.5 * _error_of_the_centre()


def test_a_seed_decides_everything(light):
    first = _mean_error("implicit", 3, seed=1)
    assert _mean_error("implicit", 3, seed=1) == first
    assert _mean_error("implicit", 3, seed=2) != first


def test_a_model_does_not_depend_on_the_one_before(light):
    first = _mean_error("explicit", 3)
    assert gin.query_parameter("ConvMLPMSE.layers") == "MLPDropout"
    _mean_error("explicit_residual", 3)
    assert gin.query_parameter("ConvMLPMSE.layers") == "ResNetPreActivation"
    assert _mean_error("explicit", 3) == first


def test_errors_are_in_pixels():
    test = dots.sample(0)[2].first(7)
    pixel = 2 / (dots.IMAGE_SIZE - 1)

    def predict(images):
        np.testing.assert_array_equal(images, test.images)
        return test.targets + np.array([3 * pixel, -4 * pixel], np.float32)

    np.testing.assert_allclose(regression.pixel_errors(predict, test), np.full(7, 5), rtol=1e-5)


def test_too_few_examples_are_named():
    with pytest.raises(ValueError, match=r"at least 10 training images.*given 9"):
        regression.train("explicit", dots.sample(0)[0].first(9), 1e-3, 1, 0)
