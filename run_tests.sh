#!/usr/bin/env bash
# Runs the tests, making the Python environment first if it is missing.
#   ./run_tests.sh            fast tests, formatting and types
#   ./run_tests.sh --slow     the slow ones too: learning and crash checks
#   ./run_tests.sh PATH ...   some tests, with any pytest options
set -euo pipefail
cd "$(dirname "$0")"
source scripts/environment.sh
build_pybullet || echo "Tests of block pushing are skipped." >&2
# A crash in compiled code says where Python was, in the tests' child processes too.
export PYTHONFAULTHANDLER=1
# A hundred processes import the same modules, which one of them compiles.
unset PYTHONDONTWRITEBYTECODE

marker="not slow"
if [ "${1:-}" = "--slow" ]; then
  marker="slow or not slow"
  shift
fi
if [ $# -eq 0 ]; then
  "$PYTHON" -m ruff format --check --quiet . || {
    echo "Run: $PYTHON -m ruff format ." >&2
    exit 1
  }
  "$PYTHON" -m ruff check --quiet .
  "$PYTHON" scripts/check_types.py
  # Side by side, file by file: most tests use one core, and some wait. One more than there are
  # cores keeps these busy; more than four have no memory in a laptop. TensorFlow keeps some of what
  # it has compiled, so each part begins with new processes.
  processes=$("$PYTHON" -c 'import os; print(min(4, (os.cpu_count() or 1) + 1))')
  status=0
  for part in tests ibc "environments data networks"; do
    # shellcheck disable=SC2086
    "$PYTHON" -m pytest -m "$marker" -n "$processes" --dist loadfile --no-loadscope-reorder $part ||
      status=$?
    [ "$status" != 2 ] || break # Ctrl-C
  done
  exit "$status"
fi
exec "$PYTHON" -m pytest -m "$marker" "$@"
