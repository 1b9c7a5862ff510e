"""What a run of DrQ-v2 has left, to compare an interrupted one with a whole one."""

import json
import pathlib

import numpy as np
import tensorflow as tf


def evaluations(tag: str) -> list[dict]:
    """Returns the rows of a run's results without their times."""
    results = json.loads(pathlib.Path(f"runs/online/{tag}/results.json").read_text())
    return [row | {"seconds": 0} for row in results["evaluations"]]


def weights(tag: str) -> dict[str, np.ndarray]:
    """Returns the variables of a run's newest checkpoint by their names."""
    reader = tf.train.load_checkpoint(f"runs/online/{tag}/train/checkpoints")
    names = [name for name in reader.get_variable_to_shape_map() if "VALUE" in name]
    return {name: reader.get_tensor(name) for name in names if "save_counter" not in name}


def assert_equal(one: str, other: str) -> None:
    """Checks that two runs have brought the same, bit for bit."""
    assert evaluations(one) == evaluations(other)
    first, second = weights(one), weights(other)
    assert set(first) == set(second)
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], name)
