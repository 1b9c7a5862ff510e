"""Says what this computer has and what is found of it: what to paste in a bug report.

Examples:
    ibc-info
    ibc-info --output=info.txt
"""

import argparse
import importlib.metadata
import os
import pathlib
import platform
import re
import subprocess
import time
from collections.abc import Iterator, Sequence

from ibc.utils import atomic_file, gpu, program, startup

_PACKAGES = (
    *("ibc-tf", "tensorflow", "tf-keras", "tf-agents-nightly", "tensorflow-probability"),
    *("numpy", "gin-config", "gymnasium"),
)
_SIMULATORS = ("pybullet", "mujoco", "gymnasium-robotics", "gym-pusht", "robosuite")
# What makes products of matrices fast, as Linux calls it.
_FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "asimd", "bf16")
_SCENE = """<mujoco><worldbody><light pos="0 0 3"/><geom type="box" size=".3 .3 .3"/>
<camera name="c" pos="0 -3 0" xyaxes="1 0 0 0 0 1"/></worldbody></mujoco>"""
_WIDTH = 14


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    parser = program.Parser("ibc-info", description=__doc__.splitlines()[0])
    parser.add_argument("--output", metavar="FILE", help="text file to write it to, too")
    program.add_common(parser)
    return parser


def computer() -> dict[str, str]:
    """Returns what numbers were computed on: system, packages, processor, memory."""
    return {
        "system": f"Python {platform.python_version()}, {platform.platform()}",
        "packages": ", ".join(_versions(_PACKAGES)),
        "processor": _processor(),
        "memory": _memory(),
    }


def lines() -> Iterator[tuple[str, str]]:
    """Yields what there is, and what is found of it."""
    yield from computer().items()
    yield "NVIDIA driver", _driver()
    startup.import_tensorflow_alone_quietly()
    yield from _tensorflow()
    yield "simulators", ", ".join(_versions(_SIMULATORS))
    yield "MuJoCo draws", _mujoco_draws()
    yield "ffmpeg", _ffmpeg()


def _versions(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        try:
            yield f"{name} {importlib.metadata.version(name)}"
        except importlib.metadata.PackageNotFoundError:
            yield f"no {name}"


def _processor() -> str:
    from ibc.utils import child_process

    told = pathlib.Path("/proc/cpuinfo")
    text = told.read_text(errors="replace") if told.exists() else ""
    name = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    flags = re.search(r"^(?:flags|Features)\s*: (.*)$", text, re.MULTILINE)
    known = set(flags[1].split()) if flags else set()
    parts = [
        name[1] if name else platform.processor() or platform.machine(),
        f"{child_process.num_cores()} of {os.cpu_count()} cores",
        " ".join(feature for feature in _FEATURES if feature in known),
    ]
    return ", ".join(filter(None, parts))


def _memory() -> str:
    told = pathlib.Path("/proc/meminfo")
    if not told.exists():
        return "unknown"
    sizes = dict(re.findall(r"^(\w+):\s+(\d+) kB", told.read_text(), re.MULTILINE))
    total, free = (int(sizes[name]) * 1024e-9 for name in ("MemTotal", "MemAvailable"))
    return f"{total:.1f} GB, {free:.1f} GB of it free"


def _driver() -> str:
    version = gpu.driver_version()
    return f"{version}: {'; '.join(gpu.names()) or 'no GPU'}" if version else "none"


def _tensorflow() -> Iterator[tuple[str, str]]:
    """Yields what TensorFlow sees; it is imported."""
    import tensorflow as tf

    from ibc.utils.parallel import lanes

    lanes.set_up()
    built = tf.sysconfig.get_build_info()
    cuda = f"CUDA {built['cuda_version']}, cuDNN {built['cudnn_version']}"
    yield "built for", cuda if built["is_cuda_build"] else "processors alone"
    gpus = tf.config.list_physical_devices("GPU")
    yield "GPUs", "; ".join(map(_described, gpus)) or f"none: {gpu.why_none()}"
    if gpus and (missing := gpu.missing_libraries()):
        yield "not loaded", "; ".join(missing.values())
    yield "lanes", str(lanes.count())
    yield "XLA", _xla()


def _described(device) -> str:
    import tensorflow as tf

    details = tf.config.experimental.get_device_details(device)
    capability = ".".join(map(str, details.get("compute_capability", ())))
    return f"{details.get('device_name', device.name)}, compute capability {capability}"


def _xla() -> str:
    import tensorflow as tf

    compiled = tf.function(lambda x: tf.linalg.matmul(x, x), jit_compile=True)
    start = time.perf_counter()
    try:
        with startup.native_stderr_held_back():
            compiled(tf.ones([8, 8]))
    except tf.errors.OpError as error:
        return f"fails: {error.message.splitlines()[0]}"
    return f"compiles in {time.perf_counter() - start:.1f} s"


def _mujoco_draws() -> str:
    try:
        import mujoco
    except ImportError:
        return "nothing: it is not installed"
    from ibc.environments import mujoco_drawing

    model = mujoco.MjModel.from_xml_string(_SCENE)
    drawer = mujoco_drawing.Drawer(model, mujoco.MjData(model), "c")
    try:
        drawer.draw(64, 64)
        return f"with {drawer.backend or 'what it has chosen'}"
    except OSError as error:
        return f"nothing: {error}"
    finally:
        drawer.close()


def _ffmpeg() -> str:
    from ibc.environments import video

    try:
        path = video.find_ffmpeg()
        told = subprocess.run([path, "-version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        return f"none: {error}"
    return f"{told.stdout.partition(' Copyright')[0]}, {path}"


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; any foreseeable failure is one line and a non-zero status."""
    arguments = make_parser().parse_args(argv)
    with program.one_line_errors(arguments.debug, interrupted="interrupted."):
        output = arguments.output and pathlib.Path(arguments.output)
        if output:
            atomic_file.check_place(output, "--output=")
        said = []
        for name, value in lines():
            said.append(f"{name:{_WIDTH}} {value}")
            program.say(said[-1])
        if output:
            with atomic_file.replacing(output) as temporary:
                pathlib.Path(temporary).write_text("\n".join(said) + "\n", encoding="utf-8")


def run() -> None:
    """Entry point of the console script."""
    program.set_up_logging()
    main()


if __name__ == "__main__":
    run()
