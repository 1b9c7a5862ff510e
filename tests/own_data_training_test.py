"""Recordings of one's own, in any format, are trained on directly, and the policy acts."""

import numpy as np
import pytest
import tensorflow as tf

from tests import own_data_testing, training

pytest.importorskip("pyarrow", reason="LeRobot's folders need pyarrow")
pytest.importorskip("zarr", reason="replay buffers need the package zarr")
_STATES = ("joints", "action", "reward", "timestamp")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["npz", "zarr", "parquet", "lerobot 2.1", "lerobot 3.0"])
def test_a_recording_becomes_a_policy(tmp_path, name):
    recorded = own_data_testing.episodes((30, 25, 40))
    episodes = [{key: episode[key] for key in _STATES} for episode in recorded]
    path = own_data_testing.ARRAYS[name](tmp_path, episodes)
    options = training.bound("train_eval", num_iterations=200, batch_size=16, sequence_length=2)
    given = training.bindings({**training.SMALL_NETWORKS, **options})
    training.run("mlp_mse_quick.gin", given, tmp_path / "run", task=(), dataset_path=path)
    act = tf.saved_model.load(str(tmp_path / "run/policies/greedy_policy")).signatures["action"]
    inputs = {
        key: tf.ones([5, *spec.shape[1:]], spec.dtype)
        for key, spec in act.structured_input_signature[1].items()
    }
    action = act(**inputs)["action"].numpy()
    assert action.shape == (5, 3) and np.isfinite(action).all()
