"""Training one model that regresses the dot's coordinate."""

import dataclasses
from collections.abc import Callable

import gin
import numpy as np
import tensorflow as tf
from tf_agents.agents import tf_agent
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts

from ibc.agents import registry as agents
from ibc.coordinate_regression import dots
from ibc.eval import seeded_policy
from ibc.networks import registry as networks
from ibc.networks.layers import normalizers
from ibc.train.build import build_agent, normalization

BATCH_SIZE = 10

Predict = Callable[[np.ndarray], np.ndarray]
"""From pictures uint8 [n, height, width, 3] to coordinates float32 [n, 2]."""


@dataclasses.dataclass(frozen=True)
class Method:
    """A way to regress; what is not given here is common to all."""

    loss_type: str
    """As in `train_eval`."""
    network: str
    """As in `train_eval`."""
    config: str = ""
    """Gin bindings of this method."""


METHODS = {
    "explicit": Method("mse", "ConvMLPMSE", "ConvMLPMSE.layers = 'MLPDropout'"),
    "explicit_residual": Method("mse", "ConvMLPMSE", "ConvMLPMSE.layers = 'ResNetPreActivation'"),
    "implicit": Method("ebm", "PixelEBM"),
}

# All see the picture through the same encoder, and all heads are of the same width.
_CONFIG = """
PixelEBM.encoder_network = 'SpatialAttentionEncoder'
PixelEBM.target_height = 32
PixelEBM.target_width = 32
DenseResnetValue.width = 128
DenseResnetValue.num_blocks = 1
ConvMLPMSE.encoder_network = 'SpatialAttentionEncoder'
ConvMLPMSE.target_height = 32
ConvMLPMSE.target_width = 32
ConvMLPMSE.coord_conv = False
ConvMLPMSE.width = 128
ConvMLPMSE.depth = 2
ConvMLPMSE.rate = 0.0
ImplicitBCAgent.num_counter_examples = 256
ImplicitBCAgent.fraction_langevin_samples = 0.0
ImplicitBCAgent.add_grad_penalty = False
IbcPolicy.num_action_samples = 1024
IbcPolicy.use_dfo = True
IbcPolicy.use_langevin = False
iterative_dfo.num_iterations = 8
"""

_ONE = np.ones(2, np.float32)
_COORDINATE_SPEC = tensor_spec.BoundedTensorSpec([2], tf.float32, -_ONE, _ONE, "coordinate")
_PREDICT_BATCH = 100


def train(method: str, examples: dots.Dots, rate: float, num_steps: int, seed: int) -> Predict:
    """Trains a model.

    Gin's bindings are cleared and then hold this model's.

    Args:
      method: A key of `METHODS`.
      examples: What to train on, at least `BATCH_SIZE`.
      rate: Adam's initial learning rate, which falls to 0 along half a cosine.
      num_steps: Training steps of `BATCH_SIZE` examples.
      seed: Seed of weights, order of examples and counter-examples.

    Returns:
      The trained model: a function of pictures.

    Raises:
      ValueError: There are fewer examples than a batch has.
    """
    if len(examples.targets) < BATCH_SIZE:
        raise ValueError(
            f"A model needs at least {BATCH_SIZE} training images, one batch, but is given "
            f"{len(examples.targets)}."
        )
    networks.networks()  # gin knows what has been imported.
    agents.import_all()
    gin.clear_config()
    gin.parse_config(_CONFIG + METHODS[method].config)
    tf.keras.utils.set_random_seed(seed)
    agent, normalize = _untrained(METHODS[method], examples, rate, num_steps, seed)
    batches = iter(
        tf.data.Dataset.from_tensor_slices((normalize(_windows(examples.images)), examples.targets))
        .shuffle(len(examples.targets), seed)
        .repeat()
        .batch(BATCH_SIZE, drop_remainder=True)
        .with_options(_untuned())
    )

    @tf.function
    def train_steps():
        for _ in tf.range(num_steps):
            agent.train(next(batches))

    train_steps()
    return _predict_fn(agent)


def pixel_errors(predict: Predict, data: dots.Dots) -> np.ndarray:
    """Returns the distances between predictions and targets in pixels, [n]."""
    difference = predict(data.images) - data.targets
    return np.linalg.norm(difference, axis=-1) * dots.PIXELS_PER_UNIT


def _untrained(
    method: Method, examples: dots.Dots, rate: float, num_steps: int, seed: int
) -> tuple[tf_agent.TFAgent, Callable[[np.ndarray], tf.Tensor]]:
    """Returns an agent and the layer that normalizes its pictures."""
    pixels = examples.images / 255
    axes = (0, 1, 2)
    info = normalization.NormalizationInfo(
        normalizers.ImageNormalizationLayer(pixels.mean(axes), pixels.std(axes)),
        normalizers.MinMaxNormalizationLayer(-_ONE, _ONE),
        normalizers.MinMaxDenormalizationLayer(-_ONE, _ONE),
        # The whole picture, not the examples' range: counter-examples come from everywhere.
        min_actions=-_ONE,
        max_actions=_ONE,
    )
    image_spec = tf.TensorSpec([1, *examples.images.shape[1:]], tf.uint8, "image")
    agent = build_agent.build_agent(
        ts.time_step_spec(image_spec),
        _COORDINATE_SPEC,
        method.loss_type,
        method.network,
        info,
        uniform_boundary_buffer=0.0,
        optimizer=tf.keras.optimizers.legacy.Adam(
            tf.keras.optimizers.schedules.CosineDecay(rate, num_steps)
        ),
        train_step=tf.Variable(0, dtype=tf.int64, trainable=False),
        seed=seed,
    )
    return agent, info.obs_norm_layer


def _predict_fn(agent: tf_agent.TFAgent) -> Predict:
    act = seeded_policy.greedy_act_fn(agent.policy)

    def predict(images: np.ndarray) -> np.ndarray:
        found = []
        for start in range(0, len(images), _PREDICT_BATCH):
            windows = _windows(images[start : start + _PREDICT_BATCH])
            seeds = start + np.repeat(np.arange(len(windows), dtype=np.int32), 2).reshape(-1, 2)
            found.append(act(ts.restart(windows, len(windows)), seeds))
        return np.concatenate(found)

    return predict


def _untuned() -> tf.data.Options:
    """Tunes nothing: a pipeline's end would wait for who tunes it, up to a minute."""
    options = tf.data.Options()
    options.autotune.enabled = False
    return options


def _windows(images: np.ndarray) -> np.ndarray:
    """Gives every picture a history of one frame: [n, 1, height, width, 3]."""
    return images[:, np.newaxis]
