import pathlib
import types

import pytest
import tensorflow as tf
from tensorflow.python.platform import build_info

from ibc.utils import gpu, startup

_VERSION = """NVRM version: NVIDIA UNIX x86_64 Kernel Module  {}  Thu Feb 22 01:44:30 UTC 2024
GCC version:  gcc version 11.4.0 (Ubuntu 11.4.0-1ubuntu1~22.04)
"""


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """Returns a function that puts a driver of a version on the machine, and takes others off."""
    monkeypatch.setattr(gpu, "DRIVER_FILE", tmp_path / "version")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def put(version: str) -> None:
        (tmp_path / "version").write_text(_VERSION.format(version))

    return put


@pytest.fixture
def nvidia_smi(tmp_path, driver):
    """Returns a function that puts a tool of the driver on the PATH."""

    def put(script: str) -> None:
        (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "nvidia-smi").chmod(0o755)

    return put


def found(path: str) -> object:
    """Opens every library; a driver has no GPU."""

    def name_of(code: int, name) -> None:
        name._obj.value = b"CUDA_ERROR_NO_DEVICE"

    return types.SimpleNamespace(cuInit=lambda flags: 100, cuGetErrorName=name_of)


def test_without_a_driver_nothing_is_found(driver):
    assert gpu.driver_version() is None and gpu.names() == []
    assert gpu.why_none(found) == "there is no NVIDIA driver (`nvidia-smi` finds none)"


@pytest.mark.parametrize("version", ["550.54.15", "535.230", "580.95.05"])
def test_the_driver_says_its_version_itself(driver, version):
    driver(version)
    assert gpu.driver_version() == version


def test_where_it_has_no_file_its_tool_is_asked(nvidia_smi):
    nvidia_smi('[ "$1" = --query-gpu=driver_version ] && echo 566.14 || echo "RTX 4090, 24564 MiB"')
    assert gpu.driver_version() == "566.14" and gpu.names() == ["RTX 4090, 24564 MiB"]


def test_a_tool_without_a_driver_is_none(nvidia_smi):
    nvidia_smi('echo "NVIDIA-SMI has failed because it could not communicate" && exit 9')
    assert gpu.driver_version() is None and gpu.names() == []


def test_the_library_that_cannot_be_loaded_is_named(driver):
    driver("550.54.15")

    def load(path: str) -> object:
        if "cudnn" in path or "nccl" in path:
            raise OSError(f"{pathlib.Path(path).name}: cannot open shared object file")
        return found(path)

    assert set(gpu.missing_libraries(load)) == {"libcudnn.so.9", "libnccl.so.2"}
    assert gpu.why_none(load).startswith(
        "libcudnn.so.9 cannot be loaded (libcudnn.so.9: cannot open shared object file), "
        "nor can libnccl.so.2; `pip install --no-deps -r requirements-gpu.txt`"
    )


def test_libraries_are_really_opened():
    opened = []

    def load(path: str) -> object:
        opened.append(path)
        raise OSError("none")

    assert len(gpu.missing_libraries(load)) == len({pathlib.Path(path).name for path in opened})


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("470.256.02", "the driver 470.256.02 is too old for CUDA 12, which needs 525.60.13"),
        ("550.54.15", "the driver 550.54.15 answers: CUDA_ERROR_NO_DEVICE (100)"),
    ],
)
def test_what_the_driver_itself_is_the_reason_of(driver, version, said):
    driver(version)
    assert said in gpu.why_none(found)


def test_a_hidden_gpu_is_told(driver, monkeypatch):
    driver("550.54.15")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert gpu.why_none(found) == (
        "CUDA_VISIBLE_DEVICES is '-1' in the environment, which may hide it"
    )


def test_the_libraries_are_those_of_this_tensorflow(driver):
    driver("550.54.15")
    built = build_info.build_info
    if not built["is_cuda_build"]:
        assert "built without CUDA" in gpu.why_none(found)
    else:
        assert built["cuda_version"].split(".")[0] == "12" and built["cudnn_version"] == "9"


@pytest.fixture
def configured(monkeypatch):
    """What TensorFlow is told of two GPUs that are not there."""
    told, gpus = [], [f"GPU:{index}" for index in range(2)]
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: gpus)
    for name in ("experimental.set_memory_growth", "set_logical_device_configuration"):
        owner = tf.config.experimental if "." in name else tf.config
        name = name.rpartition(".")[2]
        monkeypatch.setattr(owner, name, lambda *args, name=name: told.append((name, *args)))
    return told


def test_memory_grows_or_has_a_limit_on_every_gpu(configured):
    startup.import_tensorflow_alone_quietly()
    assert configured == [("set_memory_growth", f"GPU:{index}", True) for index in range(2)]
    configured.clear()
    gpu.limit_memory(4096)
    assert [device for _, device, _ in configured] == ["GPU:0", "GPU:1"]
    assert all(limit[0].memory_limit == 4096 for _, _, limit in configured)
    assert gpu.device() == "/gpu:0"


def test_a_machine_without_gpus_has_no_such_device(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [])
    assert gpu.device() is None
    gpu.let_memory_grow()
