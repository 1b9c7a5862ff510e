import numpy as np
import pytest

from ibc.online import interaction_env
from ibc.online.on_policy import copies as copies_lib
from ibc.online.on_policy import starts


def _states():
    """Half-cheetahs 0.5 m above the ground, each running as many metres a second as its number."""
    states = np.zeros([8, 17], np.float32)
    states[:, 0] = 0.5
    states[:, 8] = np.arange(8)
    return states


def _env(share):
    begun = starts.begun_in([_states()], "halfcheetah", share)
    return begun(interaction_env.load("halfcheetah"))


def test_episodes_begin_in_recorded_states_but_the_last_and_go_on_from_there():
    env = _env(1.0)
    firsts = [env.reset(seed) for seed in range(40)]
    assert {first[8] for first in firsts} == set(range(7))
    env.reset(4)
    np.testing.assert_array_equal(env.reset(3), firsts[3])
    after = env.step(np.zeros(6)).observation
    # It falls 0.05 seconds long, as fast forward as before.
    assert after[8] == pytest.approx(firsts[3][8], abs=0.5)
    assert after[0] == pytest.approx(0.5 - 9.81 * 0.05**2 / 2, abs=5e-3)


def test_as_many_begin_as_the_share_says():
    env, plain = _env(0.5), interaction_env.load("halfcheetah")
    same = [np.array_equal(env.reset(seed), plain.reset(seed)) for seed in range(100)]
    assert 35 <= sum(same) <= 65


def test_a_seed_decides_where_copies_begin_again():
    copies = copies_lib.load(
        "halfcheetah", 5, begun=starts.begun_in([_states()], "halfcheetah", 1.0)
    )
    first = copies.begin(5)
    copies.step(np.ones([5, 6]))
    np.testing.assert_array_equal(copies.begin(5), first)
    assert not np.array_equal(copies.begin(6), first)


def test_time_is_up_as_without():
    env = _env(1.0)
    env.reset(0)
    ends = [env.step(np.zeros(6)).timeout for _ in range(1000)]
    assert ends[-1] and not any(ends[:-1])
