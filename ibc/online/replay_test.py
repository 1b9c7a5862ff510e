"""The ring against a recording, its sampling, and its files however they are interrupted."""

import os

import numpy as np
import pytest

from ibc.agents.sac_agent_test import batch_of
from ibc.online import episode_rows, replay, replay_files
from ibc.utils import transitions

_LAYOUT = replay.Layout(observation_size=5, action_size=2)


def _rows(size, seed=0):
    return transitions.Transitions(*map(np.asarray, batch_of(size, seed=seed)))


def _filled(capacity, size, seed=0):
    ring = replay.Replay(_LAYOUT, capacity)
    ring.append(_rows(size, seed))
    return ring


def test_packs_all_fields():
    rows = _rows(4)
    packed = _LAYOUT.pack(rows)
    assert packed.shape == (4, _LAYOUT.width)
    for found, expected in zip(_LAYOUT.unpack(packed), rows, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_recorded_ring(golden):
    recorded = np.load(golden("online_imitation/expert_data.npz"))
    found = {name: recorded[f"replay/{name}"] for name in ("states", "next_states", "actions")}
    is_real = found["states"][:, -1] == 0
    ring = replay.Replay(replay.Layout(4, 2), 12)
    # Episodes of 3, 4 and 3 steps, of which the second runs out of time.
    ends = {2: (True, False), 6: (False, True), 9: (True, False)}
    begins = np.repeat([0, 3, 7], [3, 4, 3])
    for t, place in enumerate(np.flatnonzero(is_real)):
        one = slice(place, place + 1)
        steps = episode_rows.Steps(
            found["states"][one, :-1],
            found["actions"][one],
            recorded["replay/rewards"][one],
            found["next_states"][one, :-1],
        )
        terminated, timeout = ends.get(t, (False, False))
        ring.append(episode_rows.rows_of(steps, terminated, timeout, t + 1, t - begins[t]))
        if t in ends:
            ring.end_trajectory()
    held = ring.layout.unpack(ring.rows)
    for field, name in (
        ("observation", "states"),
        ("action", "actions"),
        ("reward", "rewards"),
        ("next_observation", "next_states"),
        ("timeout", "timeouts"),
        ("weight", "weights"),
        ("step", "step"),
    ):
        np.testing.assert_array_equal(getattr(held, field), recorded[f"replay/{name}"], name)
    np.testing.assert_array_equal(1 - held.discount, recorded["replay/terminals"])
    assert ring.num_trajectories == recorded["replay/num_trajectories"]
    assert ring.total % ring.capacity == recorded["replay/idx"] and len(ring) == ring.capacity


def test_the_oldest_go():
    ring = _filled(8, 5)
    ring.append(_rows(6, seed=1))
    expected = np.concatenate([_LAYOUT.pack(_rows(5)), _LAYOUT.pack(_rows(6, seed=1))])[-8:]
    np.testing.assert_array_equal(ring.latest(8), expected)
    np.testing.assert_array_equal(ring.rows[2], expected[-1])
    np.testing.assert_array_equal(ring.latest(3), expected[-3:])
    assert len(ring) == 8 and ring.total == 11
    ring.append(_rows(30, seed=2))
    np.testing.assert_array_equal(ring.latest(8), _LAYOUT.pack(_rows(30, seed=2))[-8:])


def test_draws_every_row_alike_and_by_the_seed():
    ring = _filled(100, 4)
    drawn = ring.sample(8000, [1, 2])
    counts = [np.sum((drawn == row).all(axis=1)) for row in ring.latest(4)]
    assert sum(counts) == 8000 and max(abs(np.subtract(counts, 2000))) < 200
    np.testing.assert_array_equal(drawn, ring.sample(8000, [1, 2]))
    assert not np.array_equal(drawn, ring.sample(8000, [1, 3]))
    assert _filled(3, 1).sample(2, 0).shape == (2, _LAYOUT.width)
    with pytest.raises(ValueError, match="without transitions"):
        replay.Replay(_LAYOUT, 3).sample(2, 0)


def test_a_replay_that_is_prefilled_keeps_weights():
    rows = _rows(6)._replace(weight=np.float32([1, 0.25, 1, 0.25, 1, 1]))
    ring = replay.Replay(_LAYOUT, 9)
    ring.append(rows)
    np.testing.assert_array_equal(ring.layout.unpack(ring.latest(6)).weight, rows.weight)


def _assert_restores(files, ring, total=None):
    found = replay.Replay(_LAYOUT, ring.capacity)
    files.restore(found, total)
    np.testing.assert_array_equal(found.rows, ring.rows)
    assert (found.total, found.num_trajectories) == (ring.total, ring.num_trajectories)
    return found


def test_a_save_writes_what_is_new(tmp_path):
    ring, files = _filled(20, 5), replay_files.ReplayFiles(tmp_path, segment_rows=8)
    for seed in range(12):
        ring.append(_rows(4, seed=seed))
        ring.end_trajectory()
        assert files.save(ring) == ring.total
        _assert_restores(files, ring)
    segments = sorted(path.name for path in tmp_path.glob("rows-*"))
    assert segments[0] == "rows-000000000024.f32" and len(segments) == 4
    sizes = {path.name: path.stat().st_size for path in tmp_path.glob("rows-*")}
    assert max(sizes.values()) == 8 * 4 * _LAYOUT.width


@pytest.mark.parametrize("kept", [0, 3, 9])
def test_an_interrupted_append_loses_nothing(tmp_path, monkeypatch, kept):
    ring, files = _filled(20, 12), replay_files.ReplayFiles(tmp_path, segment_rows=8)
    files.save(ring)
    saved = _assert_restores(files, ring)
    ring.append(_rows(7, seed=1))

    def interrupted(self, first, rows, append=replay_files.ReplayFiles._append):
        append(self, first, rows[: kept // 2])
        with open(max(tmp_path.glob("rows-*")), "ab") as file:
            file.write(os.urandom(kept))
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(replay_files.ReplayFiles, "_append", interrupted)
        files.save(ring)
    found = _assert_restores(files, saved)
    found.append(_rows(7, seed=1))
    files.save(found)
    _assert_restores(files, ring)


def test_the_save_before_the_last_can_be_restored(tmp_path):
    ring, files = _filled(20, 12), replay_files.ReplayFiles(tmp_path, segment_rows=8)
    for seed in range(9):
        before = files.save(ring)
        earlier = _assert_restores(files, ring)
        ring.append(_rows(5, seed=seed))
        files.save(ring)
    found = _assert_restores(files, earlier, before)
    found.append(_rows(3, seed=1))
    files.save(found)
    _assert_restores(files, found)
    with pytest.raises(ValueError, match=f"does not hold one of {ring.total} transitions"):
        files.restore(replay.Replay(_LAYOUT, 20), ring.total)


def test_what_does_not_fit_is_refused(tmp_path):
    files = replay_files.ReplayFiles(tmp_path, segment_rows=8)
    with pytest.raises(ValueError, match="does not hold a replay"):
        files.restore(replay.Replay(_LAYOUT, 20))
    files.save(_filled(20, 12))
    with pytest.raises(ValueError, match="same task and memory size"):
        files.restore(replay.Replay(_LAYOUT, 21))
    with pytest.raises(ValueError, match="holds 12 transitions, but only 3"):
        files.save(_filled(20, 3))
    os.truncate(tmp_path / "rows-000000000008.f32", 20)
    with pytest.raises(ValueError, match="has 20 bytes, but"):
        files.restore(replay.Replay(_LAYOUT, 20))
    (tmp_path / "index.json").write_text("{")
    with pytest.raises(ValueError, match="is damaged"):
        files.save(_filled(20, 12))
