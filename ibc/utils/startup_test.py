import gc
import os
import subprocess
import sys

from ibc.utils import startup


def _python(code: str) -> subprocess.CompletedProcess:
    environment = {k: v for k, v in os.environ.items() if k != "TF_USE_LEGACY_KERAS"}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120
    )


def test_keras_2_is_chosen_and_nothing_is_printed():
    done = _python(
        "import ibc\n"
        "from ibc.utils import startup\n"
        "startup.import_tensorflow_quietly()\n"
        "import tensorflow as tf\n"
        "tf.constant(1.0)\n"
        "print(tf.keras.layers.Dense.__module__.split('.')[0])\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "tf_keras\n", "")


def test_keras_3_chosen_earlier_is_an_error_that_says_what_to_do():
    done = _python("import tensorflow\nimport ibc\n")
    assert done.returncode == 1
    assert "Import ibc before tensorflow" in done.stderr.splitlines()[-1]


def test_import_errors_show_what_was_held_back():
    done = _python(
        "import os, sys\n"
        "from ibc.utils import startup\n"
        "try:\n"
        "    with startup.native_stderr_held_back():\n"
        "        os.write(2, b'native message\\n')\n"
        "        raise ImportError('x')\n"
        "except ImportError:\n"
        "    pass\n"
    )
    assert done.stderr == "native message\n"


def test_garbage_is_ignored_while_modules_are_imported_alone():
    with startup.garbage_ignored():
        assert not gc.isenabled()
    assert gc.isenabled() and gc.get_freeze_count() > 10_000
