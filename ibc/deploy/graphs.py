"""Writes the functions of an exported policy as ONNX or TFLite graphs, with its description."""

import logging
import os
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from ibc.runtime import description as description_lib
from ibc.runtime import dfo, graph_policy
from ibc.runtime import graphs as graphs_lib
from ibc.utils import atomic_file

_OPSET = 17
_TOLERANCE = 1e-3


def export(source: str | os.PathLike, kind: str, target: str | os.PathLike) -> list[str]:
    """Writes a policy to a folder that `ibc.load_policy` loads without TensorFlow.

    Args:
      source: Folder of an exported policy.
      kind: 'onnx' or 'tflite'.
      target: Folder to write, whole or not at all.

    Returns:
      Names of the files in it.

    Raises:
      ValueError: The policy cannot be written so; the message says why.
      ImportError: The converter, or what runs the graphs, is not installed.
    """
    described = description_lib.read(source)
    _check(described, source)
    model = tf.saved_model.load(str(source))
    names = graph_policy.OF_KIND[described.kind]
    names += graph_policy.OF_CHUNKS if described.chunks else ()
    convert = {"onnx": _onnx, "tflite": _tflite}[kind]
    with atomic_file.replacing_folder(target) as temporary:
        temporary.mkdir()
        for name in names:
            path = temporary / f"{name}.{kind}"
            _write(getattr(model, name), path, convert, model, f"{name} of {source}")
        described.write(temporary)
    return [*(f"{name}.{kind}" for name in names), description_lib.FILE]


def _check(described: description_lib.Description | None, source: str | os.PathLike) -> None:
    """Raises ValueError unless NumPy can act by the policy's graphs."""
    if described is None:
        raise ValueError(
            f"{source} has no {description_lib.FILE}: it was exported before graphs could be "
            "written. Run the training command again, which exports the finished run anew."
        )
    if described.kind not in graph_policy.OF_KIND:
        raise ValueError(
            f"{source} is of the kind {described.kind!r}; only {', '.join(graph_policy.OF_KIND)} "
            "policies can be written as graphs: use it with ibc.load_policy."
        )
    stages = described.sampling.stages if described.sampling else ()
    unknown = [stage["name"] for stage in stages if stage and stage["name"] not in dfo.SAMPLERS]
    if unknown:
        raise ValueError(
            f"{source} samples by {unknown[0]}, which needs gradients or code of its own; graphs "
            f"act by {', '.join(dfo.SAMPLERS)}: run the training command again with "
            '--gin_bindings="IbcPolicy.use_langevin = False" '
            '--gin_bindings="IbcPolicy.use_dfo = True", which exports the finished run anew.'
        )


def _write(
    function: Any, path: pathlib.Path, convert: Callable[..., bytes], model: Any, name: str
) -> None:
    """Writes a function of the model as a graph whose inputs are in the order of `tf.nest`."""
    (concrete,) = function.concrete_functions
    arguments = concrete.structured_input_signature[0]
    specs = [
        tf.TensorSpec(spec.shape, spec.dtype, graphs_lib.INPUT_NAME.format(index))
        for index, spec in enumerate(tf.nest.flatten(arguments))
    ]

    @tf.function(autograph=False, input_signature=specs)
    def flat(*inputs):
        return tf.nest.flatten(function(*tf.nest.pack_sequence_as(arguments, inputs)))

    try:
        path.write_bytes(convert(flat, specs, model))
        _check_same(flat, specs, graphs_lib.KINDS[path.suffix[1:]](path))
    except (ImportError, OSError):
        raise
    except Exception as error:  # whatever converters raise about operations that they do not know
        reason = graphs_lib.first_line(error)
        raise ValueError(
            f"{name} cannot be written as a graph: {reason}. Networks in mixed precision cannot, "
            "train with train_eval.mixed_precision = False; or use ibc.load_policy on the run."
        ) from error


def _check_same(
    flat: Callable[..., Any], specs: list[tf.TensorSpec], graph: graphs_lib.Graph
) -> None:
    """Raises ValueError where a graph gives other numbers than its function."""
    generator = np.random.default_rng(0)
    for size in (1, 2):
        shapes = [[size if axis is None else axis for axis in spec.shape] for spec in specs]
        inputs = [
            generator.normal(size=shape).astype(spec.dtype.as_numpy_dtype)
            if spec.dtype.is_floating
            else generator.integers(0, 255, shape).astype(spec.dtype.as_numpy_dtype)
            for shape, spec in zip(shapes, specs, strict=True)
        ]
        expected = flat(*map(tf.constant, inputs))
        for found, value in zip(graph(*inputs), expected, strict=True):
            largest = np.abs(found - value.numpy()).max()
            if not largest <= _TOLERANCE * (1 + np.abs(value).max()):
                raise ValueError(f"its outputs differ by {largest:.2g} from the policy's")


def _onnx(flat: Callable[..., Any], specs: list[tf.TensorSpec], model: Any) -> bytes:
    del model
    try:
        import tf2onnx
    except ImportError as error:
        raise ImportError(
            "--to=onnx needs tf2onnx, install it with: pip install 'ibc-tf[deploy]'"
        ) from error
    # What it cannot convert, it only logs; loading the graph then fails and says so.
    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
    proto, _ = tf2onnx.convert.from_function(flat, specs, opset=_OPSET)
    return proto.SerializeToString()


def _tflite(flat: Callable[..., Any], specs: list[tf.TensorSpec], model: Any) -> bytes:
    del specs
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [flat.get_concrete_function()], model
    )
    return converter.convert()
