"""Thousands of damaged files: each is refused by name, or read as if nothing had happened.

Of config files, hundreds: each is refused by name in one line, or can be parsed.
"""

import collections
import pathlib
import random
import re

import gin
import numpy as np
import pytest
import tensorflow as tf

from ibc.data.records import manifest, shard_reader, specs
from ibc.train import config_files
from tests import fuzz_testing, shard_testing

_FILES = ("", specs.SPEC_SUFFIX, manifest.MANIFEST_SUFFIX)
_CONFIGS = 400
_MOST_ADDED_MEMORY_KB = 1 << 20
_KINDS = ("numbers", "images")
_CASES = [(what, True) for what in fuzz_testing.MUTATIONS] + [
    (what, False) for what in fuzz_testing.MUTATIONS if what != "manifest"
]


def _same(one: shard_reader.Shard, other: shard_reader.Shard) -> bool:
    """Whether two shards hold the same frames under the same names."""
    if specs.leaves(one.spec) != specs.leaves(other.spec) or len(one) != len(other):
        return False
    pairs = zip(tf.nest.flatten(one.frames), tf.nest.flatten(other.frames), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def _outcome(path: str, whole: shard_reader.Shard) -> str:
    """Reads a damaged shard; any exception but the documented ones passes."""
    try:
        shard = shard_reader.read_shard(path)
    except (ValueError, FileNotFoundError) as error:
        message = str(error)
        assert path in message and "\n" not in message, message
        return "refused"
    return "same" if _same(shard, whole) else "other"


@pytest.fixture(scope="module", params=_KINDS)
def shard(request, tmp_path_factory) -> dict[str, bytes]:
    """The files of a whole shard, by suffix."""
    spec = None
    if request.param == "images":
        image = {"rgb": tf.TensorSpec([8, 8, 3], tf.uint8)}
        spec = shard_testing.frame_spec({**shard_testing.OBSERVATION_SPEC, **image})
    path = shard_testing.write(tmp_path_factory.mktemp("whole") / "a.tfrecord", (3, 2), spec)
    return {suffix: pathlib.Path(path + suffix).read_bytes() for suffix in _FILES}


def _write(path: str, files: dict[str, bytes]) -> None:
    for suffix, contents in files.items():
        pathlib.Path(path + suffix).write_bytes(contents)


def _share(what: str) -> int:
    """How many files are damaged so in one case.

    Two kinds of shards, each with and without a manifest, share the count.
    """
    return fuzz_testing.MUTATIONS[what][2] // 4


def _memory_kb(what: str) -> int:
    """Returns a line of Linux's account of this process: VmRSS now, VmHWM at most."""
    account = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(rf"{what}:\s+(\d+)", account)[1])


@pytest.mark.slow
@pytest.mark.parametrize("what, with_manifest", _CASES)
def test_damaged_files_are_refused_or_read_alike(tmp_path, shard, what, with_manifest, report):
    suffix, mutate, _ = fuzz_testing.MUTATIONS[what]
    files = {s: c for s, c in shard.items() if with_manifest or s != manifest.MANIFEST_SUFFIX}
    path = str(tmp_path / "a.tfrecord")
    _write(path, files)
    whole = shard_reader.read_shard(path)
    # Lets the peak of this process's memory be measured from here on.
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    memory = _memory_kb("VmRSS")
    rng = random.Random(f"{what} {with_manifest}")
    found = collections.Counter()
    for _ in range(_share(what)):
        damaged = mutate(files[suffix], rng)
        _write(path, {suffix: damaged})
        outcome = _outcome(path, whole)
        found[outcome] += 1
        # Checksums tell of accidents alone.
        accident = "right checksums" not in what
        if with_manifest or accident:
            assert outcome != "other", damaged
    total = sum(found.values())
    beside = "with" if with_manifest else "without"
    report(f"{total} damaged files, {what}, {beside} manifest: {dict(found)}")
    assert found["refused"] > 0.2 * total
    assert _memory_kb("VmHWM") - memory < _MOST_ADDED_MEMORY_KB


@pytest.mark.slow
def test_there_are_as_many_damaged_files_as_are_promised(report):
    total = len(_KINDS) * sum(_share(what) for what, _ in _CASES)
    assert total >= 2000
    report(f"{total} damaged files in all: {len(_CASES)} ways, {len(_KINDS)} kinds of shards")


@pytest.mark.slow
def test_damaged_config_files_are_refused_by_name(tmp_path, report):
    whole = sorted(config_files.config_root().glob("p*/*.gin"))
    rng = random.Random(0)
    found = collections.Counter()
    for _ in range(_CONFIGS):
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
    report(f"{_CONFIGS} damaged config files: {dict(found)}")
    assert min(found["refused"], found["parsed"]) > 0.1 * _CONFIGS
