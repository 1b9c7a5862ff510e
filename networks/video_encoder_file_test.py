import json

import numpy as np
import pytest
import tensorflow as tf

from ibc.networks import video_encoder, video_encoder_file


@pytest.fixture
def saved(tmp_path):
    encoder = video_encoder.VideoEncoder(video_encoder.Architecture(32, 4, (2, 2, 2)), seed=5)
    encoder.embed_frames(tf.random.stateless_normal([3, 2, 32, 32, 3], [0, 0]), training=True)
    folder = tmp_path / "run" / video_encoder_file.FOLDER
    video_encoder_file.save(encoder, folder, {"task": "PARTICLE"})
    return encoder, folder


def test_what_was_saved_is_loaded_from_its_folder_or_its_runs(saved):
    encoder, folder = saved
    pictures = tf.random.stateless_normal([8, 1, 32, 32, 3], [0, 1])
    for place in (folder, folder.parent):
        loaded, told = video_encoder_file.load(place)
        assert told == {"task": "PARTICLE"} and loaded.architecture == encoder.architecture
        np.testing.assert_array_equal(loaded(pictures), encoder(pictures))


def test_what_cannot_be_loaded_is_said(saved, tmp_path):
    _, folder = saved
    with pytest.raises(FileNotFoundError, match=r"there is no video encoder in .*: train one with"):
        video_encoder_file.load(tmp_path)
    weights = folder / "weights.npz"
    weights.write_bytes(weights.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"is damaged .*: train it again"):
        video_encoder_file.load(folder)
    description = json.loads((folder / "encoder.json").read_text())
    description["architecture"]["widths"] = [2]
    (folder / "encoder.json").write_text(json.dumps(description))
    with pytest.raises(ValueError, match=r"damaged \(cmc_model.widths is"):
        video_encoder_file.load(folder)
