import gc
import math
import os
import pathlib
import shutil
import subprocess
import sys
import time

import gymnasium
import numpy as np
import pytest
from scipy.spatial import transform

from ibc.environments.block_pushing import block_pushing
from ibc.environments.block_pushing.simulation import bullet

_WITHOUT_PYBULLET = """
import sys
sys.modules["pybullet"] = None
import ibc.environments.block_pushing.{module}
"""

# A headless server that ends when its input does.
_SERVER = """
import sys, threading, pybullet
assert pybullet.connect(pybullet.SHARED_MEMORY_SERVER, int(sys.argv[1])) >= 0
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
print("ready", flush=True)
while not ended.wait(1e-4):
    pybullet.setPhysicsEngineParameter()
"""


@pytest.fixture
def shared_memory_key(monkeypatch):
    """Keeps connections apart from servers that may run on this machine; returns their key."""
    key = 20_000 + os.getpid() % 10_000
    monkeypatch.setattr(bullet, "SHARED_MEMORY_KEY", key)
    return key


@pytest.fixture
def server(shared_memory_key):
    """Runs a shared-memory server."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(shared_memory_key)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    while "ready" not in (line := process.stdout.readline()):
        assert line, "the server ended"
    yield process
    if process.poll() is None:
        process.communicate(timeout=20)
    _remove_segments(shared_memory_key)


def _remove_segments(key):
    """Removes what a killed server leaves: PyBullet uses the key and the one after it."""
    if shutil.which("ipcrm"):
        for segment in (key, key + 1):
            subprocess.run(["ipcrm", "-M", str(segment)], capture_output=True, check=False)


@pytest.mark.parametrize(
    "module",
    ["block_pushing", "block_pushing_multimodal", "simulation.camera", "simulation.xarm_sim_robot"],
)
def test_without_pybullet_the_error_says_what_to_install(module):
    code = _WITHOUT_PYBULLET.format(module=module)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode != 0
    last_line = run.stderr.strip().splitlines()[-1]
    assert last_line.startswith("ImportError: block pushing needs PyBullet")
    assert "pip install --no-deps --no-build-isolation pybullet==3.2.7" in last_line
    assert "Python 3.12 and later build it from source" in last_line


@pytest.mark.skipif(
    not pathlib.Path("/proc/sysvipc/shm").exists(), reason="there is no /proc/sysvipc/shm here"
)
def test_a_killed_server_is_noticed_before_a_call_waits_forever(server):
    env = gymnasium.make("SharedBlockPush-v0").unwrapped
    env.reset(seed=0)
    server.kill()
    server.wait()
    with pytest.raises(ConnectionError, match="server has ended"):
        env.step(np.zeros(2))
    del env
    gc.collect()
    with pytest.raises(ConnectionError, match="found no PyBullet shared-memory server"):
        gymnasium.make("SharedBlockPush-v0")


def test_without_a_server_the_error_says_what_to_run(shared_memory_key):
    with pytest.raises(ConnectionError, match=r"python -m pybullet_utils\.runServer"):
        gymnasium.make("SharedBlockPush-v0")


def test_simulations_are_separate_and_can_be_closed_twice():
    first, second = block_pushing.BlockPush(seed=0), block_pushing.BlockPush(seed=0)
    first.reset(seed=0)
    second.reset(seed=0)
    for _ in range(3):
        first.step(np.array([0.02, 0.02]))
    np.testing.assert_array_equal(
        second.compute_state()["effector_target_translation"], (0.3, -0.4)
    )
    first.close()
    first.close()
    second.step(np.zeros(2))
    second.close()


def test_a_closed_simulation_does_not_touch_the_next_one():
    first = block_pushing.BlockPush()
    first.close()
    # PyBullet gives the next simulation the same number.
    second = block_pushing.BlockPush()
    with pytest.raises(bullet.pybullet.error, match="Not connected"):
        first.reset(seed=0)
    del first
    gc.collect()
    second.reset(seed=0)
    second.close()


def test_a_forgotten_client_disconnects():
    client = bullet.connect()
    client_id = client._client_id
    assert bullet.pybullet.isConnected(client_id)
    del client
    gc.collect()
    assert not bullet.pybullet.isConnected(client_id)


def test_client_offers_functions_and_constants():
    client = bullet.connect()
    assert client.JOINT_FIXED == bullet.pybullet.JOINT_FIXED
    assert client.getNumBodies() == 0
    assert client.getNumBodies is client.getNumBodies
    with pytest.raises(AttributeError, match="getNothing"):
        client.getNothing()


def test_a_server_simulates_the_same_in_real_time(server, opened):
    shared = opened(gymnasium.make("SharedBlockPush-v0").unwrapped)
    plain = opened(block_pushing.BlockPush())
    for env in (shared, plain):
        env.reset(seed=5)
    start = time.monotonic()
    for steps in (1, 2):
        seen, *_ = shared.step(np.array([0.01, 0.02]))
        # What happens between two steps counts as part of the second.
        assert time.monotonic() - start > 0.095 * steps
        expected, *_ = plain.step(np.array([0.01, 0.02]))
        for key, value in expected.items():
            np.testing.assert_array_equal(seen[key], value)


def test_yaw_is_the_third_extrinsic_euler_angle():
    quaternions = np.random.RandomState(0).randn(500, 4)
    quaternions /= np.linalg.norm(quaternions, axis=1, keepdims=True)
    expected = transform.Rotation.from_quat(quaternions).as_euler("xyz")[:, 2]
    yaws = [bullet.Pose((0.0, 0.0, 0.0), tuple(quaternion)).yaw for quaternion in quaternions]
    np.testing.assert_allclose(yaws, expected, rtol=0, atol=1e-13)


@pytest.mark.filterwarnings("ignore:Gimbal lock")
@pytest.mark.parametrize("gap", [0.0, 5e-8, 2e-7, 1e-4])
@pytest.mark.parametrize("sign", [-1, 1])
def test_yaw_of_a_body_on_its_side_is_as_scipy_defines_it(gap, sign):
    rotation = transform.Rotation.from_euler("xyz", [0.2, sign * (math.pi / 2 - gap), 0.5])
    yaw = bullet.Pose((0.0, 0.0, 0.0), tuple(rotation.as_quat())).yaw
    assert yaw == pytest.approx(rotation.as_euler("xyz")[2], abs=1e-7)


@pytest.mark.parametrize("yaw", [-3.0, -0.5, 0.0, 1.0, 3.1])
def test_yaw_survives(yaw):
    made = bullet.from_yaw((1.0, 2.0, 3.0), yaw)
    assert made.translation == (1.0, 2.0, 3.0)
    assert made.yaw == pytest.approx(yaw, abs=1e-15)
    assert all(type(x) is float for x in (*made.translation, *made.quaternion))


def test_rotation_vector_about_y_turns_z_down():
    turned = bullet.from_rotation_vector((0.0, 0.0, 0.0), (0.0, math.pi, 0.0))
    np.testing.assert_allclose(turned.quaternion, (0.0, 1.0, 0.0, 0.0), atol=1e-16)
