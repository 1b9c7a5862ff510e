"""Tests of what happens without the simulators, and of what they print."""

import os
import subprocess
import sys

import pytest

from ibc.environments.d4rl import simulators


def test_missing_simulators_are_named_with_the_way_to_install_them():
    with pytest.raises(ImportError, match=r"No module named 'no_such_simulator'.*ibc-tf\[d4rl\]"):
        simulators.make("no_such_simulator.environment:Env")


def test_environments_are_refused_with_one_line_where_mujoco_is_missing():
    code = (
        "import sys; sys.modules['mujoco'] = None\n"
        "import gymnasium\n"
        "from ibc.environments.d4rl import registration\n"
        "for name in ('door-human-v0', 'hopper-medium-v0', 'kitchen-mixed-v0'):\n"
        "    try: gymnasium.make(name)\n"
        "    except ImportError as error: print(str(error).count('ibc-tf[d4rl]'))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "1", "1"]


def test_simulators_are_made_without_a_notice():
    pytest.importorskip("gymnasium_robotics")
    code = "from ibc.environments.d4rl import adroit\nadroit.DoorEnv()\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_a_drawing_library_that_is_missing_is_named():
    pytest.importorskip("mujoco")
    code = (
        "from ibc.environments.d4rl import locomotion\n"
        "try: locomotion.HopperEnv()\n"
        "except ImportError as error: print(error)\n"
    )
    environment = {**os.environ, "MUJOCO_GL": "no-such-library"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert "MUJOCO_GL=no-such-library" in done.stdout and "unset MUJOCO_GL" in done.stdout
