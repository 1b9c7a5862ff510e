from ibc import info
from ibc.environments import video
from ibc.utils import gpu
from tests import commands


def test_all_that_a_report_needs_is_said_and_written(tmp_path):
    output = tmp_path / "info.txt"
    done = commands.in_process("ibc-info", [f"--output={output}"])
    assert done.status == 0 and output.read_text() == done.output
    said = {line[:14].strip(): line[15:] for line in done.output.splitlines()}
    assert {"packages", "processor", "memory", "NVIDIA driver", "GPUs", "lanes"} <= set(said)
    assert "tensorflow 2.21" in said["packages"] and "pybullet" in said["simulators"]
    assert said["XLA"].startswith("compiles in ") and "cores" in said["processor"]
    assert "ffmpeg version" in said["ffmpeg"] or said["ffmpeg"].startswith("none: ")
    assert said["MuJoCo draws"].startswith(("with ", "nothing: "))


def test_a_gpu_that_tensorflow_does_not_see_is_explained(monkeypatch):
    monkeypatch.setattr(gpu, "driver_version", lambda: "550.54.15")
    monkeypatch.setattr(gpu, "names", lambda: ["NVIDIA RTX A4000, 16376 MiB"])
    missing = {"libcudnn.so.9": "libcudnn.so.9: cannot open shared object file"}
    monkeypatch.setattr(gpu, "missing_libraries", lambda load: missing)
    said = dict(info.lines())
    assert said["NVIDIA driver"] == "550.54.15: NVIDIA RTX A4000, 16376 MiB"
    if said["built for"].startswith("CUDA"):
        assert said["GPUs"].startswith("none: libcudnn.so.9 cannot be loaded (libcudnn.so.9: ")


def test_what_is_missing_is_said_and_ends_nothing(monkeypatch):
    def fails():
        raise FileNotFoundError("--video needs ffmpeg")

    monkeypatch.setattr(video, "find_ffmpeg", fails)
    assert info._ffmpeg() == "none: --video needs ffmpeg"
    assert list(info._versions(["nothing-of-this-name"])) == ["no nothing-of-this-name"]
