import numpy as np
import pytest

from ibc.data import logged

_RNG = np.random.RandomState(0)
_BYTES = _RNG.randint(256, size=[3, 10, 12, 3]).astype(np.uint8)


@pytest.mark.parametrize(
    "given",
    [
        _BYTES,
        np.moveaxis(_BYTES, 3, 1),
        _BYTES / 255,
        np.float32(np.moveaxis(_BYTES, 3, 1)) / 255,
        _BYTES.astype(np.int64),
        _BYTES.tolist(),
        list(_BYTES),
    ],
)
def test_images_become_bytes_with_channels_last(given):
    found = logged.observation({"front": given})["front"]
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, _BYTES)


def test_masks_and_depths_become_grey_images():
    mask = _RNG.rand(2, 9, 9, 1) > 0.5
    np.testing.assert_array_equal(logged.observation(mask), 255 * np.uint8(mask))
    assert logged.observation(_RNG.rand(2, 1, 9, 11)).shape == (2, 9, 11, 1)


@pytest.mark.parametrize(
    "given",
    [[1, 2], np.array([1, 2]), np.array([[1.0], [2.0]]), np.array([1, 2], np.uint8)],
)
def test_numbers_become_vectors(given):
    for found in (logged.observation(given), logged.action(given)[0]):
        assert found.dtype == np.float32
        assert found.tolist() == [[1], [2]]


def test_a_dict_for_each_step_is_a_dict_of_lists():
    steps = [{"arm": {"q": [i, i + 1], "open": i % 2 == 0}, "t": float(i)} for i in range(3)]
    found = logged.observation(steps)
    assert {key: values.tolist() for key, values in found.items()} == {
        "arm_q": [[0, 1], [1, 2], [2, 3]],
        "arm_open": [[1], [0], [1]],
        "t": [[0], [1], [2]],
    }


def test_parts_of_actions_follow_each_other_by_their_names_whatever_their_order():
    legs = np.arange(6).reshape(3, 2)
    one = logged.action({"legs": legs, "arm": {"z": [7, 8, 9], "a": [1, 1, 1]}})
    other = logged.action({"arm": {"a": [1, 1, 1], "z": [7, 8, 9]}, "legs": legs})
    np.testing.assert_array_equal(one[0], other[0])
    assert one[0].tolist() == [[1, 7, 0, 1], [1, 8, 2, 3], [1, 9, 4, 5]]
    assert one[1] == other[1] == {"arm_a": (0, 1), "arm_z": (1, 2), "legs": (2, 4)}
    assert logged.action(legs)[1] == {}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "observation is a dict without keys"),
        ({1: [0.0]}, "observation has the key 1, expected a name: use strings"),
        ({"a": {"b": [0]}, "a_b": [0]}, "two parts that are called 'a_b': rename one"),
        ({"q": [[1, 2], [3]]}, "observation 'q', a list, is no array, whose rows all have one sha"),
        ({"q": np.array([None, 1])}, "observation 'q' is object of NoneType, expected real num"),
        ({"text": ["left", "right"]}, "observation 'text' is <U5, expected real numbers"),
        ({"q": [1j]}, "observation 'q' is complex128"),
        ({"q": 3.0}, "observation 'q' is a single float64, expected a row for each step"),
        (
            {"q": np.zeros([3, 0])},
            r"observation 'q' is float64\[0\] in each step, no number at all",
        ),
        ({"q": [0, np.inf]}, "observation 'q' holds inf in step 1, expected finite float32"),
        ({"q": [0, 1e300]}, r"observation 'q' holds 1e\+300 in step 1, expected finite float32"),
        ({"pose": np.zeros([5, 4, 4])}, r"'pose' is float64\[4, 4\] .* reshape it to \[5, 16\]"),
        ({"a": np.zeros([5, 9, 9, 2])}, r"'a' is float64\[9, 9, 2\] .* reshape it to \[5, 162\]"),
        (
            {"a": np.zeros([5, 9, 9, 2], np.uint8)},
            "with 1 or 3 channels: split it into such images",
        ),
        ({"a": np.zeros([5, 9, 9], np.uint8)}, r"if it is a grey image, .* images\[\.\.\., None\]"),
        ({"a": np.zeros([5, 9, 9, 4], np.uint8)}, r"an image of 4 channels, .* images\[..., :3\]"),
        ({"a": np.full([5, 9, 9, 3], 255.0)}, "holds 255 to 255, expected 0 to 1: divide by 255"),
        ({"a": np.full([5, 9, 9, 3], -0.5)}, "holds -0.5 to -0.5, expected 0 to 1"),
        ({"a": np.full([5, 9, 9, 3], np.nan)}, "observation 'a' holds nan in step 0"),
        ({"a": np.full([5, 9, 9, 3], 256)}, "holds 256 to 256, expected 0 to 255: pass uint8"),
        ([{"a": 1}, {"b": 1}], "observation has b in step 1, but a in step 0: give every step"),
        ([{"a": 1}, 2], "observation has no keys, a int in step 1, but a in step 0"),
    ],
)
def test_an_observation_that_cannot_be_stored_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        logged.observation(given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.array([True, False]), "action is bool: pass the numbers that your robot takes"),
        ({"arm": [0.0], "grip": [True]}, "action 'grip' is bool"),
        ({"arm": [0.0], "grip": [0, 1]}, "the numbers of steps differ: action 'arm' 1, action 'gr"),
        (np.zeros([2, 3, 3]), r"action is float64\[3, 3\] .* a vector: reshape it to \[2, 9\]"),
        ([0, np.nan], "action holds nan in step 1"),
        (["left"], "action is <U4, expected real numbers"),
        (None, "action is object of NoneType"),
    ],
)
def test_an_action_that_cannot_be_stored_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        logged.action(given)


def test_rewards_are_a_number_for_each_step():
    assert logged.reward([[1], [2]]).tolist() == [1, 2]
    with pytest.raises(ValueError, match=r"reward is float64\[2\] in each step, expected one"):
        logged.reward(np.zeros([3, 2]))
