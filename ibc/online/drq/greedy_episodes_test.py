"""Episodes of evaluations, one after another and side by side."""

import numpy as np
import pytest

from ibc.online import interaction_env
from ibc.online.drq import greedy_episodes, options, picture_env


class _Straight:
    """Steers to the goal, slowly; remembers how many episodes it was asked about at once."""

    def __init__(self):
        self.asked = []

    def latest(self, frames):
        return frames[-1]

    def greedy(self, observations):
        self.asked.append(len(observations))
        position, goal = observations[:, :2], observations[:, 2:4]
        return np.clip(2 * (position + 0.3 * (goal - position)) - 1, -1, 1)


def _envs(count: int, steps: int = 15) -> list[picture_env.PictureEnv]:
    given = options.Drq(observation="state", action_repeat=1)
    inner = [interaction_env.load("PARTICLE_REACH").gym for _ in range(count)]
    return [
        picture_env.PictureEnv(interaction_env.InteractionEnv(env, steps, "PARTICLE_REACH"), given)
        for env in inner
    ]


@pytest.mark.parametrize("count", [2, 3, 7])
def test_what_episodes_bring_does_not_depend_on_how_many_are_played_at_once(count):
    alone, together, watched = _Straight(), _Straight(), []
    one_by_one = greedy_episodes.play(_envs(1), alone, range(7))
    assert greedy_episodes.play(_envs(count), together, range(7), watched.append) == one_by_one
    assert watched == list(range(7)) and len({each.value for each in one_by_one}) == 7
    assert alone.asked == [1] * 15 * 7
    rounds = [count] * (7 // count) + ([7 % count] if 7 % count else [])
    assert together.asked == [rows for rows in rounds for _ in range(15)]
    assert greedy_episodes.play(_envs(2), alone, range(3, 6)) == one_by_one[3:6]


def test_an_episode_that_has_ended_waits_for_the_others():
    longer, shorter = _envs(1, steps=15)[0], _envs(1, steps=4)[0]
    played = greedy_episodes.play([shorter, longer], _Straight(), range(2))
    assert [each.length for each in played] == [4, 15]
    assert played[:1] == greedy_episodes.play([shorter], _Straight(), range(1))


def test_a_summary_has_means_and_what_the_task_measures():
    played = [
        greedy_episodes.Played(value, length, solved, {"near": float(solved)})
        for value, length, solved in ((-1.0, 10, True), (-4.0, 20, False))
    ]
    found, returns = greedy_episodes.summary(played)
    assert returns == [-1, -4]
    assert found == {
        "episode_reward": -2.5, "episode_length": 15, "success_rate": 0.5, "near": 0.5,
    }  # fmt: skip
    silent = [each._replace(succeeded=None, measures={}) for each in played]
    assert set(greedy_episodes.summary(silent)[0]) == {"episode_reward", "episode_length"}
