import numpy as np
import pytest
import tensorflow as tf

from ibc.networks.layers import crop, dropout
from ibc.utils import keys

_KEY = keys.Key(tf.constant([7, 11], tf.int64))


def _numbered(count, height, width):
    """Images in which every pixel is another number."""
    return tf.reshape(tf.range(count * height * width), [count, height, width, 1])


def test_crops_match_recording(golden):
    recorded = np.load(golden("sequences/crops.npz"))
    images = recorded["images"].transpose(0, 2, 3, 1)
    for index in range(2):
        tops, lefts = recorded["indices"][:, index].T
        found = crop.at(images, tops.astype(np.int32), lefts.astype(np.int32), [6, 7])
        np.testing.assert_array_equal(found, recorded["crops"][:, index].transpose(0, 2, 3, 1))
    assert recorded["indices"].max(axis=(0, 1)).tolist() == [9 - 6 - 1, 12 - 7 - 1]


def test_random_crops_are_those_at_the_offsets():
    images, words = _numbered(5, 9, 12), crop.draw(1, 5, _KEY)
    words = tuple(tf.reshape(each, [5]) for each in words)
    tops, lefts = crop.offsets(words[0], 3).numpy(), crop.offsets(words[1], 5).numpy()
    expected = [
        image[top : top + 6, left : left + 7]
        for image, top, left in zip(images.numpy(), tops, lefts, strict=True)
    ]
    np.testing.assert_array_equal(crop.random(images, [6, 7], words), expected)


@pytest.mark.parametrize("room", [0, 1, 3, 12, 4096, 10007])
def test_offsets_are_the_exact_floor(room):
    words = [0, 1, 2**31 - 1, 2**31, 2**32 - 1]
    words += np.random.RandomState(0).randint(0, 2**32, 200, np.uint64).tolist()
    found = crop.offsets(tf.constant(words, tf.uint32), room)
    assert found.numpy().tolist() == [word * room // 2**32 for word in words]


def test_offsets_are_uniform_and_the_last_one_never_occurs():
    words, _ = crop.draw(4000, 3, _KEY)
    counts = np.bincount(crop.offsets(words, 12).numpy().ravel(), minlength=13)
    assert counts[12] == 0
    # Chi-squared with 11 degrees of freedom: above 31 once in a thousand.
    assert (np.square(counts[:12] - 1000) / 1000).sum() < 31


def test_words_of_rows_columns_and_keys_have_nothing_in_common():
    drawn = np.stack([word.numpy() for word in crop.draw(50, 4, _KEY)])
    assert len(np.unique(drawn)) == drawn.size
    other = crop.draw(50, 4, keys.Key(tf.constant([7, 12], tf.int64)))
    assert not np.isin(other[0], drawn).any()
    correlations = np.corrcoef(drawn.reshape(2, -1) / 2**32)
    assert abs(correlations[0, 1]) < 0.25


@pytest.mark.parametrize("compiled", [False, True])
def test_an_examples_words_do_not_depend_on_its_share(compiled):
    draw = tf.function(crop.draw, jit_compile=True) if compiled else crop.draw
    whole = crop.draw(6, 4, _KEY)
    for share in range(3):
        part = draw(2, 4, keys.Key(_KEY.seed, tf.constant(share)))
        for found, expected in zip(part, whole, strict=True):
            np.testing.assert_array_equal(found, expected[2 * share : 2 * share + 2])


def test_crops_leave_dropouts_masks_alone():
    """Crops and masks draw from one key: what a crop's word is says nothing of a mask."""
    (mask,) = dropout.masks(1000, [1], 0.5, _KEY)
    words, _ = crop.draw(1000, 1, _KEY)
    dropped, high = mask.numpy().ravel() == 0, words.numpy().ravel() >= 2**31
    assert abs(np.corrcoef(dropped, high)[0, 1]) < 0.12


@pytest.mark.parametrize(
    ("size", "cut", "offset"),
    [(9, 6, 2), (7, 6, 0), (11, 6, 2), (96, 84, 6), (84, 76, 4), (6, 6, 0)],
)
def test_the_centre_is_rounded_to_even(size, cut, offset):
    images = _numbered(1, size, 8).numpy()
    found = crop.centre(tf.constant(images), [cut, 8])
    np.testing.assert_array_equal(found, images[:, offset : offset + cut])
    found = crop.centre(tf.constant(images.transpose(0, 2, 1, 3)), [8, cut])
    np.testing.assert_array_equal(found, images.transpose(0, 2, 1, 3)[:, :, offset : offset + cut])


def test_a_crop_of_the_whole_image_is_the_image():
    images, words = _numbered(4, 5, 6), crop.draw(1, 4, _KEY)
    words = tuple(tf.reshape(each, [4]) for each in words)
    np.testing.assert_array_equal(crop.random(images, [5, 6], words), images)
