"""Hundreds of damaged config files: each is refused by name in one line, or can be parsed."""

import collections
import random

import gin
import pytest

from ibc.train import config_files
from tests import fuzz_testing

_COUNT = 400


@pytest.mark.slow
def test_damaged_config_files_are_refused_by_name(tmp_path, report):
    whole = sorted(config_files.config_root().glob("p*/*.gin"))
    rng = random.Random(0)
    found = collections.Counter()
    for _ in range(_COUNT):
        path = tmp_path / "damaged.gin"
        damaged = fuzz_testing.mutate_text(rng.choice(whole).read_bytes(), rng)
        path.write_bytes(damaged)
        gin.clear_config()
        try:
            config_files.configure(["PARTICLE"], [str(path)], [])
        except ValueError as error:
            message = str(error)
            # A type is checked when all files have been read; the parameter's name says where.
            assert str(path) in message or " must be " in message, message
            assert "\n" not in message, message
            found["refused"] += 1
        else:
            found["parsed"] += 1
    report(f"{_COUNT} damaged config files: {dict(found)}")
    assert min(found["refused"], found["parsed"]) > 0.1 * _COUNT
