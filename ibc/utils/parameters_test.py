import math

import numpy as np
import pytest

from ibc.utils import parameters


@pytest.mark.parametrize("value", [1, np.int64(7), 2**31 - 1])
def test_whole_numbers_pass(value):
    parameters.check_whole("Env", count=value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0, "Env.count must be a whole number of at least 1, got 0."),
        (1.5, "Env.count must be a whole number of at least 1, got 1.5."),
        (True, "Env.count must be a whole number of at least 1, got True."),
        (2**31, "Env.count must be a whole number of at most 2147483647, got 2147483648."),
        (10**20 - 1, "Env.count must be a whole number of at most 2147483647, got 9999999999"),
    ],
)
def test_other_values_are_named(value, message):
    with pytest.raises(ValueError) as error:
        parameters.check_whole("Env", count=value)
    assert message in str(error.value)


def test_seeds_are_what_numpy_takes():
    for seed in (None, 0, 2**32 - 1):
        parameters.check_seed("Env", seed)
    with pytest.raises(
        ValueError, match=r"Env\.seed must be below .* = 4294967296, got 4294967296"
    ):
        parameters.check_seed("Env", 2**32)
    with pytest.raises(ValueError, match=r"Env\.seed must be .* at least 0, got -1"):
        parameters.check_seed("Env", -1)


@pytest.mark.parametrize("value", [0, 0.5, 1])
def test_shares(value):
    parameters.check_share("A", b=value)


@pytest.mark.parametrize("value", [-0.1, 1.5, math.nan, "x", None])
def test_what_is_no_share_is_refused(value):
    with pytest.raises(ValueError, match=r"A.b must be in \[0, 1\], but is"):
        parameters.check_share("A", b=value)


def test_the_nearest_choice_is_named():
    parameters.check_choice("A", ("BCE", "Mixup"), b="BCE")
    with pytest.raises(ValueError, match=r"A.b must be one of 'BCE', 'Mixup'.*mean 'Mixup'\?"):
        parameters.check_choice("A", ("BCE", "Mixup"), b="mixpu")
    with pytest.raises(ValueError, match=r"but is 3\.$"):
        parameters.check_choice("A", ("BCE", "Mixup"), b=3)
