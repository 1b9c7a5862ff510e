"""Graphs of arrays, run by onnxruntime or LiteRT."""

import pathlib
import re
from typing import Any, Protocol

import numpy as np

INPUT_NAME = "input_{:02d}"
"""How inputs of graphs are called, by their numbers."""
_INPUT = re.compile(r"input_(\d+)")
_OUTPUT = re.compile(r"[:_](\d+)$")
_INSTALL = "install it with: pip install 'ibc-tf[deploy]'"


class Graph(Protocol):
    """A function of arrays."""

    def __call__(self, *arrays: np.ndarray) -> list[np.ndarray]:
        """Returns its outputs; batch sizes may change from call to call."""


class Onnx:
    """An ONNX file."""

    def __init__(self, path: pathlib.Path):
        """Loads a graph, for CPUs.

        Raises:
          ImportError: onnxruntime is not installed.
          ValueError: The file is damaged.
        """
        try:
            import onnxruntime
        except ImportError as error:
            raise ImportError(f"{path} needs onnxruntime, {_INSTALL}") from error
        options = onnxruntime.SessionOptions()
        # Idle threads would otherwise take the cores from whatever else a robot's loop does.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's own types derive from nothing narrower
            raise ValueError(
                f"{path} cannot be loaded by onnxruntime: {first_line(error)}"
            ) from error
        self._names = {each.name: _number(each.name) for each in self._session.get_inputs()}

    def __call__(self, *arrays: np.ndarray) -> list[np.ndarray]:
        """See `Graph`."""
        inputs = {name: arrays[number] for name, number in self._names.items()}
        return self._session.run(None, inputs)


class Lite:
    """A TFLite file."""

    def __init__(self, path: pathlib.Path):
        """Loads a graph.

        Raises:
          ImportError: LiteRT is not installed.
          ValueError: The file is damaged.
        """
        try:
            from ai_edge_litert import interpreter
        except ImportError as error:
            raise ImportError(f"{path} needs LiteRT (ai-edge-litert), {_INSTALL}") from error
        try:
            self._interpreter = interpreter.Interpreter(model_path=str(path))
            details = self._interpreter.get_input_details()
            self._inputs = [(each["index"], _number(each["name"])) for each in details]
            # The converter may change their order, but their names tell it.
            outputs = sorted(self._interpreter.get_output_details(), key=_output_number)
            self._outputs = [each["index"] for each in outputs]
        except (ValueError, RuntimeError) as error:
            raise ValueError(f"{path} cannot be loaded by LiteRT: {first_line(error)}") from error
        self._shapes: list[tuple[int, ...]] = []

    def __call__(self, *arrays: np.ndarray) -> list[np.ndarray]:
        """See `Graph`."""
        shapes = [array.shape for array in arrays]
        if shapes != self._shapes:
            for index, number in self._inputs:
                self._interpreter.resize_tensor_input(index, shapes[number])
            self._interpreter.allocate_tensors()
            self._shapes = shapes
        for index, number in self._inputs:
            self._interpreter.set_tensor(index, arrays[number])
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]


KINDS = {"onnx": Onnx, "tflite": Lite}
"""Suffix of a file → who runs it."""


def _number(name: str) -> int:
    """Returns which of the arrays an input takes; converters leave out those without effect."""
    return int(_INPUT.search(name)[1])


def _output_number(details: dict[str, Any]) -> int:
    """Returns which output it is: 1 of 'Call:1' or 'Identity_1', 0 where no number is told."""
    found = _OUTPUT.search(details["name"])
    return int(found[1]) if found else 0


def first_line(error: Exception) -> str:
    """Returns what an error says, in one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
