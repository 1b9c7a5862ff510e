"""How much memory this process takes."""

import pathlib
import resource
import sys

_STATUS = pathlib.Path("/proc/self/status")


def resident_mb() -> float:
    """Memory of this process now, in 10⁶ bytes; where Linux does not tell, the peak."""
    return _of_linux("VmRSS") or _peak_of_unix()


def peak_mb() -> float:
    """The most memory that this process has taken, in 10⁶ bytes."""
    # Unix's figure is, after a fork, at least that of the process it was forked from.
    return _of_linux("VmHWM") or _peak_of_unix()


def _of_linux(name: str) -> float:
    if not _STATUS.exists():
        return 0.0
    lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    return next((int(line.split()[1]) * 1.024e-3 for line in lines if line.startswith(name)), 0.0)


def _peak_of_unix() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1.024e-3
