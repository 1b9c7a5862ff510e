import os
import signal
import threading

import gin
import numpy as np
import pytest
import tensorflow as tf

from ibc.environments import suite
from ibc.eval import environment_group, process_group, rollouts
from ibc.utils import child_process
from tests import termination_testing


def proportional_act(time_steps, seeds, wave=0):
    """Steers to the second goal with noise that is a function of the row's seed alone."""
    noise = [np.random.RandomState(seed).normal(scale=0.1, size=2) for seed in seeds]
    goal = time_steps.observation["pos_second_goal"][:, -1]
    return np.clip(goal + np.array(noise), 0, 1).astype(np.float32)


def load(history_length=2):
    return suite.load("PARTICLE", history_length=history_length)


def load_signalled():
    """An environment whose process gets SIGTERM in the middle of every step."""
    environment = load()
    environment._step = termination_testing.signalled(environment._step, signal.SIGTERM)
    return environment


def played(group, seeds, act=proportional_act):
    """Runs episodes; returns seeds and metrics in the order in which the episodes ended."""
    return [(o.seed, o.metrics) for o in rollouts.run_episodes(group, act, seeds)]


def run(width, seeds, act=proportional_act):
    group = environment_group.LocalGroup([load() for _ in range(width)])
    return sorted(played(group, seeds, act))


@pytest.fixture
def process_group_of():
    """Returns a function from a number of environments to a group in at most two processes."""
    groups = []

    def make(num_envs, bindings=(), load=load):
        workers = min(2, num_envs)
        groups.append(process_group.ProcessGroup("PARTICLE", load, num_envs, workers, bindings))
        return groups[-1]

    yield make
    for group in groups:
        group.close()


@pytest.mark.parametrize("width", [2, 3, 5])
def test_results_do_not_depend_on_the_environments_side_by_side(width):
    seeds = [4, 0, 7, 1, 9]
    alone, together = run(1, seeds), run(width, seeds)
    assert [seed for seed, _ in together] == sorted(seeds)
    assert together == alone


def test_an_episode_is_the_one_of_its_seed():
    environment = suite.load("PARTICLE")
    starts = {}

    def act(time_steps, seeds, wave):
        for row, (seed, step) in enumerate(seeds):
            if step == 0:
                starts[int(seed)] = time_steps.observation["pos_agent"][row, 0]
        return proportional_act(time_steps, seeds)

    run(2, [3, 8, 5], act)
    for seed, start in starts.items():
        rng = np.random.RandomState(seed)
        np.testing.assert_array_equal(start, rng.uniform(size=2).astype(np.float32))
    assert set(starts) == {3, 8, 5}
    environment.close()


def test_the_policy_always_sees_one_batch_size_and_its_seeds_count_steps():
    calls = []

    def act(time_steps, seeds, wave):
        calls.append((time_steps.observation["pos_agent"].shape, seeds.tolist()))
        return proportional_act(time_steps, seeds)

    run(2, [3, 8, 5], act)
    assert {shape for shape, _ in calls} == {(2, 2, 2)}
    assert len(calls) == 100
    assert [seeds for _, seeds in calls[:2]] == [[[3, 0], [8, 0]], [[3, 1], [8, 1]]]
    assert calls[50][1][0] == [5, 0]


def test_metrics_agree_with_the_environment():
    environment = suite.load("PARTICLE", history_length=1)
    for seed, values in run(2, [0, 1, 2]):
        environment.seed(seed)
        time_step, step = environment.reset(), 0
        while not time_step.is_last():
            batched = tf.nest.map_structure(lambda x: np.asarray(x)[np.newaxis], time_step)
            action = proportional_act(batched, np.array([[seed, step]]))[0]
            time_step, step = environment.step(action), step + 1
        inner = suite.gym_env(environment)
        assert values["AverageSuccessMetric"] == float(inner.succeeded)
        np.testing.assert_allclose(
            values["AverageFinalSecondGoalDistance"], inner.final_second_distance, rtol=1e-5
        )


def test_a_video_shows_the_whole_episode(tmp_path):
    import imageio_ffmpeg

    path = tmp_path / "videos" / "episode.mp4"
    rollouts.record_episode(load(), proportional_act, 42, 3, path)
    frames, seconds = imageio_ffmpeg.count_frames_and_secs(str(path))
    assert frames == 51
    np.testing.assert_allclose(seconds, 51 / 20, atol=0.1)


def test_processes_give_the_results_of_one_process(tmp_path, process_group_of):
    seeds = [4, 0, 7, 1, 9]
    group = process_group_of(4, ["ParticleEnv.n_steps = 30"])
    outcomes = list(rollouts.run_episodes(group, proportional_act, seeds, tmp_path))
    gin.parse_config("ParticleEnv.n_steps = 30")
    assert sorted((outcome.seed, outcome.metrics) for outcome in outcomes) == run(1, seeds)
    for outcome in outcomes:
        assert (tmp_path / f"seed_{outcome.seed}.png").stat().st_size > 1000
        assert len(outcome.episode.setpoints) == 30


@pytest.mark.parametrize("num_envs", [1, 2, 3, 5, 20])
def test_results_do_not_depend_on_the_environments_in_processes(num_envs, process_group_of):
    seeds = list(range(7, 30))
    group = process_group_of(num_envs)
    first, second = played(group, seeds), played(group, seeds)
    assert sorted(first) == run(1, seeds) == run(20, seeds)
    assert second == first  # in the same order, however fast the processes are


def test_the_policy_acts_for_one_wave_while_the_other_is_at_work(process_group_of, monkeypatch):
    group = process_group_of(5)
    calls, at_work = [], set()

    def receive(method=group.receive):
        reply = method()
        at_work.remove(reply.wave)
        return reply

    def _work(method, wave, arguments, work=group._work):
        at_work.add(wave)
        work(method, wave, arguments)

    def act(time_steps, seeds, wave):
        calls.append((wave, time_steps.observation["pos_agent"].shape, set(at_work)))
        return proportional_act(time_steps, seeds)

    for method in (receive, _work):
        monkeypatch.setattr(group, method.__name__, method)
    played(group, range(5), act)
    assert calls == [(0, (3, 2, 2), {1}), (1, (3, 2, 2), {0})] * 50


def test_there_is_one_wave_where_two_would_leave_processes_idle(process_group_of):
    assert [process_group_of(n).sizes for n in (1, 3, 4, 9)] == [[1], [3], [2, 2], [5, 4]]


@pytest.mark.parametrize("num_envs", [0, 4])
def test_a_run_that_was_broken_off_does_not_touch_the_next(num_envs, process_group_of):
    group = (
        process_group_of(num_envs) if num_envs else environment_group.LocalGroup([load(), load()])
    )
    next(rollouts.run_episodes(group, proportional_act, range(9)))
    assert sorted(played(group, [5, 3, 4])) == run(1, [3, 4, 5])


@pytest.mark.parametrize("victim", [0, 1])
@pytest.mark.parametrize("wave", [0, 1])
def test_a_dying_process_is_named(victim, wave, process_group_of):
    group = process_group_of(4)

    def act(time_steps, seeds, acting):
        if seeds[0, 1] == 3 and acting == wave:
            os.kill(group.processes[victim].pid, signal.SIGKILL)
        return proportional_act(time_steps, seeds)

    with pytest.raises(child_process.WorkerError, match=f"process {victim} was killed by SIGKILL"):
        played(group, range(4), act)
    group.close()
    assert not any(process.is_alive() for process in group.processes)


def test_a_dying_process_is_noticed_while_another_is_waited_for(process_group_of):
    group = process_group_of(4)
    stopped, victim = (process.pid for process in group.processes)
    killing = threading.Timer(0.5, os.kill, (victim, signal.SIGKILL))

    def act(time_steps, seeds, wave):
        if (wave, seeds[0, 1]) == (0, 3):
            os.kill(stopped, signal.SIGSTOP)
            killing.start()
        return proportional_act(time_steps, seeds)

    try:
        with pytest.raises(child_process.WorkerError, match="process 1 was killed by SIGKILL"):
            played(group, range(4), act)
    finally:
        os.kill(stopped, signal.SIGCONT)


def test_a_process_completes_the_step_in_which_it_is_told_to_end(process_group_of):
    group = process_group_of(1, load=load_signalled)
    # A step that was broken off would be reported as an error of the environment.
    with pytest.raises(child_process.WorkerError, match=r"0 ended without a result \(status 1\)"):
        played(group, [0])


def test_an_environment_that_cannot_be_made_says_why(process_group_of):
    group = process_group_of(2, ["ParticleEnv.n_dims = 3"])
    with pytest.raises(child_process.WorkerError, match=r"process 0: .*did you mean n_dim"):
        played(group, [0])
