import sys

import gymnasium
import pytest

from ibc import environments
from ibc.environments import tasks
from ibc.environments.d4rl import task as d4rl_tasks
from tests import environment_testing

_D4RL = [
    *(f"antmaze-{size}-{data}-v0" for size in ("large", "medium") for data in ("diverse", "play")),
    *(
        f"{body}-{data}-v0"
        for body in ("halfcheetah", "hopper", "walker2d")
        for data in ("expert", "medium-expert", "medium-replay", "medium")
    ),
    *(f"kitchen-{data}-v0" for data in ("complete", "mixed", "partial")),
    *(f"{task}-human-v0" for task in ("pen", "hammer", "door", "relocate")),
]


@pytest.mark.parametrize(
    ("name", "near"), [("partcle", "PARTICLE"), ("dor-human-v0", "door-human-v0")]
)
def test_misspelt_name_is_answered_with_the_nearest_and_all(name, near):
    with pytest.raises(ValueError, match=f"did you mean {near}") as error:
        tasks.get_task(name)
    assert all(name in str(error.value) for name in tasks.TASKS)


@pytest.mark.parametrize("name", [3, None, ["PUSH"], {"PUSH": 1}])
def test_what_is_no_string_is_no_task(name):
    with pytest.raises(ValueError) as error:
        tasks.get_task(name)
    assert f"must be a name, a string in quotes, got {name!r}; available: " in str(error.value)


def test_every_published_name_is_a_task():
    published = "REACH PUSH INSERT REACH_NORMALIZED PUSH_NORMALIZED PARTICLE PUSH_DISCONTINUOUS"
    others = {
        "PUSH_MULTIMODAL",
        "PUSHT",
        "PUSHT_STATE",
        "PARTICLE_GOAL",
        "PARTICLE_REACH",
        "MAZE",
        "MAZE_GOAL",
        "REACHER_EASY",
        "REACHER_HARD",
        "REACHER_HARD2",
        "FINGER_TURN_EASY",
        "HOPPER_STAND",
        "WALKER_RUN",
        "CARTPOLE_SWINGUP",
        "BUTTON_PRESS",
        "BUTTON_PRESS_TOPDOWN",
        "DRAWER_CLOSE",
        "DOOR_OPEN",
        "PLATE_SLIDE",
        "WINDOW_CLOSE",
        "PICK_PLACE",
        "PEG_INSERT_SIDE",
        *_D4RL,
    }
    assert set(tasks.TASKS) == {*published.split(), *others}
    assert sorted(d4rl_tasks.FAMILY_OF) == sorted(_D4RL)


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


def test_pictures_of_recorded_demonstrations_are_made_by_playing_them():
    command = tasks.get_task("PUSHT").recording_command(use_image_obs=True)
    assert "--policy=replay --replay_path=datasets/pusht/pusht.tfrecord" in command
    assert command.endswith("--dataset_path=datasets/pusht_rgb/pusht_rgb.tfrecord")


def test_variants_that_do_not_exist_are_refused():
    task = tasks.get_task("PARTICLE")
    with pytest.raises(ValueError, match="no image observations"):
        task.environment_id(use_image_obs=True)
    with pytest.raises(ValueError, match="no shared-memory variant"):
        task.environment_id(shared_memory=True)


def test_variant_ids_follow_the_name_rule():
    assert tasks.get_task("PARTICLE").environment_id() == "Particle-v0"
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
    assert (task.name, task.env_id) == ("some_lab:lab/Toy-v3", "lab/Toy-v3")
    assert task.policies == ("random",)
    assert sys.path == search_path
    assert task.default_dataset() == "datasets/lab_toy-v3/lab_toy-v3.tfrecord"
    assert task.recording_command().endswith(task.default_dataset())
    assert task.modules()[0] == "gymnasium.envs.classic_control"


def test_a_module_may_describe_its_tasks_itself(tmp_path, monkeypatch):
    (tmp_path / "described.py").write_text(
        "from ibc.environments import task\n"
        "TASKS = ['Toy-v1', task.Task('TOY', 'Toy-v0', print, config_families=('particle',))]\n"
    )
    monkeypatch.chdir(tmp_path)
    task = tasks.get_task("described:Toy-v0")
    assert (task.name, task.env_id) == ("described:Toy-v0", "Toy-v0")
    assert task.config_families == ("particle",)
    with pytest.raises(ValueError, match="unknown task 'described:Toy-v1'"):
        tasks.get_task("described:Toy-v1")


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
    assert tasks.get_task("BlockPush-v0") is tasks.get_task("PUSH") is tasks.TASKS["PUSH"]


def test_gymnasium_makes_any_id_with_one_import_and_without_tensorflow():
    code = (
        "import sys, gymnasium; env = gymnasium.make('ibc.tasks:Particle-v0');"
        "print(env.spec.id, 'BlockPush-v0' in gymnasium.registry, 'pen-human-v0' in "
        "gymnasium.registry, {'tensorflow', 'pybullet', 'mujoco', 'tf_agents'} & set(sys.modules))"
    )
    assert environment_testing.output_of(code) == ("Particle-v0 True True set()\n", "")


@pytest.mark.parametrize(
    ("code", "others"),
    [
        (
            "from ibc.environments import tasks; tasks.get_task('PARTICLE')",
            {"tensorflow", "pybullet", "mujoco", "gymnasium", "tf_agents"},
        ),
        (
            "import ibc.tasks; from ibc.environments.d4rl import adroit, kitchen, antmaze",
            {"tensorflow", "mujoco", "gymnasium_robotics", "h5py"},
        ),
        (
            "from ibc.environments.particle import particle;"
            "env = particle.ParticleEnv(render_mode='rgb_array'); env.reset(); env.render()",
            {"matplotlib.pyplot"},
        ),
    ],
    ids=["table", "d4rl", "drawing"],
)
def test_what_is_not_needed_is_not_imported(code, others):
    output, _ = environment_testing.output_of(
        f"import sys; {code}; print({others} & set(sys.modules))"
    )
    assert output == "set()\n"


@pytest.mark.parametrize("name", _D4RL)
def test_every_data_set_is_a_task_and_registered_with_its_limit(name):
    d4rl_tasks.register()
    spec, family = gymnasium.spec(name), d4rl_tasks.FAMILY_OF[name]
    assert spec.id == name
    assert spec.entry_point == family.entry_point
    assert spec.max_episode_steps == family.max_episode_steps
    assert tasks.TASKS[name].environment_id() == name
    assert tasks.TASKS[name].config_families == ("d4rl",)


@pytest.mark.parametrize(
    ("name", "episode_return", "expected"),
    [
        ("door-human-v0", -56.512833, 0.0),
        ("door-human-v0", 2880.5693087298737, 100.0),
        ("pen-human-v0", 2586.0, 83.5322),
        ("kitchen-mixed-v0", 3.0, 75.0),
        ("antmaze-large-play-v0", 1.0, 100.0),
        ("hopper-medium-v0", 1000.0, 31.3492),
    ],
)
def test_normalized_returns(name, episode_return, expected):
    assert d4rl_tasks.FAMILY_OF[name].normalized_return(episode_return) == pytest.approx(
        expected, abs=1e-3
    )


def test_misspelt_family_is_answered_with_the_nearest_and_all():
    with pytest.raises(ValueError, match="did you mean door-human-v0") as error:
        d4rl_tasks.get_family("Door-human-v1")
    assert all(name in str(error.value) for name in d4rl_tasks.FAMILY_OF)


def test_short_names_of_bodies_are_of_gymnasium_and_others_stay():
    assert tasks.get_task(tasks.gym_name("halfcheetah")).env_id == "HalfCheetah-v4"
    assert tasks.gym_name("MAZE") == "MAZE"


def test_states_are_recorded_where_their_task_s_are():
    maze = tasks.get_task("MAZE").dataset_glob()
    assert tasks.states_glob("MAZE") == tasks.states_glob("MAZE_GOAL") == maze
    cheetah = "datasets/halfcheetah-v4/halfcheetah-v4*.tfrecord"
    assert tasks.states_glob("halfcheetah") == cheetah
