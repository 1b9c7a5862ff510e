import numpy as np
import pytest

from ibc.video_encoder import measures


def _videos(direction, count=6, frames=5):
    """Embeddings that turn from [1, 0, 0] towards a direction."""
    share = np.linspace(0, 1, frames)[:, None, None]
    noise = np.random.default_rng(0).normal(0, 0.01, [frames, count, 3])
    return (1 - share) * np.eye(3)[0] + share * np.asarray(direction) + noise


def test_near_videos_are_told_from_far_ones():
    hidden = {"oracle": _videos([0, 1, 0]), "other": _videos([0, 0, 1])}
    returns = {"oracle": np.arange(6) + 10.0, "other": np.arange(6.0)}
    found = measures.report(hidden, returns)
    assert found["auc"] == {"other": {"final": 1.0, "return": 1.0}}
    assert found["spearman"]["final"] > 0.6


def test_the_same_videos_cannot_be_told_apart():
    same = _videos([0, 1, 0], count=200)
    found = measures.report({"oracle": same, "other": same}, {"oracle": None, "other": None})
    assert found["auc"]["other"]["final"] == pytest.approx(0.5, abs=0.05)
    assert found["spearman"] == {}


def test_no_video_of_the_expert_is_compared_with_itself():
    expert = np.broadcast_to(np.eye(4), [3, 4, 4])
    draw = np.random.default_rng(0)
    for _ in range(20):
        np.testing.assert_array_equal(measures.similarities(expert, expert, draw, True), 0)
    among = measures.similarities(expert, expert, draw, False)
    assert among.shape == (2, 4)
