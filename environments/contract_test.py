"""Tests of what environments offer besides Gymnasium's interface, and of the defaults."""

import types

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from ibc.environments import contract, suite


class _Env(gymnasium.Env):
    """Ends after each step, with the next of some infos."""

    def __init__(self, infos=({},), **offers):
        self.observation_space = self.action_space = spaces.Box(-1, 1, (1,), np.float32)
        self._infos = iter(infos)
        vars(self).update(offers)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action):
        return np.zeros(1, np.float32), 0.0, True, False, next(self._infos)


def _loaded(*infos, **offers):
    return suite.SeededGymnasiumWrapper(_Env(infos, **offers))


def _measured(env, episodes):
    metrics = contract.make_metrics(env, episodes)
    for _ in range(episodes):
        env.reset()
        env.step(np.zeros(1, np.float32))
        for metric in metrics:
            metric(types.SimpleNamespace(next_step_type=np.int32(2)))
    return contract.results(metrics)


@pytest.mark.parametrize(
    ("infos", "expected"),
    [
        ([{}, {}], {}),
        ([{"is_success": 1.0}, {"is_success": 0.0}], {"AverageSuccessMetric": 0.5}),
        ([{"success": True}, {"success": np.array([True])}], {"AverageSuccessMetric": 1.0}),
        # Told only where there was one.
        ([{}, {"success": True}, {}, {}], {"AverageSuccessMetric": 0.25}),
    ],
)
def test_success_is_what_infos_tell(infos, expected):
    assert _measured(_loaded(*infos), len(infos)) == expected


def test_what_the_environment_says_itself_wins():
    env = _loaded({"success": False}, succeeded=True, control_frequency=12.5)
    assert _measured(env, 1) == {"AverageSuccessMetric": 1.0}
    assert contract.succeeded(env) is True
    assert contract.control_frequency(env) == 12.5


@pytest.mark.parametrize(
    ("metadata", "expected"), [({}, 30.0), ({"render_fps": 7}, 7.0), ({"render_fps": None}, 30.0)]
)
def test_videos_are_as_fast_as_metadata_say(metadata, expected):
    assert contract.control_frequency(_loaded(metadata=metadata)) == expected


def test_goal_tolerance_is_set_where_it_can_be():
    contract.set_goal_tolerance(_loaded(), 0.02)
    given = []
    contract.set_goal_tolerance(_loaded(set_goal_dist_tolerance=given.append), 0.02)
    assert given == [0.02]


@pytest.mark.parametrize(
    ("offer", "message"),
    [
        ("save_episode_grid", "task Name has no pictures of episodes; leave out --viz_img."),
        ("get_pybullet_state", "task Name has no simulator state to save; leave out --save_states"),
        ("restore", "task Name has no way back to a recorded state"),
    ],
)
def test_what_there_is_no_doing_without_is_refused(offer, message):
    with pytest.raises(ValueError, match=message):
        contract.required(_loaded(), offer, "Name")
    method = lambda: 3  # noqa: E731
    assert contract.required(_loaded(**{offer: method}), offer, "Name") is method
