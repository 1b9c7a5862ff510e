"""Runs of DrQ-v2: whole, in parts, killed in between, and with what is wrong."""

import pathlib
import shutil

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.classic_control import pendulum

from ibc.online import frame_replay, frame_replay_test, interaction_env, run_config
from ibc.online.drq import episode_files, options, picture_env
from tests import commands, drq_testing

_GIVEN = (
    "--algorithm=DRQ", "--task=PARTICLE_REACH", "--set=drq.hidden_dim=8", "--set=drq.state_dim=8",
    "--set=drq.feature_dim=4", "--set=drq.batch_size=4", "--set=drq.num_seed_frames=40",
    "--set=drq.num_expl_steps=20", "--set=drq.eval_every_frames=60",
    "--set=drq.num_eval_episodes=2", "--set=drq.image_size=16", "--set=drq.replay_buffer_size=20",
    "--gin_bindings=online_train_eval.checkpoint_interval = 30",
)  # fmt: skip


def _run(*arguments):
    return commands.in_process("online_train_eval", [*_GIVEN, *arguments])


@pytest.mark.parametrize("observation", options.OBSERVATIONS)
def test_a_run_in_parts_is_the_whole_one(observation, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    seen = f"--set=drq.observation={observation}"
    whole = _run(seen, "--set=steps=120", "--tag=whole")
    assert (whole.status, whole.errors) == (0, [])
    for steps in (60, 120):
        assert _run(seen, f"--set=steps={steps}", "--tag=parts").status == 0
    drq_testing.assert_equal("whole", "parts")
    assert [row["frames"] for row in drq_testing.evaluations("whole")] == [60, 120]
    assert {"episode_reward", "episode_length", "success_rate"} < set(
        drq_testing.evaluations("whole")[0]
    )
    exported = pathlib.Path("runs/online/whole/policies/greedy_policy/policy.json")
    assert exported.is_file() == (observation == "state")


@pytest.mark.slow
def test_an_agent_of_states_learns_to_reach_a_goal(tmp_path, monkeypatch, report):
    monkeypatch.chdir(tmp_path)
    quick = ("--algorithm=DRQ", "--task=PARTICLE_REACH", "--gin_file=drq_particle_quick.gin")
    given = ("observation=state", "state_dim=64", "update_every_steps=1", "num_eval_episodes=100")
    settings = [*(f"--set=drq.{one}" for one in given), "--set=drq.eval_every_frames=1500"]
    reached = []
    for seed in (0, 1):
        flags = [*quick, *settings, f"--set=seed={seed}", "--set=steps=1500", f"--tag={seed}"]
        assert commands.in_process("online_train_eval", flags).status == 0
        reached.append(drq_testing.evaluations(str(seed))[-1]["success_rate"])
    report(f"DrQ-v2 of states, 1,500 frames: goal reached in {reached} of 100 episodes")
    assert min(reached) >= 0.4


def test_what_a_killed_run_left_of_later_episodes_is_played_again(tmp_path):
    files = episode_files.EpisodeFiles(tmp_path)
    replay = frame_replay.FrameReplay(20)
    for number in range(3):
        replay.add(frame_replay_test.episode(6, first=10 * number))
        files.save(replay)
    replay.add(frame_replay_test.episode(6, first=30))
    assert len(replay.episodes) == 3 and len(list(tmp_path.iterdir())) == 3
    files.save(replay)
    assert len(list(tmp_path.iterdir())) == 4  # The save before it needs the first one.
    restored = frame_replay.FrameReplay(20)
    episode_files.EpisodeFiles(tmp_path).restore(restored, 3, 3)
    assert restored.total == 3 and len(restored) == 18
    found = [int(each.frames[0, 0, 0, 0]) for each in restored.episodes]
    assert found == [0, 10, 20] and len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_damaged_replay_is_named(tmp_path, damage, number):
    files, replay = episode_files.EpisodeFiles(tmp_path), frame_replay.FrameReplay(20)
    for _ in range(3):
        replay.add(frame_replay_test.episode(6))
    files.save(replay)
    path = tmp_path / f"episode-0000000{number}.npz"
    path.unlink() if damage == "gone" else path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=rf"{path.name} is (damaged|missing).*another one"):
        files.restore(frame_replay.FrameReplay(20), 3, 3)


def test_episodes_of_a_run_without_a_checkpoint_are_not_gone_on_with(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = ("--set=drq.observation=state", "--set=steps=60", "--tag=a")
    assert _run(*given, "--set=seed=1").status == 0
    shutil.rmtree("runs/online/a/train/checkpoints")
    assert _run(*given, "--set=seed=2").status == 0
    assert _run(*given, "--set=seed=2", "--set=steps=120").status == 0
    assert _run(*given, "--set=seed=2", "--set=steps=120", "--tag=whole").status == 0
    assert drq_testing.evaluations("a") == drq_testing.evaluations("whole")


def test_the_shipped_settings_are_read():
    options.configure(
        "PARTICLE_REACH", ["drq_particle_quick.gin"], (), ["drq.stddev_schedule=0.2", "seed=3"]
    )
    chosen = options.Drq()
    assert (chosen.image_size, chosen.stddev_schedule, chosen.stack) == (32, 0.2, 3)
    assert run_config.OnlineConfig().seed == 3
    options.configure("PARTICLE_REACH", ["drq_particle_state.gin"])
    assert (options.Drq().observation, options.Drq().stack) == ("state", 1)


def test_actions_are_held_and_pictures_are_the_tasks_own():
    env = interaction_env.load("PARTICLE_REACH")
    held = picture_env.PictureEnv(env, options.Drq(image_size=24, action_repeat=4))
    first = held.reset(3)
    assert first.shape == (24, 24, 3) and first.dtype == np.uint8 and held.shape == (24, 24, 9)
    np.testing.assert_array_equal(first, env.gym.unwrapped.picture(24, 24))
    steps = [held.step(np.array([0.5, -0.5])) for _ in range(4)]
    assert [step.frames for step in steps] == [4, 4, 4, 3]
    assert [step.timeout for step in steps] == [False, False, False, True]
    alone = interaction_env.load("PARTICLE_REACH")
    alone.reset(3)
    rewards = [alone.step(np.array([0.5, -0.5])).reward for _ in range(15)]
    np.testing.assert_allclose(sum(step.reward for step in steps), sum(rewards), rtol=1e-6)
    assert np.any(steps[0].frame != first)


def test_pictures_of_other_tasks_are_resized():
    env = picture_env.PictureEnv(
        interaction_env.load("Pendulum-v1"), options.Drq(image_size=20, action_repeat=1)
    )
    assert env.reset(0).shape == (20, 20, 3)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--video",), "online_train_eval.video is not for DRQ"),
        (("--optimised=DRQ_5_trajectories",), "--optimised and --generate_data are not for DRQ"),
        (("--set=drq.observation=image",), "drq.observation must be one of ('pixels', 'state')"),
        (("--set=drq.image_size=12",), "12×12 pixels are too small for this encoder"),
        (("--set=drq.stddev_schedule=cosine(1)",), "drq.stddev_schedule: 'cosine(1)' is no sch"),
        (("--set=drq.nsteps=1",), "there is no option drq.nsteps. Did you mean drq.nstep?"),
        (("--set=drq.discount=2.0",), "drq.discount must be in [0, 1], but is 2.0"),
        (("--task=ibc.online.drq.experiment_test:Unseen-v0",), "'pixels', but Unseen draws no pic"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    is_task = arguments[0].startswith("--task")
    given = [each for each in _GIVEN if not (is_task and each.startswith("--task"))]
    done = commands.in_process("online_train_eval", [*given, *arguments])
    assert done.status == 1 and said in done.errors[-1]
    assert not pathlib.Path("runs").exists()


class Unseen(pendulum.PendulumEnv):
    """A task without pictures."""

    render = gymnasium.Env.render


gymnasium.register("Unseen-v0", Unseen, max_episode_steps=20)
