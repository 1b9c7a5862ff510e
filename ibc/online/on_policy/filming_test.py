import pathlib

import imageio_ffmpeg
import numpy as np
import pytest

from ibc.environments import running_curve
from ibc.networks import pair_energy
from ibc.online import episode_rows
from ibc.online.on_policy import filming
from tests import commands

_SMALL = (
    "--set=ppo.num_envs=2", "--set=ppo.horizon=16", "--set=ppo.minibatch_size=16",
    "--set=ppo.hidden=[8]", "--set=run.evaluation_episodes=2", "--set=steps=100",
)  # fmt: skip


def test_a_decision_is_worth_the_same_in_each_of_its_steps():
    places = np.float32([[0], [1], [3], [6], [10], [15]])
    steps = episode_rows.Steps(places[:-1], np.zeros([5, 1]), np.zeros(5), places[1:])
    rows = episode_rows.rows_of(steps, terminated=True, timeout=False, absorbing=False)
    # Decisions lead from 0 to 3, from 3 to 10, and from 10 to the end.
    found = filming.rewards_of_decisions(lambda pairs: pairs[:, 1] - pairs[:, 0], 2, rows)
    np.testing.assert_array_equal(found, [3, 3, 7, 7, 5])


def test_an_action_is_held():
    policy = filming.held(lambda seen: seen + 1, 3)
    acted = [int(policy(np.array([[step]]))[0, 0]) for step in range(7)]
    assert acted == [1, 1, 1, 4, 4, 4, 7]


@pytest.mark.parametrize(
    ("algorithm", "name"), [("NEAR", "reward of the energy"), ("PPO", "the task's reward")]
)
def test_a_run_leaves_a_video(algorithm, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = pair_energy.Architecture(2, (6,), 4, (5,), sigmas=(1.0, 0.1))
    energy = pair_energy.PairEnergy(made, {"task": "PARTICLE_GOAL"})
    energy.save(pathlib.Path("runs/ncsn/PARTICLE_GOAL/seed0/energy"))
    drawn, below = [], running_curve.below

    def spied(picture, values, done, name):
        drawn.append((values, name))
        return below(picture, values, done, name)

    monkeypatch.setattr(running_curve, "below", spied)
    given = (f"--algorithm={algorithm}", "--task=PARTICLE_GOAL", "--tag=a", *_SMALL)
    done = commands.in_process(
        "online_train_eval", [*given, "--video", "--set=ppo.action_repeat=3"]
    )
    assert (done.status, done.errors) == (0, [])
    (path,) = pathlib.Path("runs/online/a/videos").rglob("vid_96.mp4")
    values, called = drawn[0]
    assert called == name and np.std(values) > 0
    assert imageio_ffmpeg.count_frames_and_secs(str(path))[0] == len(values) + 1
    # A decision lasts for three steps.
    held = values[: len(values) // 3 * 3].reshape(-1, 3)
    assert (held == held[:, :1]).all() == (algorithm == "NEAR")
