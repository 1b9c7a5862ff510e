"""Transitions over n steps against recordings; room, stacks and draws."""

import numpy as np
import pytest

from ibc.online import frame_replay


def episode(length: int, first: int = 0, side: int = 1) -> frame_replay.Episode:
    """Returns an episode whose frames and actions are numbered from `first`."""
    numbers = np.arange(first, first + length + 1, dtype=np.uint8)
    frames = np.broadcast_to(numbers[:, None, None, None], (length + 1, side, side, 2))
    actions = np.stack([numbers[:-1], -numbers[:-1]], 1).astype(np.float32)
    return frame_replay.Episode(
        frames.copy(), actions, np.ones(length, np.float32), np.ones(length, np.float32)
    )


@pytest.mark.parametrize(("length", "n_step"), [(12, 3), (7, 1), (9, 5)])
def test_transitions_are_the_published_ones(golden, length, n_step):
    recorded = np.load(golden("video_imitation/replay.npz"))
    prefix = f"L{length}_n{n_step}"
    # Published rows tell what was done before them, and so the first holds nothing.
    values = {name: recorded[f"{prefix}_{name}"][1:] for name in ("action", "reward", "discount")}
    recorded_episode = frame_replay.Episode(
        recorded[f"{prefix}_observation"],
        values["action"],
        values["reward"][:, 0],
        values["discount"][:, 0],
    )
    replay = frame_replay.FrameReplay(100, n_step, stack=1)
    index = recorded[f"{prefix}_index"]
    assert set(index) <= set(range(1, length - n_step + 2))
    rows = [replay.transition(recorded_episode, step) for step in index - 1]
    names = ("obs", "act", "rew", "disc", "next")
    for name, found in zip(names, zip(*rows, strict=True), strict=True):
        expected = recorded[f"{prefix}_sample_{name}"]
        np.testing.assert_allclose(np.reshape(found, expected.shape), expected, rtol=1e-6)


def test_all_steps_of_all_episodes_are_drawn_alike_and_none_crosses_an_end():
    replay = frame_replay.FrameReplay(100, n_step=3, stack=1)
    replay.add(episode(5))
    replay.add(episode(10, first=100))
    batch = replay.sample(8000, 0)
    starts = batch.observation[:, 0, 0, 0].astype(int)
    np.testing.assert_array_equal(batch.next_observation[:, 0, 0, 0], starts + 3)
    np.testing.assert_array_equal(batch.action[:, 0], starts)
    np.testing.assert_allclose(batch.reward, 1 + 0.99 + 0.99**2, rtol=1e-6)
    np.testing.assert_allclose(batch.discount, 0.99**3, rtol=1e-6)
    found = dict(zip(*np.unique(starts, return_counts=True), strict=True))
    wanted = {0: 4000 / 3, 1: 4000 / 3, 2: 4000 / 3} | {100 + t: 500 for t in range(8)}
    assert set(found) == set(wanted)
    assert all(abs(found[t] - wanted[t]) < 5 * np.sqrt(wanted[t]) for t in wanted)
    again = replay.sample(8000, 0)
    np.testing.assert_array_equal(batch.observation, again.observation)


def test_the_oldest_episodes_go():
    replay = frame_replay.FrameReplay(20)
    for number in range(5):
        replay.add(episode(8, first=10 * number))
    assert len(replay) == 16 and replay.total == 5
    assert [int(each.frames[0, 0, 0, 0]) for each in replay.episodes] == [30, 40]
    replay.add(episode(50))
    assert len(replay) == 50


def test_observations_are_stacked_oldest_first_and_the_reset_repeats():
    replay = frame_replay.FrameReplay(100, n_step=1)
    first, *_, following = replay.transition(episode(4, first=5, side=2), 1)
    np.testing.assert_array_equal(first[0, 0], [5, 5, 5, 5, 6, 6])
    np.testing.assert_array_equal(following[1, 1], [5, 5, 6, 6, 7, 7])


def test_an_episode_shorter_than_n_is_one_transition():
    replay = frame_replay.FrameReplay(100, n_step=5, stack=1)
    short = episode(2)
    short.discounts[-1] = 0
    replay.add(short)
    batch = replay.sample(4, 1)
    np.testing.assert_array_equal(batch.observation[:, 0, 0, 0], 0)
    np.testing.assert_array_equal(batch.next_observation[:, 0, 0, 0], 2)
    np.testing.assert_allclose(batch.reward, 1.99, rtol=1e-6)
    np.testing.assert_array_equal(batch.discount, 0)


def test_what_does_not_belong_together_is_refused():
    given = episode(3)
    with pytest.raises(ValueError, match=r"one frame more than steps.*3 frames, 3 actions"):
        frame_replay.Episode(given.frames[:-1], given.actions, given.rewards, given.discounts)
    with pytest.raises(ValueError, match="without episodes"):
        frame_replay.FrameReplay(10).sample(1, 0)
    with pytest.raises(ValueError, match="at least 1"):
        frame_replay.FrameReplay(10, n_step=0)


def test_rewards_are_scaled_when_the_baseline_was_taken():
    plain, scaled = (frame_replay.FrameReplay(100, 3, 0.5, 1) for _ in range(2))
    plain.baseline = scaled.baseline = np.arange(6, dtype=np.float32)
    scaled.scale = np.float32(4)
    for step in range(4):
        before, after = (each.transition(episode(6), step) for each in (plain, scaled))
        np.testing.assert_allclose(after[2], 4 * before[2], rtol=1e-6)
        np.testing.assert_array_equal(after[3], before[3])


def test_a_baseline_is_taken_from_rewards_by_their_time():
    plain, centred = (frame_replay.FrameReplay(100, 3, 0.5, 1) for _ in range(2))
    centred.baseline = np.arange(6, dtype=np.float32)
    given = episode(6)
    for step in range(4):
        before, after = plain.transition(given, step)[2], centred.transition(given, step)[2]
        taken = step + 0.5 * (step + 1) + 0.25 * (step + 2)
        np.testing.assert_allclose(before - after, taken, rtol=1e-6)
        assert after.dtype == np.float32


@pytest.mark.parametrize(("stack", "n_step"), [(1, 3), (3, 3), (2, 1), (1, 12)])
@pytest.mark.parametrize("is_centred", [False, True])
def test_a_batch_is_what_the_sums_say_step_by_step(stack, n_step, is_centred):
    draw = np.random.default_rng(0)
    replay = frame_replay.FrameReplay(1000, n_step, 0.9, stack)
    for length in draw.integers(1, 10, size=30):
        shapes = (length + 1, 2), (length, 2), (length,), (length,)
        replay.add(frame_replay.Episode(*(draw.normal(size=s).astype(np.float32) for s in shapes)))
    base = draw.normal(size=10).astype(np.float32) * is_centred
    replay.baseline = base if is_centred else None
    batch = replay.sample(200, [3, 4])
    rows = np.random.default_rng([3, 4])
    drawn = [replay.episodes[i] for i in rows.integers(30, size=200)]
    starts = rows.integers([max(len(each) - n_step, 0) + 1 for each in drawn])
    for row, (each, start) in enumerate(zip(drawn, starts, strict=True)):
        end, total, factor = min(start + n_step, len(each)), np.float32(0), np.float32(1)
        for t in range(start, end):
            total += factor * (each.rewards[t] - base[t])
            factor *= np.float32(0.9) * each.discounts[t]
        assert (batch.reward[row], batch.discount[row]) == (total, factor)
        np.testing.assert_array_equal(batch.action[row], each.actions[start])
        for seen, at in ((batch.observation, start), (batch.next_observation, end)):
            frames = each.frames[np.maximum(np.arange(at - stack + 1, at + 1), 0)]
            np.testing.assert_array_equal(seen[row], frames.ravel())
