"""Tests of the table of tasks."""

import subprocess
import sys

import gymnasium
import pytest

from ibc import environments
from ibc.environments import tasks
from ibc.environments.d4rl import task as d4rl_tasks


def test_particle_is_available():
    task = tasks.get_task("PARTICLE")
    assert task.env_id == "Particle-v0"
    assert task.environment_id() == "Particle-v0"
    assert tasks.TASKS["PARTICLE"] is task


def test_misspelt_name_is_answered_with_the_nearest_and_all():
    with pytest.raises(ValueError, match="did you mean PARTICLE") as error:
        tasks.get_task("partcle")
    assert all(name in str(error.value) for name in tasks.TASKS)


@pytest.mark.parametrize("name", [3, None, ["PUSH"], {"PUSH": 1}])
def test_what_is_no_string_is_no_task(name):
    with pytest.raises(ValueError) as error:
        tasks.get_task(name)
    assert f"must be a name, a string in quotes, got {name!r}; available: " in str(error.value)


def test_every_published_name_is_a_task():
    published = "REACH PUSH INSERT REACH_NORMALIZED PUSH_NORMALIZED PARTICLE PUSH_DISCONTINUOUS"
    assert set(tasks.TASKS) == {*published.split(), "PUSH_MULTIMODAL", *d4rl_tasks.FAMILY_OF}


@pytest.mark.parametrize("name", tasks.TASKS)
def test_ids_and_oracles_of_every_task_exist(name):
    task = tasks.get_task(name)
    task.register()
    ids = [task.env_id, *([task.image_env_id] if task.image_env_id else [])]
    for env_id in [*ids, *(f"Shared{i}" for i in ids if task.shared_memory)]:
        assert gymnasium.spec(env_id).id == env_id
    assert all(task.oracle_class(oracle) for oracle in task.policies[1:])


def test_demonstrations_have_a_default_place_for_states_and_images():
    task = tasks.get_task("PUSH")
    assert task.default_dataset() == "datasets/push/oracle_push.tfrecord"
    assert task.dataset_glob(use_image_obs=True) == "datasets/push_rgb/oracle_push_rgb*.tfrecord"
    command = task.recording_command(use_image_obs=True)
    assert "--use_image_obs" in command and task.default_dataset(True) in command


def test_variants_that_do_not_exist_are_refused():
    task = tasks.get_task("PARTICLE")
    with pytest.raises(ValueError, match="no image observations"):
        task.environment_id(use_image_obs=True)
    with pytest.raises(ValueError, match="no shared-memory variant"):
        task.environment_id(shared_memory=True)


def test_variant_ids_follow_the_name_rule():
    task = tasks.get_task("PUSH")
    assert task.environment_id(use_image_obs=True) == "BlockPushRgb-v0"
    assert task.environment_id(shared_memory=True) == "SharedBlockPush-v0"
    assert task.environment_id(True, True) == "SharedBlockPushRgb-v0"


def test_unknown_oracle_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match="did you mean particle_green_then_blue"):
        tasks.check_oracle(tasks.get_task("PARTICLE"), "particle_green_then_blu")


def test_oracle_of_another_task_is_refused_with_its_owners():
    with pytest.raises(ValueError, match="belongs to task PUSH and INSERT; task PARTICLE has"):
        tasks.check_oracle(tasks.get_task("PARTICLE"), "oracle_push")


def test_default_oracle_is_the_named_one():
    task = tasks.get_task("PARTICLE")
    assert task.oracle_class("oracle") is task.oracle_class("particle_green_then_blue")
    assert task.oracle_class("oracle").__name__ == "ParticleOracle"


def test_a_module_that_registers_an_id_is_imported_also_from_the_working_directory(
    tmp_path, monkeypatch
):
    (tmp_path / "some_lab.py").write_text(
        "import gymnasium\n"
        "gymnasium.register('lab/Toy-v3', entry_point='gymnasium.envs.classic_control:PendulumEnv')"
    )
    monkeypatch.chdir(tmp_path)
    search_path = list(sys.path)
    task = tasks.get_task("some_lab:lab/Toy-v3")
    assert (task.name, task.env_id, task.policies) == (
        "some_lab:lab/Toy-v3",
        "lab/Toy-v3",
        ("random",),
    )
    assert sys.path == search_path
    assert task.default_dataset() == "datasets/lab_toy-v3/lab_toy-v3.tfrecord"
    assert task.recording_command().endswith(task.default_dataset())
    assert task.modules()[0] == "gymnasium.envs.classic_control"


@pytest.mark.parametrize("name", ["no_such_module:A-v0", "..:A-v0", "math.no:A-v0", "a b:A-v0"])
def test_a_module_that_is_not_there_is_named(name):
    with pytest.raises(ValueError, match="there is no module") as error:
        tasks.get_task(name)
    assert name.partition(":")[0] in str(error.value)


def test_a_module_that_lacks_something_else_says_so(tmp_path, monkeypatch):
    (tmp_path / "lacking.py").write_text("import no_such_simulator")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_simulator"):
        tasks.get_task("lacking:A-v0")


def test_a_family_is_added_by_its_own_files(tmp_path, monkeypatch):
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy/__init__.py").touch()
    (tmp_path / "toy/task.py").write_text(
        "from ibc.environments import task\n"
        "TASKS = (task.Task('TOY', 'Toy-v0', register=lambda: None),)\n"
    )
    monkeypatch.setattr(environments, "__path__", [*environments.__path__, str(tmp_path)])
    found = tasks._tasks_of_all_families()
    assert set(found) == {"TOY", *tasks.TASKS}


def test_ids_of_our_own_mean_their_tasks():
    assert tasks.get_task("BlockPush-v0") is tasks.get_task("PUSH")


def test_gymnasium_makes_any_id_with_one_import_and_without_tensorflow():
    code = (
        "import sys, gymnasium; env = gymnasium.make('ibc.tasks:Particle-v0');"
        "print(env.spec.id, 'BlockPush-v0' in gymnasium.registry, 'pen-human-v0' in "
        "gymnasium.registry, {'tensorflow', 'pybullet', 'mujoco', 'tf_agents'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("Particle-v0 True True set()\n", "")


def test_table_imports_neither_tensorflow_nor_a_simulator():
    code = (
        "import sys; from ibc.environments import tasks; tasks.get_task('PARTICLE');"
        "print({'tensorflow', 'pybullet', 'mujoco', 'gymnasium', 'tf_agents'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
