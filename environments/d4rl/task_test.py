"""Tests of the table of D4RL tasks."""

import subprocess
import sys

import gymnasium
import pytest

from ibc.environments import tasks
from ibc.environments.d4rl import task as d4rl_tasks

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
    assert sorted(d4rl_tasks.FAMILY_OF) == sorted(_PUBLISHED)


@pytest.mark.parametrize("name", _PUBLISHED)
def test_every_id_is_registered_with_its_limit(name):
    d4rl_tasks.register()
    spec, family = gymnasium.spec(name), d4rl_tasks.FAMILY_OF[name]
    assert spec.id == name
    assert spec.entry_point == family.entry_point
    assert spec.max_episode_steps == family.max_episode_steps


def test_every_data_set_is_in_the_table_of_tasks():
    for name in d4rl_tasks.FAMILY_OF:
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


def test_misspelt_name_is_answered_with_the_nearest_and_all():
    with pytest.raises(ValueError, match="did you mean door-human-v0") as error:
        d4rl_tasks.get_family("Door-human-v1")
    assert all(name in str(error.value) for name in d4rl_tasks.FAMILY_OF)


def test_registration_imports_neither_simulators_nor_tensorflow():
    code = (
        "import sys; import ibc.tasks; from ibc.environments.d4rl import adroit, kitchen, antmaze;"
        "print({'tensorflow', 'mujoco', 'gymnasium_robotics', 'h5py'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
