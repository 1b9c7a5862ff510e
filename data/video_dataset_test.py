import shutil

import numpy as np
import pytest

from ibc.data import lab, video_dataset, video_files


@pytest.fixture
def videos(tmp_path):
    """Three videos of the expert and of two other classes, each grey by its class and number."""
    for label in range(3):
        for number in range(3):
            grey = np.full((1, 12, 8, 8, 3), 60 * label + 10 * number, np.uint8)
            video_files.write(tmp_path / "train" / str(label) / f"{number}.npy", grey)
    return tmp_path


def _light(videos):
    """L of a video's first frame, which tells which one it is."""
    return np.round(videos[0, :, 0, 0, 0], 5)


def test_a_batch_is_half_the_experts_and_follows_from_the_step(videos):
    dataset = video_dataset.VideoDataset(videos, "train", 9, 8, seed=4)
    batch = dataset.batch(3, 20)
    assert batch.shape == (10, 40, 8, 8, 3) and batch.dtype == np.float32
    greys = np.array([60 * c + 10 * n for c in range(3) for n in range(3)], np.uint8)
    levels = np.round(lab.normalized(greys[:, np.newaxis].repeat(3, 1))[:, 0], 5)
    assert set(_light(batch)[:20]) == set(levels[:3])
    assert set(_light(batch)[20:]) <= set(levels[3:]) and len(set(_light(batch)[20:])) > 3
    again = video_dataset.VideoDataset(videos, "train", 9, 8, seed=4)
    np.testing.assert_array_equal(again.batch(3, 20), batch)
    for other in (
        dataset.batch(4, 20),
        video_dataset.VideoDataset(videos, "train", 9, 8).batch(3, 20),
    ):
        assert (_light(other) != _light(batch)).any()


def test_pictures_are_resized_and_converted_whether_or_not_memory_keeps_them(videos):
    kept, anew = (
        video_dataset.VideoDataset(videos, "train", 9, 16, budget_bytes=size)
        for size in (1 << 30, 0)
    )
    assert kept.batch(0, 2).shape[2:] == (16, 16, 3)
    np.testing.assert_array_equal(kept.batch(0, 2), kept.batch(0, 2))
    np.testing.assert_array_equal(kept.batch(0, 2), anew.batch(0, 2))
    assert kept.videos(1, most=2).shape == (10, 2, 16, 16, 3)


def test_frames_are_dropped_alike_and_eight_stay():
    draw = np.random.default_rng(0)
    counts = [len(video_dataset.kept_frames(61, 0.05, draw)) for _ in range(200)]
    assert np.mean(counts) == pytest.approx(0.95 * 61, abs=0.5)
    assert np.array_equal(video_dataset.kept_frames(12, 0.0, draw), np.arange(12))
    kept = video_dataset.kept_frames(12, 1.0, draw)
    assert len(kept) == 8 and (np.diff(kept) > 0).all()


def test_dropping_makes_shorter_batches_of_the_same_videos(videos):
    dataset = video_dataset.VideoDataset(videos, "train", 11, 8)
    whole, dropped = dataset.batch(1, 5), dataset.batch(1, 5, drop=0.5)
    assert 8 <= len(dropped) < len(whole) == 12
    np.testing.assert_array_equal(_light(whole), _light(dropped))


def test_too_short_episodes_are_said(videos):
    with pytest.raises(ValueError, match="episode_len is 6, expected at least 7"):
        video_dataset.VideoDataset(videos, "train", 6, 8)
    with pytest.raises(ValueError, match=r"0\.npy has 12 frames, expected at least 21"):
        video_dataset.VideoDataset(videos, "train", 20, 8).videos(0)


def test_the_experts_videos_alone_may_be_enough(videos):
    shutil.rmtree(videos / "train/1")
    assert set(video_dataset.VideoDataset(videos, "train", 9, 8, expert_alone=True).classes) == {0}
    shutil.rmtree(videos / "train/2")
    alone = video_dataset.VideoDataset(videos, "train", 9, 8, expert_alone=True)
    assert alone.video(alone.classes[0][1]).shape == (10, 8, 8, 3)
    with pytest.raises(FileNotFoundError, match="train/1"):
        video_dataset.VideoDataset(videos, "train", 9, 8)
    shutil.rmtree(videos / "train/0")
    with pytest.raises(FileNotFoundError, match="train/0"):
        video_dataset.VideoDataset(videos, "train", 9, 8, expert_alone=True)
