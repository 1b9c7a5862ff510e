"""Tests of what a collection is made with, and what of it is there already."""

import dataclasses
import pathlib

import gin
import pytest

from ibc.data.recording import collect_options, collect_plan
from ibc.data.records import manifest
from ibc.environments.particle import particle  # noqa: F401  (its name is bound below)
from tests import shard_testing


def _begin(options, name="a_2.tfrecord"):
    """Claims a collection of which a shard exists."""
    collect_plan.claim(options)
    pathlib.Path(options.shard_path(0)).with_name(name).touch()


@pytest.fixture
def options(tmp_path):
    """Options of a collection of shards of 2 episodes."""
    return collect_options.Options(
        task="PARTICLE", num_episodes=2, num_shards=3, dataset_path=str(tmp_path / "a.tfrecord")
    )


def test_workers_and_shards_may_change(options):
    _begin(options)
    collect_plan.claim(dataclasses.replace(options, num_shards=9, num_workers=2, worker_id=1))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 3}, "seed was 0, now 3"),
        ({"successes_only": True}, "successes_only was False, now True"),
        ({"num_episodes": 5, "history_length": 2}, "num_episodes was 2, now 5; history_length"),
        ({"save_states": True}, "save_states was False"),
    ],
)
def test_other_settings_are_refused(options, changes, message):
    _begin(options)
    with pytest.raises(ValueError, match=message) as error:
        collect_plan.claim(dataclasses.replace(options, **changes))
    assert "\n" not in str(error.value)


def test_settings_of_a_shard_in_the_making_count(options):
    _begin(options, ".a_0.tfrecord.tmp-123")
    with pytest.raises(ValueError, match="seed was 0, now 1"):
        collect_plan.claim(dataclasses.replace(options, seed=1))


def test_settings_of_an_attempt_without_a_shard_are_replaced(options):
    _begin(options, "a_other_1.tfrecord")
    other = dataclasses.replace(options, seed=1)
    collect_plan.claim(other)
    _begin(other)
    with pytest.raises(ValueError, match="seed was 1, now 0"):
        collect_plan.claim(options)


def test_other_gin_bindings_are_refused(options):
    gin.parse_config("ParticleEnv.n_dim = 3")
    _begin(options)
    collect_plan.claim(options)
    gin.clear_config()
    with pytest.raises(ValueError, match=r"gin bindings was ParticleEnv.n_dim = 3, now none"):
        collect_plan.claim(options)


def test_damaged_settings_are_named(options):
    _begin(options)
    path = pathlib.Path(options.collection_folder()) / "settings.json"
    path.write_text(path.read_text()[:20])
    with pytest.raises(ValueError, match=r"settings\.json is damaged"):
        collect_plan.claim(options)


def test_whole_shard_is_complete_and_a_missing_one_is_not(options):
    shard_testing.write(options.shard_path(1), (4, 3))
    assert [collect_plan.is_complete(options, shard) for shard in range(3)] == [False, True, False]


def test_shard_of_another_length_is_refused(options):
    shard_testing.write(options.shard_path(1), (4, 3, 2))
    with pytest.raises(ValueError, match=r"a_1.tfrecord exists with 3 episodes, but .* has 2"):
        collect_plan.is_complete(options, 1)


def test_shard_without_manifest_is_refused(options):
    path = shard_testing.write(options.shard_path(1), (4, 3))
    pathlib.Path(path + manifest.MANIFEST_SUFFIX).unlink()
    with pytest.raises(ValueError, match="exists with no manifest"):
        collect_plan.is_complete(options, 1)


def test_damaged_shard_is_refused(options):
    path = pathlib.Path(shard_testing.write(options.shard_path(1), (4, 3)))
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ValueError, match="does not match its manifest"):
        collect_plan.is_complete(options, 1)


def test_leftovers_of_one_shard_are_removed_and_no_others(options, tmp_path):
    collect_plan.claim(options)
    kept = [".a_10.tfrecord.tmp-1", "a_1.tfrecord", ".a_1.tfrecord", "a.collection/.shard_10.tmp-1"]
    gone = [".a_1.tfrecord.tmp-1", ".a_1.tfrecord.tmp-22.spec", "a.collection/.shard_1.tmp-3/x"]
    for name in (*kept, *gone):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    collect_plan.remove_leftovers(options, 1)
    assert all((tmp_path / name).exists() for name in kept)
    assert not any((tmp_path / name).exists() for name in gone)
    assert not (tmp_path / "a.collection" / ".shard_1.tmp-3").exists()


def test_leftovers_of_a_shard_behind_a_link_are_removed_where_they_are(options, tmp_path):
    leftover = tmp_path / "disk" / ".7.tfrecord.tmp-1"
    leftover.parent.mkdir()
    leftover.touch()
    (tmp_path / "a_1.tfrecord").symlink_to(leftover.with_name("7.tfrecord"))
    collect_plan.remove_leftovers(options, 1)
    assert not leftover.exists()
