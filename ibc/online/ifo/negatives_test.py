import numpy as np
import pytest

from ibc.online.ifo import negatives


def _film(number: int) -> np.ndarray:
    return np.full([9, 4, 4, 3], number, np.uint8)


def _names(folder) -> list[int]:
    return sorted(int(path.stem) for path in folder.iterdir())


def test_the_latest_are_kept_as_long_as_a_save_needs_them(tmp_path):
    videos = negatives.NegativeVideos(tmp_path, 3)
    for number in range(4):
        videos.add(number, _film(number))
    assert videos.numbers == range(1, 4) and _names(tmp_path) == [0, 1, 2, 3]
    videos.saved()
    for number in range(4, 6):
        videos.add(number, _film(number))
    videos.saved()
    assert _names(tmp_path) == [1, 2, 3, 4, 5]  # The save before needs the first two.
    videos.saved()
    assert _names(tmp_path) == [3, 4, 5]


def test_a_restored_folder_is_as_it_was(tmp_path):
    videos = negatives.NegativeVideos(tmp_path, 3)
    for number in range(5):
        videos.add(number, _film(number))
    restored = negatives.NegativeVideos(tmp_path, 3)
    restored.restore(4)
    assert restored.numbers == range(1, 4) and _names(tmp_path) == [0, 1, 2, 3]
    expected = [videos.video(number) for number in range(1, 4)]
    found = {video.tobytes() for video in restored.draw(30, np.random.default_rng(0))}
    assert found == {video.tobytes() for video in expected}
    (tmp_path / "00000002.npy").unlink()
    with pytest.raises(ValueError, match=r"00000002.npy is missing.*another one"):
        negatives.NegativeVideos(tmp_path, 3).restore(4)


def test_none_yet_and_damaged_ones_are_said(tmp_path):
    videos = negatives.NegativeVideos(tmp_path / "new", 3)
    with pytest.raises(ValueError, match=r"no videos of the agent yet.*drq.num_seed_frames"):
        videos.draw(1, np.random.default_rng(0))
    videos.add(0, _film(0))
    path = tmp_path / "new" / "00000000.npy"
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(ValueError, match=r"00000000.npy is no video, or a damaged one"):
        videos.video(0)


def test_what_memory_does_not_hold_is_read_again(tmp_path):
    videos = negatives.NegativeVideos(tmp_path, 3, budget_bytes=0)
    videos.add(0, _film(7))
    first = videos.video(0)
    np.testing.assert_array_equal(videos.video(0), first)
    assert first.shape == (9, 4, 4, 3) and first.dtype == np.float32
