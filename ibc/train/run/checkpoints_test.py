import pytest
import tensorflow as tf

from ibc.train.run import checkpoints


@pytest.fixture
def folder(tmp_path):
    """Checkpoints of the steps 3 and 6."""
    folder = tmp_path / "train" / "checkpoints"
    manager = tf.train.CheckpointManager(
        tf.train.Checkpoint(x=tf.Variable(1.0)), str(folder), max_to_keep=5, checkpoint_name="ckpt"
    )
    for step in (3, 6):
        manager.save(step)
    return folder


def test_the_newest_is_the_one_that_was_saved_last(folder, tmp_path):
    assert checkpoints.restored_step(tmp_path) == 6
    assert checkpoints.restored_step(tmp_path / "another") == 0


@pytest.mark.parametrize("content", ["nonsense", "", 'model_checkpoint_path: "ckpt-9"\n', None])
def test_a_damaged_list_of_checkpoints_does_not_begin_anew(folder, tmp_path, content):
    (folder / "checkpoint").unlink()
    if content is not None:
        (folder / "checkpoint").write_text(content)
    with pytest.raises(ValueError, match='write the line model_checkpoint_path: "ckpt-6"'):
        checkpoints.restored_step(tmp_path)
    (folder / "checkpoint").write_text('model_checkpoint_path: "ckpt-6"\n')
    assert checkpoints.restored_step(tmp_path) == 6


def test_a_run_killed_at_its_first_checkpoint_begins_anew(folder, tmp_path):
    for path in (folder / "checkpoint", folder / "ckpt-3.index"):
        path.unlink()
    assert checkpoints.restored_step(tmp_path) == 0
