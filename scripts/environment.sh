# Sourced by the commands of this folder's parent: makes .venv if it is missing or out of date,
# and sets PYTHON to its interpreter. Set IBC_PYTHON to choose another base interpreter.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=${IBC_VENV:-$root/.venv}
PYTHON=$venv/bin/python

find_base_python() {
  local candidate
  for candidate in ${IBC_PYTHON:-python3.11 python3.10 python3 python}; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 10), (3, 11)))' \
      2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  echo "No Python 3.10 or 3.11 found (looked for: ${IBC_PYTHON:-python3.11 python3.10 python3})." \
    "Install one, or name it with IBC_PYTHON=/path/to/python." >&2
  return 1
}

# An environment of another checkout, or a folder of something else, is not ours to clear.
check_is_ours() {
  local maker
  if [ -z "${IBC_VENV:-}" ] || [ -z "$(ls -A "$venv" 2>/dev/null)" ]; then
    return
  fi
  maker=$(cat "$venv/.checkout" 2>/dev/null || sed -n 2p "$venv/.installed" 2>/dev/null)
  if [ "$maker" != "$root" ]; then
    echo "IBC_VENV names $venv, which ${maker:-something else than this checkout} has made;" \
      "making an environment here would erase it. Name another folder, or remove it." >&2
    return 1
  fi
}

make_environment() {
  local wanted base
  wanted=$(cat "$root/requirements.txt" "$root/setup.py" | cksum; echo "$root")
  if [ "$(cat "$venv/.installed" 2>/dev/null)" = "$wanted" ]; then
    return
  fi
  check_is_ours || return 1
  base=$(find_base_python) || return 1
  echo "Making the Python environment in $venv (once; a few minutes, 2 GB) ..."
  "$base" -m venv --clear "$venv" || return 1
  echo "$root" >"$venv/.checkout"
  "$PYTHON" -m pip install --quiet --disable-pip-version-check --no-deps \
    -r "$root/requirements.txt" || return 1
  "$PYTHON" -m pip install --quiet --disable-pip-version-check --no-deps \
    --no-build-isolation --editable "$root" || return 1
  echo "$wanted" >"$venv/.installed"
}

make_environment || exit 1
