import numpy as np
import pytest
from PIL import Image

from ibc.data import lab, video_files
from ibc.environments import video


def _pictures(frames=10, side=16):
    drawn = np.zeros((frames, side, side, 3), np.uint8)
    drawn[:] = (20 * np.arange(frames, dtype=np.uint8))[:, np.newaxis, np.newaxis, np.newaxis]
    return drawn


def test_recorded_pictures_of_another_size(golden):
    recorded = np.load(golden("video_imitation/resize.npz"))
    found = video_files.resized(recorded["video"], 12, 16)
    np.testing.assert_array_equal(found, recorded["resized_w16_h12"])
    np.testing.assert_allclose(lab.normalized(found), recorded["resized_lab"], atol=1e-6)
    assert video_files.resized(found, 12, 16) is found


def test_arrays_are_read_as_they_were_written(tmp_path):
    path = tmp_path / "train" / "0" / "00000.npy"
    both = np.stack([_pictures(), 255 - _pictures()])
    video_files.write(path, both)
    np.testing.assert_array_equal(video_files.read(path, 4), both[0, :4])
    np.testing.assert_array_equal(video_files.read(path, 10, camera=1), both[1])
    assert [each.name for each in path.parent.iterdir()] == ["00000.npy"]


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_clips_are_resampled(tmp_path, suffix):
    path = tmp_path / f"clip{suffix}"
    if suffix == ".mp4":
        video.write(_pictures(), path, fps=10)
    else:
        first, *rest = [Image.fromarray(each) for each in _pictures()]
        first.save(path, save_all=True, append_images=rest, duration=100, loop=0)
    found = video_files.read(path, 19)
    assert found.shape == (19, 16, 16, 3) and found.dtype == np.uint8
    np.testing.assert_allclose(found[[0, -1]].mean((1, 2, 3)), [0, 180], atol=6)
    assert (np.diff(found.mean((1, 2, 3))) >= -1).all()


def test_classes_are_found_by_their_numbers(tmp_path):
    for name in (
        "0/b.npy",
        "0/a.npy",
        "1/a.npy",
        "12/c.mp4",
        "12/notes.txt",
        "3/.hidden.npy",
        "x/a.npy",
    ):
        path = tmp_path / "train" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = video_files.find(tmp_path, "train")
    assert {label: [file.name for file in files] for label, files in found.items()} == {
        0: ["a.npy", "b.npy"],
        1: ["a.npy"],
        12: ["c.mp4"],
    }


@pytest.mark.parametrize("missing", ["0", "1"])
def test_a_missing_class_is_said(tmp_path, missing):
    path = tmp_path / "valid" / str(1 - int(missing)) / "a.npy"
    path.parent.mkdir(parents=True)
    path.touch()
    with pytest.raises(FileNotFoundError, match=rf"no videos in .*/valid/{missing}: expected"):
        video_files.find(tmp_path, "valid")


def _save(path, array):
    np.save(path, array, allow_pickle=True)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.touch(), "v.npy is no video, or a damaged one"),
        (lambda path: path.write_bytes(b"nonsense" * 100), "v.npy is no video, or a damaged one"),
        (lambda path: _save(path, np.array([{}])), "v.npy is no video, or a damaged one"),
        (
            lambda path: _save(path, _pictures()),
            r"holds uint8 \[10, 16, 16, 3\], expected uint8 \[",
        ),
        (lambda path: _save(path, np.zeros([1, 9, 4, 4, 3])), r"holds float64 \[1, 9, 4, 4, 3\]"),
        (lambda path: _save(path, np.zeros([1, 0, 4, 4, 3], np.uint8)), r"holds uint8 \[1, 0, 4"),
        (lambda path: _save(path, _pictures()[np.newaxis]), "has 10 frames, expected at least 16"),
    ],
)
def test_unusable_arrays_are_said(tmp_path, make, said):
    path = tmp_path / "v.npy"
    make(path)
    with pytest.raises(ValueError, match=said):
        video_files.read(path, 16)


def test_a_file_that_was_cut_is_said(tmp_path):
    path = tmp_path / "v.npy"
    video_files.write(path, _pictures()[np.newaxis])
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"v\.npy is no video, or a damaged one"):
        video_files.read(path, 5)


def test_unusable_clips_and_cameras_are_said(tmp_path):
    clip = tmp_path / "v.mp4"
    clip.write_bytes(b"nonsense" * 100)
    with pytest.raises(ValueError, match=r"v\.mp4 cannot be read as a video"):
        video_files.read(clip, 16)
    still = tmp_path / "w.mp4"
    video.write(_pictures()[:1], still, fps=10)
    with pytest.raises(ValueError, match=r"w\.mp4 has 1 frames, expected a clip"):
        video_files.read(still, 16)
    path = tmp_path / "v.npy"
    video_files.write(path, _pictures()[np.newaxis])
    with pytest.raises(ValueError, match="has 1 cameras, but camera 2 is asked for"):
        video_files.read(path, 5, camera=2)
