import numpy as np
import pytest
import tensorflow as tf

from ibc.rewards import pair_replay


def test_recorded_stores_and_draws(golden):
    recorded = np.load(golden("near/replay_buffer.npz"))
    replay = pair_replay.PairReplay(10, 2)
    order = recorded["sample_order_0"]
    for k in range(5):
        # Permutations are the recording's: only they follow from another generator.
        replay._order.assign(order.astype(np.int32))
        replay.store(recorded[f"store{k}"])
        stored = min(replay.total, 10)
        np.testing.assert_array_equal(
            replay.pairs.numpy()[:stored], recorded[f"contents{k}"][:stored]
        )
        assert replay.total == recorded[f"total{k}"]
        assert replay.total % 10 == recorded[f"head{k}"]
        np.testing.assert_array_equal(replay.sample(4), recorded[f"sample{k}"])
        is_new = (recorded[f"order_after{k}"] != order).any()
        assert is_new == (int(replay._counts[1]) == 0)
        order = recorded[f"order_after{k}"]


def test_every_pair_is_drawn_once_in_a_permutation():
    replay = pair_replay.PairReplay(6, 1, seed=3)
    replay.store(np.arange(6, dtype=np.float32)[:, np.newaxis])
    drawn = [replay.sample(3).ravel() for _ in range(4)]
    for both in (drawn[:2], drawn[2:]):
        assert sorted(np.concatenate(both)) == list(range(6))
    assert (np.concatenate(drawn[:2]) != np.concatenate(drawn[2:])).any()


def test_more_than_fits_keeps_the_latest():
    replay = pair_replay.PairReplay(3, 1)
    replay.store(np.arange(8, dtype=np.float32)[:, np.newaxis])
    assert replay.total == 8 and replay.is_full
    assert sorted(replay.pairs.numpy().ravel()) == [5, 6, 7]
    replay.store(np.float32([[8]]))
    assert sorted(replay.pairs.numpy().ravel()) == [6, 7, 8]


def test_a_restored_replay_draws_the_same(tmp_path):
    first = pair_replay.PairReplay(5, 1, seed=1)
    first.store(np.arange(7, dtype=np.float32)[:, np.newaxis])
    first.sample(8)
    path = tf.train.Checkpoint(replay=first).write(str(tmp_path / "ckpt"))
    second = pair_replay.PairReplay(5, 1, seed=1)
    tf.train.Checkpoint(replay=second).read(path)
    for _ in range(4):
        np.testing.assert_array_equal(first.sample(3), second.sample(3))


def test_nothing_is_drawn_from_an_empty_replay():
    with pytest.raises(ValueError, match="is empty"):
        pair_replay.PairReplay(5, 1).sample(1)
