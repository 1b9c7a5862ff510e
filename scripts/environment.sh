# Sourced by the commands of this folder's parent: makes .venv if it is missing or out of date,
# and sets PYTHON to its interpreter. Set IBC_PYTHON to choose another base interpreter, IBC_VENV
# another folder, IBC_GPU to 1 or 0 to install CUDA's libraries or not, with or without a driver.
# Gives them build_pybullet, for what needs block pushing.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=${IBC_VENV:-$root/.venv}
PYTHON=$venv/bin/python

# Those that all packages have wheels for come first.
find_base_python() {
  local candidate
  for candidate in ${IBC_PYTHON:-python3.11 python3.10 python3.12 python3.13 python3 python}; do
    if "$candidate" -c 'import ensurepip, sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' \
      2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  if [ -z "${IBC_PYTHON:-}" ] && command -v uv >/dev/null; then
    uv python find --no-project 3.11 2>/dev/null && return
    echo "No Python 3.10 to 3.13 found: uv installs Python 3.11 ..." >&2
    uv python install 3.11 >&2 && uv python find --no-project 3.11 && return
  fi
  echo "No Python 3.10 to 3.13 with venv and pip found (looked for:" \
    "${IBC_PYTHON:-python3.11, python3.10, python3.12, python3.13, python3, uv})." \
    "Install one, or name it with IBC_PYTHON=/path/to/python." >&2
  return 1
}

# An environment of another checkout, or a folder of something else, is not ours to clear.
check_is_ours() {
  local maker
  if [ -z "$(ls -A "$venv" 2>/dev/null)" ]; then
    return
  fi
  maker=$(cat "$venv/.checkout" 2>/dev/null || sed -n 2p "$venv/.installed" 2>/dev/null)
  if [ -n "$maker" ] && [ "$maker" = "$root" -o -z "${IBC_VENV:-}" ]; then
    return
  fi
  echo "${IBC_VENV:+IBC_VENV names }$venv, which ${maker:-something else than this checkout} has" \
    "made; making an environment here would erase it. Remove it, or name another folder with" \
    "IBC_VENV." >&2
  return 1
}

make_environment() {
  local wanted base
  wanted=$(cat "$root/requirements.txt" "$root/setup.py" | cksum; echo "$root")
  if [ "$(cat "$venv/.installed" 2>/dev/null)" = "$wanted" ]; then
    return
  fi
  check_is_ours || return 1
  base=$(find_base_python) || return 1
  echo "Making the Python environment in $venv (once; a few minutes, 4 GB) ..."
  # Its mark stays while it is cleared, so that an interruption leaves nothing without one.
  mkdir -p "$venv" && echo "$root" >"$venv/.checkout" || return 1
  find "$venv/" -mindepth 1 ! -path "$venv/.checkout" -delete || return 1
  "$base" -m venv "$venv" || return 1
  "$PYTHON" -m pip install --quiet --disable-pip-version-check --no-deps \
    -r "$root/requirements.txt" || return 1
  "$PYTHON" -m pip install --quiet --disable-pip-version-check --no-deps \
    --no-build-isolation --editable "$root" || return 1
  echo "$wanted" >"$venv/.installed"
}

# There are no wheels of PyBullet for Python 3.12 and later. Without it all else works.
build_pybullet() {
  local log=$venv/pybullet_build.log version
  if "$PYTHON" -c 'import importlib.util as u, sys; sys.exit(not u.find_spec("pybullet"))'; then
    return
  fi
  if [ ! -e "$log" ]; then
    echo "Building PyBullet from source, for block pushing (once; 10 to 20 minutes) ..."
    version=$(sed -n 's/^\(pybullet==[^ ;]*\).*/\1/p' "$root/requirements.txt")
    # In this environment, for its NumPy: without it, the camera is slow.
    "$PYTHON" -m pip install --disable-pip-version-check --no-deps --no-build-isolation \
      "$version" >"$log" 2>&1 && return
  fi
  echo "Block pushing is missing: PyBullet has no wheel for this Python and could not be built" \
    "from source (see $log). Install a C++ compiler and Python's headers, remove that file and" \
    "start again; or use Python 3.11." >&2
  return 1
}

# TensorFlow for Linux on x86-64 alone computes on GPUs. Under WSL there is no file of the driver.
has_gpu() {
  [[ $OSTYPE = linux* && $HOSTTYPE = x86_64 ]] || return 1
  [ -e /proc/driver/nvidia/version ] || nvidia-smi -L >/dev/null 2>&1
}

# Into an environment that is there, too: a driver may come later.
install_gpu_libraries() {
  local wanted=${IBC_GPU:-} compiled
  if [[ $wanted != @(|0|1) ]]; then
    echo "IBC_GPU must be 1 or 0, or not set, but is '$wanted'." >&2
    return 1
  fi
  [ "$wanted" != 0 ] && { [ "$wanted" = 1 ] || has_gpu; } || return 0
  compiled=$(cksum <"$root/requirements-gpu.txt")
  if [ "$(cat "$venv/.gpu" 2>/dev/null)" = "$compiled" ]; then
    return
  fi
  [ -n "$wanted" ] || echo "There is an NVIDIA driver; IBC_GPU=0 would leave GPUs alone."
  echo "Installing CUDA's libraries in $venv (once; a few minutes, 3 GB) ..."
  if ! "$PYTHON" -m pip install --quiet --disable-pip-version-check --no-deps \
    -r "$root/requirements-gpu.txt"; then
    echo "CUDA's libraries could not be installed. IBC_GPU=0 does without them, on the" \
      "processor; an own CUDA is described in docs/installation.md." >&2
    return 1
  fi
  echo "$compiled" >"$venv/.gpu"
}

make_environment || exit 1
install_gpu_libraries || exit 1
