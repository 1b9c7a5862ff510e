"""Policies as their users call them, on a backend that only remembers what it was given."""

import numpy as np
import pytest

from ibc.runtime import description as description_lib
from ibc.runtime import policy as policy_lib

_FIELD = description_lib.Field
_SAMPLING = description_lib.Sampling(
    minimum=[-1, -1],
    maximum=[1, 1],
    scale=[2, 4],
    offset=[1, 0],
    num_action_samples=3,
    stages=[{"name": "iterative_dfo", "num_iterations": 3}],
)


def _description(**changes):
    values = dict(
        kind="energy",
        frames=2,
        observation={"pos": _FIELD((2,), "float32"), "rgb": _FIELD((4, 5, 3), "uint8")},
        action=description_lib.Action((2,), "float32", [0, 0], [1, 1], True),
        sampling=_SAMPLING,
        made_by="ibc-tf 0",
    )
    return description_lib.Description(**{**values, **changes})


class _Backend:
    where = "run by a test"

    def __init__(self, **changes):
        self.description = _description(**changes)
        self.calls = []

    def initial_state(self, batch_size):
        return 0

    def act(self, windows, is_first, state, seed):
        self.calls.append((windows, is_first, state, seed.tolist()))
        rows = len(windows["pos"] if isinstance(windows, dict) else windows)
        return np.full((rows, 2), state, np.float32), state + 1

    def encode(self, windows):
        return windows["pos"][:, -1]

    def score(self, encoding, actions):
        return -np.abs(actions - encoding[:, np.newaxis]).sum(axis=-1)

    def samples(self, windows, seed):
        rows = len(windows["pos"])
        return np.tile(np.float32([[[1, 1], [0, 0], [0.5, 0.5]]]), (rows, 1, 1))


def _observation(value=0.0, **changes):
    return {"pos": [value, 0.0], "rgb": np.zeros((4, 5, 3), np.uint8), **changes}


def _policy(seed=None, batch_size=None, **changes):
    policy = policy_lib.Policy(_Backend(**changes), seed)
    policy.reset(batch_size)
    return policy


def test_the_last_frames_are_remembered_and_the_first_is_repeated():
    policy = _policy()
    for value in (1, 2, 3):
        policy(_observation(value))
    seen = [call[0]["pos"][:, :, 0].tolist() for call in policy._backend.calls]
    assert seen == [[[1, 1]], [[1, 2]], [[2, 3]]]
    assert [call[1:3] for call in policy._backend.calls] == [(True, 0), (False, 1), (False, 2)]
    policy.reset()
    policy(_observation(7))
    assert policy._backend.calls[-1][0]["pos"][:, :, 0].tolist() == [[7, 7]]


def test_types_are_converted_and_batches_kept():
    policy = _policy()
    action = policy({"pos": (1, 2), "rgb": np.zeros((4, 5, 3), np.int64), "unused": "text"})
    windows = policy._backend.calls[0][0]
    assert windows["pos"].dtype == np.float32 and windows["rgb"].dtype == np.uint8
    assert windows["rgb"].shape == (1, 2, 4, 5, 3) and action.shape == (2,)
    policy.reset(batch_size=3)
    batch = {"pos": np.zeros((3, 2)), "rgb": np.zeros((3, 4, 5, 3), np.uint8)}
    assert policy(batch).shape == (3, 2)
    assert policy.energies(batch, np.zeros((3, 6, 2))).shape == (3, 6)


def test_seeds_follow_from_the_given_one_and_the_step():
    policy = _policy(seed=5)
    for _ in range(2):
        policy(_observation())
    policy.reset()
    policy(_observation())
    assert [call[3] for call in policy._backend.calls] == [[5, 0], [5, 1], [5, 0]]
    other = _policy()
    other(_observation())
    other.reset()
    other(_observation())
    first, second = (call[3][0] for call in other._backend.calls)
    assert first != second


def test_energies_and_samples_are_in_the_environments_units_and_change_nothing():
    policy = _policy(seed=0)
    policy(_observation(0.5))
    energies = policy.energies(_observation(0.5), [[2.0, 0.0], [1.0, 4.0]])
    np.testing.assert_allclose(energies, [0.0, 1.5])
    samples = policy.samples(_observation(0.5))
    np.testing.assert_allclose(samples.energies, [0.5, 0.5, 1.5])
    np.testing.assert_allclose(samples.actions, [[1, 0], [2, 2], [3, 4]])
    policy(_observation(9))
    assert policy._backend.calls[-1][0]["pos"][0, :, 0].tolist() == [0.5, 9]


_WRONG = {
    "key": (dict(pos=None, poss=[0, 0]), "no key 'pos'.*is 'poss' meant"),
    "shape": (dict(pos=[1, 2, 3]), r"'pos' has the shape \(3,\), but the policy needs \(2,\)"),
    "batched": (
        dict(pos=[[1, 2]]),
        r"leave the batch axis out, or call policy.reset\(batch_size=1",
    ),
    "history": (dict(pos=[[1, 2], [3, 4]]), "pass the latest frame only"),
    "text": (dict(pos=["a", "b"]), "'pos' is <U1, which holds no real numbers"),
    "missing": (dict(pos=[None, 1]), "'pos' is list, which holds no real numbers"),
    "ragged": (dict(pos=[[1], [2, 3]]), "'pos' cannot be made an array"),
    "nan": (dict(pos=[0, np.nan]), r"'pos' holds nan at index \(1,\)"),
    "overflow": (dict(pos=[1e300, 0]), "'pos', as float32, holds inf"),
    "float_image": (dict(rgb=np.zeros((4, 5, 3))), r"float64.*uint8: pass round\(255"),
    "range": (dict(rgb=np.full((4, 5, 3), 256)), "holds 256 to 256.*uint8, 0 to 255"),
    "channels": (dict(rgb=np.zeros((3, 4, 5), np.uint8)), "channels come first, move them"),
}


@pytest.mark.parametrize("name", _WRONG)
def test_a_wrong_observation_is_one_line_that_names_the_difference(name):
    changes, message = _WRONG[name]
    policy = _policy()
    observation = {k: v for k, v in _observation(**changes).items() if v is not None}
    with pytest.raises((ValueError, TypeError), match=message) as error:
        policy(observation)
    assert "\n" not in str(error.value)
    assert not policy._backend.calls
    policy(_observation())  # Nothing was remembered of it.
    assert policy._backend.calls[0][1]


def test_other_wrong_calls_are_one_line():
    with pytest.raises(RuntimeError, match=r"call policy.reset\(\) before"):
        policy_lib.Policy(_Backend())(_observation())
    with pytest.raises(TypeError, match=r"of type list.*a dict with the keys 'pos', 'rgb'"):
        _policy()([0, 0])
    array = _policy(observation={"": _FIELD((2,), "float32")})
    array([0, 0])
    with pytest.raises(
        TypeError, match=r"a dict with the keys 'pos', 'rgb'.*one array, float32 \(2"
    ):
        array(_observation())
    rows = _policy(batch_size=4)
    with pytest.raises(
        ValueError, match=r"has 3 rows, but policy.reset\(batch_size=4\) was called"
    ):
        rows({"pos": np.zeros((3, 2)), "rgb": np.zeros((3, 4, 5, 3), np.uint8)})
    with pytest.raises(ValueError, match=r"call policy.reset\(\) without batch_size"):
        rows(_observation())
    with pytest.raises(ValueError, match=r"actions have the shape \(2,\), expected \(N, 2\)"):
        _policy().energies(_observation(), [0, 0])
    with pytest.raises(ValueError, match="actions holds nan"):
        _policy().energies(_observation(), [[0, np.nan]])
    with pytest.raises(ValueError, match=r"gives no energies: it is explicit \(regression\)"):
        _policy(kind="regression", sampling=None).energies(_observation(), [[0, 0]])
    with pytest.raises(ValueError, match="gives no samples: it was exported before"):
        _policy(kind="unknown", sampling=None).samples(_observation())


@pytest.mark.parametrize("value, error", [(0, ValueError), (-1, ValueError), (1.5, TypeError)])
def test_batch_sizes_are_positive_whole_numbers(value, error):
    with pytest.raises(error, match="batch_size must be"):
        _policy(batch_size=value)


@pytest.mark.parametrize("value, error", [(2**31, ValueError), (-1, ValueError), (True, TypeError)])
def test_seeds_are_whole_numbers(value, error):
    with pytest.raises(error, match="seed must be"):
        _policy(seed=value)


def test_a_policy_is_described():
    chunks = description_lib.Chunks(8, 4, 1, 0.1)
    lines = _policy(chunks=chunks).describe().splitlines()
    assert lines == [
        "implicit policy, one energy; takes the most probable action",
        "run by a test",
        "sees the last 2 of:",
        "  pos  float32 (2,)",
        "  rgb  uint8 (4, 5, 3)",
        "gives:",
        "  action  float32 (2,), from [0, 0] to [1, 1]",
        "units: those of the environment or the recordings; nothing is to be normalized",
        "looks at 3 samples: iterative_dfo (3 iterations)",
        "plans 8 actions, the first 1 come too late, executes 4 before it plans again, averaged "
        "with earlier plans",
        "exported by ibc-tf 0",
    ]


def test_a_mixture_that_draws_also_where_it_is_greedy_says_so():
    first = _policy(kind="mixture", greedy_samples=True, sampling=None).describe().splitlines()[0]
    assert first == "explicit policy, mixture of normal distributions; draws its actions"


def test_descriptions_are_read_as_written(tmp_path):
    written = _description(chunks=description_lib.Chunks(8, 4), train_step=7)
    written.write(tmp_path)
    assert description_lib.read(tmp_path) == written
    assert description_lib.read(tmp_path / "nowhere") is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', '{"format": 1, "kind": "x"}'])
def test_a_damaged_description_is_one_line(tmp_path, text):
    (tmp_path / "policy.json").write_text(text)
    with pytest.raises(ValueError, match=r"policy.json is damaged \(.*export the policy again"):
        description_lib.read(tmp_path)


def test_a_later_format_is_refused(tmp_path):
    (tmp_path / "policy.json").write_text('{"format": 2}')
    with pytest.raises(ValueError, match="has the format 2, but this version reads 1"):
        description_lib.read(tmp_path)
