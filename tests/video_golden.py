"""Recordings of the published video encoder, as our networks."""

from collections.abc import Iterable, Iterator

import numpy as np
import tensorflow as tf

from ibc.data import lab
from ibc.networks import video_encoder
from ibc.networks.layers import fan_in_variables, lstm, picture_stack

Entry = tuple[str, tf.Variable | None]
"""A published name, and the variable of ours; None for a counter that we do not have."""


def fill(encoder: video_encoder.VideoEncoder) -> None:
    """Gives an encoder the recordings' weights."""
    fill_entries(encoder_entries(encoder))


def fill_entries(entries: Iterable[Entry], offset: int = 0) -> None:
    """Gives variables the recordings' weights: the k-th is drawn from the seed offset + k."""
    for k, (name, variable) in enumerate(entries):
        if variable is None:
            continue
        shape = _published_shape(variable)
        u = np.random.RandomState(offset + k).uniform(-1, 1, shape)
        if len(shape) > 1:
            u = 1.7 * u / np.sqrt(np.prod(shape[1:]))
        elif name.endswith("running_var"):
            u = 1 + 0.5 * u
        elif name.endswith("weight"):
            u = 1 + 0.3 * u
        else:
            u = 0.3 * u
        variable.assign(_ours(u))


def videos(recorded, kind: str) -> tf.Tensor:
    """Returns the recorded videos of a kind, normalized Lab, float32 [T, n, H, W, 3]."""
    blocks, times = recorded[f"blocks_{kind}"], int(recorded["upscale"])
    pictures = blocks.repeat(times, axis=2).repeat(times, axis=3)
    return tf.constant(lab.normalized(pictures.swapaxes(0, 1)))


def summary(gradient: tf.Tensor) -> list[float]:
    """Returns the norm of a gradient of ours and its product with the recordings' sines."""
    values = gradient.numpy()
    values = values.transpose(3, 2, 0, 1) if values.ndim == 4 else values.T
    flat = values.ravel().astype(np.float64)
    return [np.linalg.norm(flat), flat @ np.sin(1 + np.arange(flat.size))]


def _published_shape(variable: tf.Variable) -> list[int]:
    shape = variable.shape.as_list()
    return [shape[3], shape[2], *shape[:2]] if len(shape) == 4 else shape[::-1]


def _ours(values: np.ndarray) -> np.ndarray:
    return values.transpose(2, 3, 1, 0) if values.ndim == 4 else values.T


def encoder_entries(encoder: video_encoder.VideoEncoder) -> Iterator[Entry]:
    """Yields the published state dictionary's entries, in its order."""
    depth = len(encoder.architecture.widths)
    down = [(f"conv_{i}", f"b_norm_{i}") for i in range(1, depth + 1)]
    down += [("fc1", "b_norm_fc_1"), ("fc2", None)]
    up = [("fc2", None), ("fc1", "b_norm_fc_1")]
    up += [(f"t_conv_{i}", f"b_norm_{i}" if i > 1 else None) for i in range(depth, 0, -1)]
    for part, stack, names in (
        ("conv.enc_l", encoder.light, down),
        ("conv.enc_ab", encoder.colours, down),
        ("deconv", encoder.decoder, up),
    ):
        yield from _stack_entries(part, stack, names)
    yield from _lstm_entries("lstm_enc", encoder.sequence)
    names = ("net.0.weight", "net.0.bias", "net.2.weight", "net.2.bias")
    for name, variable in zip(names, encoder.predictor.weights, strict=True):
        yield f"predictor.{name}", variable


def _stack_entries(part: str, stack: picture_stack.PictureStack, names) -> Iterator[Entry]:
    for (convolution, norm_name), kernel, bias, norm in zip(
        names, stack.kernels, stack.biases, stack.norms, strict=True
    ):
        yield f"{part}.{convolution}.weight", kernel
        yield f"{part}.{convolution}.bias", bias
        if norm is not None:
            yield f"{part}.{norm_name}.weight", norm.scale
            yield f"{part}.{norm_name}.bias", norm.offset
            yield f"{part}.{norm_name}.running_mean", norm.mean
            yield f"{part}.{norm_name}.running_var", norm.variance
            yield f"{part}.{norm_name}.num_batches_tracked", None


def _lstm_entries(part: str, network: lstm.Lstm) -> Iterator[Entry]:
    for layer, variables in enumerate(network.layers):
        for kind, variable in zip(
            ("weight_ih", "weight_hh", "bias_ih", "bias_hh"), variables, strict=True
        ):
            yield f"{part}.encoder.{kind}_l{layer}", variable
    yield f"{part}.fc.weight", network.output[0]
    yield f"{part}.fc.bias", network.output[1]


def sequence_networks(recorded) -> tuple[lstm.Lstm, video_encoder.Predictor]:
    """Returns LSTM and predictor with the weights that are recorded as `lstm|…`, `predictor|…`."""
    draw, size = fan_in_variables.Drawing(0), 8
    network, predictor = lstm.Lstm(size, draw), video_encoder.Predictor(size, draw)
    for name, variable in _lstm_entries("", network):
        variable.assign(recorded[f"lstm|{name[1:]}"].T)
    for name, variable in zip(
        ("0.weight", "0.bias", "2.weight", "2.bias"), predictor.weights, strict=True
    ):
        variable.assign(recorded[f"predictor|net.{name}"].T)
    return network, predictor
