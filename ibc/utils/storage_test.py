import pytest
import tensorflow as tf

from ibc.utils import storage


def test_a_folder_that_is_a_file_is_one_line_that_names_it(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot be written") as error, storage.plain_errors():
        tf.train.Checkpoint(v=tf.Variable(1.0)).save(str(tmp_path / "file" / "checkpoint"))
    message = str(error.value)
    assert str(tmp_path / "file") in message and "\n" not in message and "{{" not in message


def test_a_full_disk_is_one_line():
    # /dev/full answers every write as a full disk does.
    with pytest.raises(OSError, match=r"the disk.* is full \(/dev/full; No space left on device"):
        with storage.plain_errors(), tf.io.TFRecordWriter("/dev/full") as writer:
            writer.write(b"record" * 100000)


def test_other_errors_pass_unchanged():
    for error in (tf.errors.InvalidArgumentError(None, None, "shape"), ZeroDivisionError()):
        with pytest.raises(type(error)), storage.plain_errors():
            raise error
