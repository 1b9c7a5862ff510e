"""Tests of the table of tasks."""

import subprocess
import sys

import pytest

from ibc.environments import tasks


def test_particle_is_available():
    task = tasks.get_task("PARTICLE")
    assert task.env_id == "Particle-v0"
    assert task.environment_id() == "Particle-v0"
    assert tasks.TASKS["PARTICLE"] is task


def test_misspelt_name_is_answered_with_the_nearest_and_all():
    with pytest.raises(ValueError, match="did you mean PARTICLE") as error:
        tasks.get_task("partcle")
    assert all(name in str(error.value) for name in tasks.TASKS)


@pytest.mark.parametrize("name", sorted(set(tasks.PUBLISHED_NAMES) - set(tasks.TASKS)))
def test_published_name_without_implementation_says_so(name):
    with pytest.raises(ValueError, match=f"task '{name}' is not in this version"):
        tasks.get_task(name)


def test_variants_that_do_not_exist_are_refused():
    task = tasks.get_task("PARTICLE")
    with pytest.raises(ValueError, match="no image observations"):
        task.environment_id(use_image_obs=True)
    with pytest.raises(ValueError, match="no shared-memory variant"):
        task.environment_id(shared_memory=True)


def test_variant_ids_follow_the_name_rule():
    task = tasks.Task(
        name="PUSH",
        env_id="BlockPush-v0",
        module="",
        oracles={},
        default_oracle="",
        default_dataset="",
        config_families=(),
        image_env_id="BlockPushRgb-v0",
        shared_memory=True,
    )
    assert task.environment_id(use_image_obs=True) == "BlockPushRgb-v0"
    assert task.environment_id(shared_memory=True) == "SharedBlockPush-v0"
    assert task.environment_id(True, True) == "SharedBlockPushRgb-v0"


def test_unknown_oracle_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match="did you mean particle_green_then_blue"):
        tasks.get_task("PARTICLE").check_oracle("particle_green_then_blu")


def test_oracle_of_another_task_is_refused_with_its_owner(monkeypatch):
    other = tasks.Task(
        name="OTHER",
        env_id="",
        module="",
        oracles={"oracle_other": ""},
        default_oracle="oracle_other",
        default_dataset="",
        config_families=(),
    )
    monkeypatch.setitem(tasks.TASKS, "OTHER", other)
    with pytest.raises(ValueError, match="belongs to task OTHER; task PARTICLE has: random"):
        tasks.get_task("PARTICLE").check_oracle("oracle_other")


def test_default_oracle_is_the_named_one():
    task = tasks.get_task("PARTICLE")
    assert task.oracle_class("oracle") is task.oracle_class("particle_green_then_blue")
    assert task.oracle_class("oracle").__name__ == "ParticleOracle"


def test_table_imports_neither_tensorflow_nor_a_simulator():
    code = (
        "import sys; from ibc.environments import tasks; tasks.get_task('PARTICLE');"
        "print({'tensorflow', 'pybullet', 'gymnasium', 'tf_agents'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
