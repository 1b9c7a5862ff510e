import os
import re
import subprocess
import sys

import pytest
import tensorflow as tf

from ibc.utils import child_process, program
from tests import commands


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["prog", "--", "--task=A"], ["prog", "--task=A"]),
        (["prog", "--task=A"], ["prog", "--task=A"]),
        (["prog", "--task=A", "--", "x"], ["prog", "--task=A", "--", "x"]),
        (["prog"], ["prog"]),
    ],
)
def test_only_a_leading_lone_dash_is_dropped(argv, expected):
    assert program.without_lone_dashes(argv) == expected


def test_failure_is_one_line_and_a_status(capsys):
    with pytest.raises(SystemExit) as end:
        program.fail(ValueError("n_dim is wrong\n  In call to configurable"), status=3)
    assert end.value.code == 3
    assert capsys.readouterr().err == "error: n_dim is wrong\n"


def test_of_what_keras_wraps_the_sentence_that_counts_is_shown(capsys):
    layer = tf.keras.layers.Dense(1)

    def call(inputs):
        raise ValueError("the image must be a vector: give a config for pixels.")

    layer.call = call
    with pytest.raises(SystemExit), program.one_line_errors():
        layer(tf.zeros([1, 1]))
    line = capsys.readouterr().err
    assert line == "error: the image must be a vector: give a config for pixels.\n"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("wrong"), 1),
        (OSError("no file"), 1),
        (ImportError("no library"), 1),
        (child_process.WorkerError("replica 1"), 1),
        (FloatingPointError("NaN"), 3),
        (KeyboardInterrupt(), 130),
    ],
)
def test_each_end_of_a_program_has_its_status_and_one_line(error, status, capsys):
    with pytest.raises(SystemExit) as end, program.one_line_errors(interrupted="interrupted"):
        raise error
    assert end.value.code == status
    assert capsys.readouterr().err == f"error: {str(error) or 'interrupted'}\n"


def test_a_defect_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError), program.one_line_errors():
        raise ZeroDivisionError


def test_debug_shows_where_an_error_comes_from_and_still_ends_with_the_line(capsys):
    try:
        raise ValueError("n_dim is wrong\n  In call to configurable")
    except ValueError as error:
        with pytest.raises(SystemExit):
            program.fail(error, debug=True)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("Traceback") and 'raise ValueError("n_dim is' in "".join(lines)
    assert lines[-1] == "error: n_dim is wrong"


def test_debug_of_a_message_is_the_message(capsys):
    with pytest.raises(SystemExit):
        program.fail("interrupted", debug=True)
    assert capsys.readouterr().err == "error: interrupted\n"


def test_what_nobody_reads_any_more_ends_the_program_quietly(capsys):
    with commands.unread_output(), pytest.raises(SystemExit) as end:
        program.say("result")
    assert end.value.code == 141
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_a_result_that_cannot_be_written_is_an_error(monkeypatch):
    with open("/dev/full", "w") as output:
        monkeypatch.setattr("sys.stdout", output)
        with pytest.raises(OSError, match="No space left"):
            program.say("result")


def test_a_folder_that_is_a_file_is_one_line_that_names_it(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot be written") as error, program.plain_errors():
        tf.train.Checkpoint(v=tf.Variable(1.0)).save(str(tmp_path / "file" / "checkpoint"))
    message = str(error.value)
    assert str(tmp_path / "file") in message and "\n" not in message and "{{" not in message


def test_a_full_disk_is_one_line():
    # /dev/full answers every write as a full disk does.
    with pytest.raises(OSError, match=r"the disk.* is full \(/dev/full; No space left on device"):
        with program.plain_errors(), tf.io.TFRecordWriter("/dev/full") as writer:
            writer.write(b"record" * 100000)


def test_other_errors_pass_unchanged():
    for error in (tf.errors.InvalidArgumentError(None, None, "shape"), ZeroDivisionError()):
        with pytest.raises(type(error)), program.plain_errors():
            raise error


def test_a_program_with_a_parser_of_its_own_logs_as_all_do():
    code = (
        "from absl import logging; from ibc.utils import program; "
        "program.set_up_logging(); logging.info('done'); logging.debug('details')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert re.fullmatch(r"\d\d:\d\d:\d\d done\n", done.stderr), done.stderr
