import dataclasses
import json
import pathlib

import gin
import gymnasium
import numpy as np
import pytest

from ibc.data import episodes, pairs
from ibc.environments import bodies
from ibc.networks import pair_energy
from ibc.online import run_config
from ibc.online.on_policy import configuration, demonstrated, motions, options, parts
from tests import commands

_TASK = "--task=halfcheetah"
_SMALL = (
    "--set=ppo.num_envs=2", "--set=ppo.horizon=32", "--set=ppo.minibatch_size=32",
    "--set=ppo.hidden=[8]", "--set=ppo.mini_epochs=1", "--set=run.block=1",
    "--set=run.evaluation_interval=1", "--set=run.evaluation_episodes=1", "--set=amp.hidden=[8]",
)  # fmt: skip


def _episode(seed, size=0.5, steps=30):
    env = gymnasium.make("HalfCheetah-v4")
    draw = np.random.default_rng(seed)
    seen = [env.reset(seed=seed)[0]]
    for _ in range(steps - 1):
        seen.append(env.step(np.float32(draw.uniform(-size, size, 6)))[0])
    return np.float32(seen)


@pytest.fixture(name="shown", scope="module")
def _shown():
    """Three recorded episodes of 30 frames."""
    return [_episode(seed) for seed in range(3)]


@pytest.fixture(name="place")
def _place(shown, tmp_path, monkeypatch):
    """A folder with these in a file, and an energy of half-cheetahs."""
    monkeypatch.chdir(tmp_path)
    np.savez("demos.npz", state=np.concatenate(shown), episode_ends=[30, 60, 90])
    architecture = pair_energy.Architecture(17, (6,), 4, (5,), sigmas=(1.0, 0.1))
    pair_energy.PairEnergy(architecture, {"task": "halfcheetah"}).save(
        pathlib.Path("runs/ncsn/halfcheetah/seed0/energy")
    )
    return tmp_path


def _motions(shown, **more):
    recording = pairs.Recording(np.concatenate(shown), np.cumsum([len(each) for each in shown]))
    return motions.Motions(bodies.load("halfcheetah"), recording, **more)


def test_what_was_shown_is_nearer_than_what_was_not(shown):
    measuring = _motions(shown)
    own = measuring.measure([shown[0]], 1.0)
    other = measuring.measure([_episode(7, size=1.0)], 1.0)
    assert 0 < own["mean_dtw_pose_error"] < other["mean_dtw_pose_error"]
    assert "test_returns_of_demonstrations" not in own
    # Compared with itself and two others, it is at two thirds of what it is with the others alone.
    alone = _motions(shown[1:]).measure([shown[0]], 1.0)
    assert own["mean_dtw_pose_error"] == pytest.approx(alone["mean_dtw_pose_error"] * 2 / 3)


def test_the_speed_is_the_root_s_whatever_the_repeat(shown):
    still = np.zeros([9, 17], np.float32)
    still[:, 8] = 2.0  # rootx, metres per second.
    for repeat in (1, 4):
        found = _motions(shown, repeat=repeat).measure([still], 1.0)
        assert found["root_body_velocity"] == pytest.approx(2.0, rel=1e-5)
        assert found["root_body_jerk"] == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("algorithm", ["NEAR", "AMP", "PPO"])
def test_a_run_tells_how_its_motions_compare(place, algorithm):
    given = ("--set=dataset_path=demos.npz", "--set=ppo.state_init=hybrid", "--set=steps=64")
    done = commands.in_process(
        "online_train_eval", [f"--algorithm={algorithm}", _TASK, *_SMALL, *given, "--tag=a"]
    )
    assert (done.status, done.errors) == (0, [])
    path = place / "runs/online/a/results.json"
    results = json.loads(path.read_text())
    (row,), shown = results["evaluations"], results["demonstrations"]
    assert row["mean_dtw_pose_error"] > shown["mean_dtw_pose_error"] > 0
    assert "test_returns" not in shown, "of states alone nobody knows what they bring"
    assert row["episode_lengths"] == 1000 and row["root_body_jerk"] > 0
    if algorithm == "PPO":  # A run that has begun without goes on with them.
        path.write_text(json.dumps({key: results[key] for key in ("evaluations", "seconds")}))
        again = commands.in_process(
            "online_train_eval", ["--algorithm=PPO", _TASK, *_SMALL, *given, "--tag=a"]
        )
        found = json.loads(path.read_text())
        assert again.status == 0 and found["demonstrations"] == shown
        assert found["evaluations"] == [row]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--task=MAZE", "--algorithm=PPO", "--set=ppo.state_init=random"), "MAZE is no body of"),
        ((_TASK, "--algorithm=PPO", "--set=ppo.state_init=rnd"), "ppo.state_init must be one of"),
        ((_TASK, "--algorithm=PPO", "--set=ppo.state_init=random"), "datasets/halfcheetah-v4"),
        ((_TASK, "--algorithm=AMP"), "datasets/halfcheetah-v4"),
        (("--task=hopper", "--algorithm=PPO", "--set=ppo.state_init=random", "--set=dataset_path="
          "demos.npz"), "have states of 17 numbers, but task hopper observes 11"),
        (("--task=ant", "--algorithm=PPO", "--set=dataset_path=demos.npz"), "of 17 numbers"),
    ],
)  # fmt: skip
def test_what_is_no_demonstration_is_said_before_anything_is_written(place, arguments, said):
    done = commands.in_process("online_train_eval", [*arguments, *_SMALL, "--tag=a"])
    assert done.status == 1 and len(done.errors) == 1 and said in done.errors[0]
    assert not (place / "runs/online").exists()


@pytest.mark.parametrize(
    ("size", "said"), [(0, r"tfrecord.spec is missing"), (5, "have states of 5 numbers")]
)
def test_what_is_unusable_matters_where_it_was_named(place, shown, size, said):
    found = place / "datasets/halfcheetah-v4/halfcheetah-v4.tfrecord"
    found.parent.mkdir(parents=True)
    found.write_text("no record")
    if size:
        few = [episodes.Episode(each[:, :size], np.zeros((len(each) - 1, 1))) for each in shown]
        episodes.write_episodes(found, few)
    config = run_config.OnlineConfig(algorithm="PPO", task="halfcheetah")
    assert demonstrated.load(config, options.Ppo()) == demonstrated.Demonstrated()
    with pytest.raises((ValueError, FileNotFoundError), match=said):
        demonstrated.load(config, options.Ppo(state_init="hybrid"))
    with pytest.raises((ValueError, FileNotFoundError), match=said):
        demonstrated.load(dataclasses.replace(config, dataset_path=str(found)), options.Ppo())


def test_demonstrations_are_read_once(place, monkeypatch):
    read, places = pairs.read, []
    monkeypatch.setattr(pairs, "read", lambda path: places.append(path) or read(path))
    config = run_config.OnlineConfig(
        algorithm="PPO", task="halfcheetah", dataset_path=str(place / "demos.npz")
    )
    made = parts.make(config)
    assert made.motions is not None and places == [config.dataset_path]
    shown = demonstrated.load(config, options.Ppo(state_init="random"))
    assert shown.begun is not None and len(places) == 2


@pytest.mark.parametrize("task", ["halfcheetah", "Hopper-v5"])
def test_bodies_have_the_same_ppo_but_for_the_norm_of_gradients(task):
    gin.clear_config()
    plain, chosen = options.Ppo(), {}
    for algorithm in ("NEAR", "AMP", "PPO"):
        configuration.configure(algorithm, task)
        chosen[algorithm] = options.bound().ppo
        assert run_config.OnlineConfig().steps == 200_000
    assert chosen["NEAR"] == chosen["PPO"] != plain
    # Beside a discriminator, which has the same optimizer, no gradient is clipped.
    assert chosen["AMP"] == dataclasses.replace(chosen["PPO"], grad_norm=None) != chosen["PPO"]
    configuration.configure("PPO", "Pendulum-v1")
    assert options.bound().ppo == plain
    gin.clear_config()
