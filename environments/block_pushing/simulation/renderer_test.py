import subprocess
import sys

import numpy as np
import pytest

from ibc.environments.block_pushing import block_pushing
from ibc.environments.block_pushing.simulation import renderer

_SIZE = (60, 80)
_ACTIONS = np.random.RandomState(0).uniform(-0.03, 0.03, (8, 2)).astype(np.float32)
_QUIETLY = """
import sys
from ibc.environments.block_pushing import block_pushing
env = block_pushing.BlockPush(image_size=(60, 80), renderer="egl")
env.reset(seed=0)
env.close()
block_pushing.BlockPush(renderer="egl").reset(seed=1)
print("done", flush=True)
"""
_BESIDE = """
import ibc
import tensorflow as tf
from ibc.environments.block_pushing import block_pushing
env = block_pushing.BlockPush(image_size=(60, 80), renderer="egl")
env.reset(seed=0)
add = tf.function(lambda values: values + 3.0, jit_compile=True)
before = float(add(1.0))
env.step([0.01, 0.01])
print([before, float(add(1.0))])
"""


@pytest.fixture(name="device")
def _device():
    """Name of what draws with EGL; skips where there is no EGL."""
    try:
        return renderer._egl_device()
    except OSError as error:
        pytest.skip(f"EGL draws no pictures here: {error}")


@pytest.fixture(name="ending")
def _ending(monkeypatch):
    """Returns a function that sets what the trial of EGL does in the process of its own."""
    renderer._egl_device.cache_clear()

    def end(code: str) -> None:
        monkeypatch.setattr(renderer, "_TRIAL", code)

    yield end
    renderer._egl_device.cache_clear()


def _episode(env):
    first, _ = env.reset(seed=3)
    return [first, *(env.step(action)[0] for action in _ACTIONS)]


def test_egl_draws_the_same_scene_and_changes_no_digit_of_it(opened, device):
    tiny, egl = (
        opened(block_pushing.BlockPush(image_size=_SIZE, renderer=name)) for name in ("tiny", "egl")
    )
    for ours, theirs in zip(_episode(egl), _episode(tiny), strict=True):
        pictures = [observation.pop("rgb") for observation in (ours, theirs)]
        for key in theirs:
            np.testing.assert_array_equal(ours[key], theirs[key])
        assert pictures[0].shape == (*_SIZE, 3) and pictures[0].std() > 20
        difference = np.abs(np.subtract(*pictures, dtype=int))
        assert 0 < difference.mean() < 40
        assert np.corrcoef(*map(np.ravel, pictures))[0, 1] > 0.9


def test_egl_draws_after_the_world_was_built_again(opened, device):
    env = opened(block_pushing.BlockPush(image_size=_SIZE, renderer="egl"))
    before = _episode(env)[-1]["rgb"]
    env.scene._build()
    np.testing.assert_array_equal(_episode(env)[-1]["rgb"], before)


def test_egl_says_nothing(device):
    done = subprocess.run([sys.executable, "-c", _QUIETLY], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_egl_draws_beside_tensorflow(device):
    done = subprocess.run([sys.executable, "-c", _BESIDE], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "[4.0, 4.0]\n"), done.stderr


@pytest.mark.parametrize(
    ("said", "chosen"),
    [
        ("llvmpipe (LLVM 15.0.6, 256 bits)", "tiny"),
        ("NVIDIA H100 80GB HBM3/PCIe/SSE2", "egl"),
        ("Mesa Intel(R) Graphics (ADL GT2)", "egl"),
    ],
)
def test_auto_takes_egl_where_a_gpu_draws(ending, said, chosen, caplog):
    ending(f"print('GL_VENDOR=X'); print('GL_RENDERER={said}')")
    with caplog.at_level("INFO", logger="absl"):
        assert renderer.choose("auto") == chosen
    assert said in caplog.text
    assert renderer.choose("egl") == "egl"
    assert renderer.choose("tiny") == "tiny"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import sys; sys.exit('failed to EGL with glad.')", "failed to EGL with glad"),
        ("import os; os._exit(7)", "it ended with status 7"),
        ("import time; time.sleep(60)", "nothing was drawn in 0.5 s"),
    ],
)
def test_where_egl_does_not_work(ending, monkeypatch, code, reason, caplog):
    monkeypatch.setattr(renderer, "_TRIAL_SECONDS", 0.5 if "sleep" in code else 60)
    ending(code)
    with caplog.at_level("INFO", logger="absl"):
        assert renderer.choose("auto") == "tiny"
    assert reason in caplog.text
    with pytest.raises(ValueError, match=f"EGL draws no pictures here: {reason}.* Choose 'tiny'"):
        renderer.choose("egl")


def test_a_pybullet_without_the_plugin(ending, monkeypatch):
    monkeypatch.setattr(renderer, "_PLUGIN", "no_such_plugin")
    with pytest.raises(ValueError, match="was built without its plugin"):
        block_pushing.BlockPush(renderer="egl")
    assert renderer.choose("auto") == "tiny"


def test_what_is_observed_and_filmed_is_drawn_once(opened, monkeypatch):
    env = opened(block_pushing.BlockPush(image_size=_SIZE, render_mode="rgb_array"))
    draw, drawn = type(env._look.camera).render, []

    def counted(camera, client, size):
        drawn.append(size)
        return draw(camera, client, size)

    monkeypatch.setattr(type(env._look.camera), "render", counted)
    observation, _ = env.reset(seed=0)
    for action in _ACTIONS:
        np.testing.assert_array_equal(env.render(), observation["rgb"])
        np.testing.assert_array_equal(env.compute_state()["rgb"], observation["rgb"])
        observation, *_ = env.step(action)
    assert len(drawn) == 1 + len(_ACTIONS)
    # A picture belongs to its owner, and one of what has been moved since is a new one.
    observation["rgb"][:] = 0
    assert env.render().any()
    before, block = env.render(), env.scene.blocks[0]
    env.scene.place(block, env.scene.pose_of(block)._replace(translation=(0.5, 0.3, 0.02)))
    assert not np.array_equal(env.render(), before)
    assert len(drawn) == 2 + len(_ACTIONS)
