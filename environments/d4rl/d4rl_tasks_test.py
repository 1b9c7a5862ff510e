"""Tests of the table of D4RL tasks."""

import subprocess
import sys

import gymnasium
import pytest

from ibc.environments import tasks
from ibc.environments.d4rl import d4rl_tasks, registration

_PUBLISHED = [
    *(f"antmaze-{size}-{data}-v0" for size in ("large", "medium") for data in ("diverse", "play")),
    *(
        f"{body}-{data}-v0"
        for body in ("halfcheetah", "hopper", "walker2d")
        for data in ("expert", "medium-expert", "medium-replay", "medium")
    ),
    *(f"kitchen-{data}-v0" for data in ("complete", "mixed", "partial")),
    *(f"{task}-human-v0" for task in ("pen", "hammer", "door", "relocate")),
]


def test_every_published_name_is_a_task():
    assert sorted(d4rl_tasks.TASKS) == sorted(_PUBLISHED)


@pytest.mark.parametrize("name", _PUBLISHED)
def test_every_id_is_registered_with_its_limit(name):
    assert registration.__name__ == d4rl_tasks.task_arguments()[0]["module"]
    spec, family = gymnasium.spec(name), d4rl_tasks.TASKS[name]
    assert spec.id == name
    assert spec.entry_point == family.entry_point
    assert spec.max_episode_steps == family.max_episode_steps


def test_tasks_can_be_described_in_the_table_of_tasks():
    described = [tasks.Task(**arguments) for arguments in d4rl_tasks.task_arguments()]
    assert [task.environment_id() for task in described] == list(d4rl_tasks.TASKS)
    assert {task.config_families for task in described} == {("d4rl",)}


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
    assert d4rl_tasks.TASKS[name].normalized_return(episode_return) == pytest.approx(
        expected, abs=1e-3
    )


def test_misspelt_name_is_answered_with_the_nearest_and_all():
    with pytest.raises(ValueError, match="did you mean door-human-v0") as error:
        d4rl_tasks.get_family("Door-human-v1")
    assert all(name in str(error.value) for name in d4rl_tasks.TASKS)


def test_registration_imports_neither_simulators_nor_tensorflow():
    code = (
        "import sys; from ibc.environments.d4rl import registration, adroit, kitchen, antmaze;"
        "print({'tensorflow', 'mujoco', 'gymnasium_robotics', 'h5py'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
