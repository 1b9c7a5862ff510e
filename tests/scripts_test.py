"""The scripts: the commands of the README, what makes the environment, and the benchmarks."""

import json
import pathlib
import re
import shutil
import subprocess
import sys
from importlib import metadata

import imageio_ffmpeg
import PIL.Image
import pytest

_ROOT = pathlib.Path(__file__).parent.parent


def _run(*command: str | pathlib.Path, **options) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True, **options)


@pytest.mark.slow
def test_quickstart_trains_a_policy_that_solves_the_task(tmp_path):
    done = _run(_ROOT / "quickstart.sh", "PARTICLE", tmp_path, timeout=1500)
    assert done.returncode == 0, done.stdout + done.stderr
    run = tmp_path / "runs" / "quickstart" / "particle"
    results = json.loads((run / "eval/Particle-v0/results.json").read_text())
    assert len(results["episodes"]) == 50
    assert results["averages"]["AverageSuccessMetric"] >= 0.9
    video = max(run.glob("videos/*/*.mp4"), key=lambda path: path.stat().st_mtime)
    assert imageio_ffmpeg.count_frames_and_secs(str(video))[0] == 51
    assert min(PIL.Image.open(next(run.glob("eval/*/episodes_*.png"))).size) > 500
    for line in ("Success in", "video of one episode", "What to try next"):
        assert line in done.stdout


def test_unknown_task_is_answered_with_the_known_ones():
    done = _run(_ROOT / "quickstart.sh", "PUHS")
    assert done.returncode == 2
    assert done.stderr == "Unknown task PUHS; ./quickstart.sh knows: PARTICLE, PUSH.\n"


# Stands for an interpreter: checks pass, what it is asked for is noted, and a `venv` has another.
_FAKE_PYTHON = """#!/bin/bash
echo "$(basename "$0") $*" >>"{log}"
case "$1 $2" in
  "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  "-c import importlib"*) exit 1 ;;
esac
"""
_FAKE_UV = """#!/bin/bash
echo "uv $*" >>"{log}"
[ -e "{bin}/installed" ] || [ "$2" = install ] || exit 2
touch "{bin}/installed"
[ "$2" = install ] || echo "{bin}/managed"
"""


class Checkout:
    """A copy of what makes the environment, on a machine that has no Python but fake ones."""

    def __init__(self, folder: pathlib.Path):
        """Copies the files into the folder."""
        self.root, self._bin, self._log = folder / "checkout", folder / "bin", folder / "log"
        names = "scripts/environment.sh requirements.txt requirements-gpu.txt setup.py"
        for name in names.split():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(_ROOT / name, self.root / name)
        script = self.root / "scripts/environment.sh"
        text = script.read_text()
        assert "/proc/driver/nvidia/version" in text
        self.driver = folder / "driver"  # So that one on this machine is none here.
        script.write_text(text.replace("/proc/driver/nvidia/version", str(self.driver)))
        self._bin.mkdir()
        for tool in "basename bash cat cksum cp dirname find ls mkdir sed touch".split():
            (self._bin / tool).symlink_to(shutil.which(tool))

    def program(self, name: str, text: str = _FAKE_PYTHON) -> str:
        """Puts a program where it is found; returns its path."""
        path = self._bin / name
        path.write_text(text.format(log=self._log, bin=self._bin))
        path.chmod(0o755)
        return str(path)

    def source(self, command: str = "true", **environment: str) -> subprocess.CompletedProcess:
        """Sources the script, then runs a command of a shell."""
        script = f"source {self.root}/scripts/environment.sh && {command}"
        return _run("bash", "-c", script, env={"PATH": str(self._bin), **environment})

    @property
    def log(self) -> str:
        """What the programs were asked for."""
        return self._log.read_text() if self._log.exists() else ""


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


_GPU_LIBRARIES = "requirements-gpu.txt"


def test_without_a_driver_nothing_of_cuda_is_installed(checkout):
    checkout.program("python3.11")
    checkout.program("nvidia-smi", "#!/bin/bash\necho has failed\nexit 9\n")
    assert checkout.source().returncode == 0
    assert "requirements.txt" in checkout.log and _GPU_LIBRARIES not in checkout.log


@pytest.mark.parametrize("found", ["file", "tool", "asked for"])
def test_cuda_is_installed_once_also_into_an_environment_that_is_there(checkout, found):
    checkout.program("python3.11")
    assert checkout.source().returncode == 0
    environment = {"IBC_GPU": "1"} if found == "asked for" else {}
    if found == "file":
        checkout.driver.touch()
    if found == "tool":
        checkout.program("nvidia-smi", "#!/bin/bash\n[ $1 = -L ]\n")
    done = checkout.source(**environment)
    assert done.returncode == 0 and "Installing CUDA's libraries in" in done.stdout
    assert ("There is an NVIDIA driver; IBC_GPU=0" in done.stdout) == (not environment)
    assert f"--no-deps -r {checkout.root}/{_GPU_LIBRARIES}\n" in checkout.log
    assert checkout.log.count("-m venv") == 1
    requests = checkout.log
    assert checkout.source(**environment).returncode == 0 and checkout.log == requests
    with (checkout.root / _GPU_LIBRARIES).open("a") as file:
        file.write("# of another version\n")
    assert checkout.source(**environment).returncode == 0
    assert checkout.log.count(_GPU_LIBRARIES) == 2 and checkout.log.count("-m venv") == 1


def test_a_driver_may_be_left_alone(checkout):
    checkout.program("python3.11")
    checkout.driver.touch()
    assert checkout.source(IBC_GPU="0").returncode == 0 and _GPU_LIBRARIES not in checkout.log
    done = checkout.source(IBC_GPU="yes")
    assert done.returncode == 1 and _GPU_LIBRARIES not in checkout.log
    assert done.stderr == "IBC_GPU must be 1 or 0, or not set, but is 'yes'.\n"


def test_cuda_that_cannot_be_installed_is_an_error_and_tried_again(checkout):
    failing = _FAKE_PYTHON + '[[ "$*" != *requirements-gpu* ]] || ! echo no room >&2\n'
    checkout.program("python3.11", failing)
    checkout.driver.touch()
    for tried in (1, 2):
        done = checkout.source()
        assert done.returncode == 1 and checkout.log.count(_GPU_LIBRARIES) == tried
        assert done.stderr.startswith("no room\nCUDA's libraries could not be installed. IBC_GPU=0")
    assert checkout.source(IBC_GPU="0").returncode == 0


def test_the_libraries_of_cuda_are_those_that_tensorflow_names():
    pins = re.findall(r"^(nvidia-\S+)==", (_ROOT / _GPU_LIBRARIES).read_text(), re.MULTILINE)
    wanted = [text for text in metadata.requires("tensorflow") if "and-cuda" in text]
    assert sorted(pins) == sorted(re.match(r"[\w-]+", text)[0] for text in wanted)
    assert "://" not in (_ROOT / _GPU_LIBRARIES).read_text()


@pytest.mark.parametrize(
    ("contents", "maker"),
    [
        ({".checkout": "/somebody/else\n"}, "/somebody/else has made"),
        ({".installed": "1 2\n/an/older/version\n"}, "/an/older/version has made"),
        ({"pyvenv.cfg": "uv = 1"}, "something else than this checkout has made"),
    ],
)
def test_what_others_have_made_is_left_alone(checkout, tmp_path, contents, maker):
    checkout.program("python3.11")
    venv = tmp_path / "venv"
    venv.mkdir()
    for name, text in contents.items():
        (venv / name).write_text(text)
    done = checkout.source(IBC_VENV=str(venv))
    assert done.returncode == 1 and not checkout.log
    assert done.stderr.startswith(f"IBC_VENV names {venv}, which {maker};")
    assert {path.name: path.read_text() for path in venv.iterdir()} == contents


def test_an_environment_here_that_another_tool_has_made_is_left_alone(checkout):
    checkout.program("python3.11")
    (checkout.root / ".venv").mkdir()
    (checkout.root / ".venv/pyvenv.cfg").touch()
    done = checkout.source()
    assert done.returncode == 1 and "erase it. Remove it, or name another" in done.stderr
    assert (checkout.root / ".venv/pyvenv.cfg").exists() and not checkout.log


@pytest.mark.parametrize("mark", [".checkout", ".installed"])
def test_an_own_environment_is_made_anew_once(checkout, mark):
    checkout.program("python3.11")
    venv = checkout.root / ".venv"
    (venv / "lib").mkdir(parents=True)
    (venv / mark).write_text("of before\n/before/it/was/moved\n")
    assert checkout.source().returncode == 0
    assert not (venv / "lib").exists() and f"python3.11 -m venv {venv}\n" in checkout.log
    requests = checkout.log
    assert checkout.source().returncode == 0 and checkout.log == requests


def test_what_was_interrupted_while_it_was_made_is_made_anew(checkout, tmp_path):
    checkout.program("python3.11", "#!/bin/bash\n[ $1 = -c ]")
    environment = {"IBC_VENV": str(tmp_path / "venv")}
    assert checkout.source(**environment).returncode == 1
    checkout.program("python3.11")
    assert checkout.source(**environment).returncode == 0


@pytest.mark.parametrize("found", ["python3.10", "python3.12", "python3.13"])
def test_any_supported_python_will_do_and_311_is_preferred(checkout, found):
    checkout.program(found)
    assert checkout.source().returncode == 0 and f"{found} -m venv" in checkout.log
    (checkout.root / ".venv/.installed").unlink()
    checkout.program("python3.11")
    assert checkout.source().returncode == 0 and "python3.11 -m venv" in checkout.log


@pytest.mark.parametrize(
    ("version", "is_supported"),
    [("3, 9, 18", False), ("3, 10, 0", True), ("3, 13, 9", True), ("3, 14, 0", False)],
)
def test_an_interpreter_is_asked_for_its_version(checkout, version, is_supported):
    checkout.program("python3.11")
    checkout.source()
    text = f'#!/bin/bash\nexec {sys.executable} -c "import sys; sys.version_info = ({version})\n$2"'
    chosen = checkout.program("chosen", text)
    done = checkout.source("find_base_python", IBC_PYTHON=chosen)
    assert (done.returncode, done.stdout) == ((0, f"{chosen}\n") if is_supported else (1, ""))


def test_without_a_python_uv_gives_one(checkout):
    done = checkout.source()
    assert done.returncode == 1 and done.stderr.startswith("No Python 3.10 to 3.13 with venv")
    checkout.program("managed")
    checkout.program("uv", _FAKE_UV)
    done = checkout.source()
    assert done.returncode == 0, done.stderr
    assert "uv python install 3.11\n" in checkout.log and "managed -m venv" in checkout.log
    assert "uv installs Python 3.11" in done.stderr


def test_pybullet_that_cannot_be_built_is_said_and_not_tried_again(checkout):
    failing = _FAKE_PYTHON + '[[ "$*" != *" pybullet=="* ]] || ! echo no compiler\n'
    checkout.program("python3.12", failing)
    done = checkout.source("build_pybullet")
    assert done.returncode == 1
    log = checkout.root / ".venv/pybullet_build.log"
    assert log.read_text() == "no compiler\n"
    assert done.stderr.startswith("Block pushing is missing:") and str(log) in done.stderr
    requests = checkout.log.count("pybullet==")
    assert checkout.source("build_pybullet").returncode == 1
    assert checkout.log.count("pybullet==") == requests == 1


def test_images_and_workflows_run_what_people_run():
    workflow = (_ROOT / ".github/workflows/ci.yml").read_text()
    for command in ("./quickstart.sh", "./run_tests.sh"):
        assert (_ROOT / command).exists()
        assert f"- run: {command}\n" in workflow and command in (_ROOT / "Dockerfile").read_text()
    declared = (_ROOT / "pyproject.toml").read_text()
    first, end = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', declared).groups()
    supported = [f"3.{minor}" for minor in range(int(first), int(end))]
    assert json.loads(re.search(r"python: (\[.*\])", workflow)[1]) == supported


def test_every_extra_is_explained():
    extras = re.search(
        r"extras_require=\{(.*?)\n    \}", (_ROOT / "setup.py").read_text(), re.DOTALL
    )
    names = re.findall(r'^ {8}"([\w-]+)": ', extras[1], re.MULTILINE)
    page = (_ROOT / "docs" / "installation.md").read_text()
    assert "gpu" in names and [name for name in names if f"`{name}`" not in page] == []


def test_the_same_ruff_runs_before_a_commit_and_in_the_tests():
    pinned = re.search(r"^ruff==\S+$", (_ROOT / "requirements.txt").read_text(), re.MULTILINE)[0]
    hooks = (_ROOT / ".pre-commit-config.yaml").read_text()
    assert set(re.findall(r"ruff==[\d.]+", hooks)) == {pinned}


@pytest.mark.slow
def test_all_benchmarks_in_one_command(tmp_path, report):
    results = tmp_path / "results.json"
    options = ("--quick", "--device=cpu", f"--json={results}")
    run = _run(sys.executable, _ROOT / "benchmarks/run.py", *options)
    assert run.returncode == 0, run.stderr[-3000:]
    found = json.loads(results.read_text())
    assert set(found) == set(
        "device computer machine training actions evaluation input start_up".split()
    )
    assert found["device"] == "cpu" and "cores" in found["computer"]["processor"]
    assert all(found.values())
    # Every line is printed as it is measured.
    lines = sum(len(rows) for name, rows in found.items() if name not in ("device", "computer"))
    assert len(run.stdout.splitlines()) >= lines
    report("benchmarks in a moment, which says nothing about speed", f"{lines} lines")
