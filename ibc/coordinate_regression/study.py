"""The whole comparison: both methods, several numbers of examples, several learning rates."""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ibc.coordinate_regression import dots, regression


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How one trained model does."""

    method: str
    """A key of `regression.METHODS`."""
    num_examples: int
    """Number of pictures it was trained on."""
    learning_rate: float
    """Adam's initial learning rate."""
    validation_error: float
    """Mean distance between prediction and target over the validation dots, in pixels."""
    errors: np.ndarray
    """The same distance for every test dot, [NUM_TEST]."""


def run(
    numbers: Sequence[int], learning_rates: Sequence[float], num_steps: int, seed: int
) -> Iterator[Outcome]:
    """Trains and tests every method on every number of examples with every learning rate.

    Args:
      numbers: Numbers of training pictures.
      learning_rates: Initial learning rates.
      num_steps: Training steps of each model.
      seed: Seed of the pictures and of everything random in training.

    Yields:
      One outcome per model, as they come.
    """
    training, validation, test = dots.sample(seed)
    examples = {count: training.first(count) for count in numbers}
    for method, count, rate in itertools.product(regression.METHODS, numbers, learning_rates):
        predict = regression.train(method, examples[count], rate, num_steps, seed)
        validation_error = float(regression.pixel_errors(predict, validation).mean())
        yield Outcome(method, count, rate, validation_error, regression.pixel_errors(predict, test))


def best(outcomes: Sequence[Outcome], method: str, num_examples: int) -> Outcome:
    """Returns the outcome with the smallest validation error; test dots play no part in it."""
    candidates = [o for o in outcomes if (o.method, o.num_examples) == (method, num_examples)]
    return min(candidates, key=lambda outcome: outcome.validation_error)


def mean_errors(outcome: Outcome, seed: int) -> dict[str, float]:
    """Returns mean test errors in pixels: 'all', 'inside_hull' and 'outside_hull'.

    Args:
      outcome: The model's.
      seed: The seed of `run`.
    """
    training, _, test = dots.sample(seed)
    corners = training.first(outcome.num_examples).targets
    inside = dots.within_hull(test.targets, corners)
    return {
        "all": float(outcome.errors.mean()),
        "inside_hull": float(outcome.errors[inside].mean()),
        "outside_hull": float(outcome.errors[~inside].mean()),
    }


def report(outcomes: Sequence[Outcome], num_steps: int, seed: int) -> dict[str, Any]:
    """Returns everything measured, for JSON; `chosen` marks the models of the figure."""
    models = [
        {
            "method": outcome.method,
            "num_examples": outcome.num_examples,
            "learning_rate": outcome.learning_rate,
            "chosen": outcome is best(outcomes, outcome.method, outcome.num_examples),
            "mean_validation_error_pixels": outcome.validation_error,
            "mean_test_error_pixels": mean_errors(outcome, seed),
        }
        for outcome in outcomes
    ]
    return {
        "image_size": dots.IMAGE_SIZE,
        "num_test": dots.NUM_TEST,
        "num_validation": dots.NUM_VALIDATION,
        "batch_size": regression.BATCH_SIZE,
        "num_steps": num_steps,
        "seed": seed,
        "models": models,
    }
