"""Expert data against a recording of the published code, and by what its words mean."""

import numpy as np
import pytest
import tensorflow as tf

from ibc.data import episodes
from ibc.data.records import shard_writer
from ibc.online import episode_rows, expert_data
from tests import shard_testing

_FIELDS = {
    "states": "observation",
    "actions": "action",
    "rewards": "reward",
    "next_states": "next_observation",
    "timeouts": "timeout",
    "weights": "weight",
    "step": "step",
}


def _demonstration(length=6, terminated=True, observations=3, seed=0):
    random = np.random.RandomState(seed)
    seen = random.randn(length + 1, observations)
    action = random.uniform(-1, 1, [length, 2])
    steps = episode_rows.Steps(seen[:-1], action, np.ones(length), seen[1:])
    return expert_data.Demonstration(steps, terminated)


@pytest.mark.parametrize("case", range(6))
def test_recorded_data(golden, case):
    recorded = np.load(golden("online_imitation/expert_data.npz"))
    names = ("observations", "actions", "next_observations", "terminals", "timeouts")
    demonstrations = expert_data.from_arrays(*(recorded[f"raw/{name}"] for name in names))
    assert [len(each.steps.action) for each in demonstrations] == [5, 9, 7, 4]
    options = {name: recorded[f"case{case}/{name}"].item() for name in ("absorbing", "subsample")}
    found = expert_data.make(
        demonstrations,
        trajectories=int(recorded[f"case{case}/trajectories"]),
        starts=recorded[f"case{case}/starts"].tolist(),
        **options,
    )
    for name, field in _FIELDS.items():
        expected = recorded[f"case{case}/{name}"]
        np.testing.assert_allclose(getattr(found.rows, field), expected, err_msg=name)
    np.testing.assert_array_equal(1 - found.rows.discount, recorded[f"case{case}/terminals"])
    assert found.num_trajectories == recorded[f"case{case}/num_trajectories"]
    assert found.lengths.sum() == len(found.rows.step)


def test_a_termination_leads_to_the_absorbing_state_and_a_time_out_does_not():
    data = expert_data.make([_demonstration(3), _demonstration(3, terminated=False)])
    np.testing.assert_array_equal(data.rows.next_absorbing, [0, 0, 1, 1, 0, 0, 0])
    np.testing.assert_array_equal(data.rows.absorbing, [0, 0, 0, 1, 0, 0, 0])
    np.testing.assert_array_equal(data.rows.timeout, [0, 0, 0, 0, 0, 0, 1])
    np.testing.assert_array_equal(data.rows.time, [0, 1, 2, 3, 0, 1, 2])
    np.testing.assert_array_equal(data.rows.next_observation[2], [0, 0, 0, 1])
    assert (data.rows.discount == 1).all()
    assert data.trajectories() == [slice(0, 4), slice(4, 7)]


def test_starts_follow_from_the_seed():
    demonstrations = [_demonstration(40, terminated=False)] * 8
    first, again, other = (
        expert_data.make(demonstrations, subsample=20, seed=seed).rows.time for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert len(np.unique(first[first < 20])) > 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trajectories": 3}, "imitation.trajectories = 3, but the expert data has 2"),
        ({"subsample": 90, "starts": [80, 80], "absorbing": False}, "leaves nothing"),
    ],
)
def test_what_cannot_be_made_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        expert_data.make([_demonstration(), _demonstration()], **options)


def _read(path, **options):
    return expert_data.read([path], np.array([-4.0, 0.0]), np.array([4.0, 1.0]), **options)


def _write(path, *terminated, joints=1):
    """Writes episodes of four steps, whose second observation comes first by its key."""
    values = np.arange(4 + joints, dtype=np.float32)
    observation = {"b": np.stack([values, -values], 1), "a": 10 * values[:, np.newaxis]}
    action = np.float32([[-4, 0], [4, 1], [0, 0.5], [9, 9]])
    return episodes.write_episodes(
        path, [episodes.Episode(observation, action, terminated=each) for each in terminated]
    )


def test_reads_pairs_of_frames(tmp_path):
    found = _read(_write(tmp_path / "a.tfrecord", True, False))
    assert [each.terminated for each in found] == [True, False]
    steps = found[0].steps
    np.testing.assert_array_equal(steps.observation[:, 0], [0, 10, 20, 30])
    np.testing.assert_array_equal(steps.next_observation[3], [40, 4, -4])
    np.testing.assert_array_equal(steps.action, [[-1, -1], [1, 1], [0, 0], [1, 1]])


def test_an_episode_that_reaches_the_limit_has_run_out_of_time(tmp_path):
    path = _write(tmp_path / "a.tfrecord", True)
    assert [_read(path, step_limit=limit)[0].terminated for limit in (3, 4, 5)] == [
        False,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("terminated", "absorbing", "length"), [(True, True, 4), (True, False, 3), (False, True, 3)]
)
def test_without_a_final_observation(tmp_path, terminated, absorbing, length):
    path = str(tmp_path / "a.tfrecord")
    values = np.arange(4, dtype=np.float32)[:, np.newaxis]
    frames = episodes.stacked_frames(values, np.tile(values, 2), values[:, 0], terminated)
    spec = episodes.frame_spec(episodes.Episode(values, np.tile(values, 2)))
    with shard_writer.ShardWriter(path, spec) as writer:
        for frame in episodes.unstacked(frames):
            writer(frame)
    (found,) = _read(path, absorbing=absorbing)
    assert len(found.steps.action) == length
    assert found.terminated == (length == 4)


def test_images_and_other_tasks_are_refused(tmp_path):
    path = shard_testing.write(tmp_path / "images.tfrecord", spec=shard_testing.IMAGES)
    with pytest.raises(ValueError, match="has images"):
        _read(path)
    path = _write(tmp_path / "a.tfrecord", True)
    with pytest.raises(ValueError, match=r"actions of shape \[2\], but the task's are \[3\]"):
        expert_data.read([path], np.zeros(3), np.ones(3))


def test_rows_are_those_of_the_same_steps_one_by_one():
    steps = _demonstration(4).steps
    whole = episode_rows.rows_of(steps, terminated=True, timeout=False)
    single = [
        episode_rows.rows_of(
            episode_rows.Steps(*(field[t : t + 1] for field in steps)),
            terminated=t == 3,
            timeout=False,
            step=t + 1,
            time=t,
        )
        for t in range(4)
    ]
    tf.nest.map_structure(np.testing.assert_array_equal, whole, episode_rows.joined(single))
