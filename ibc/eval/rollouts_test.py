import numpy as np
import pytest
import tensorflow as tf
from tf_agents.metrics import py_metrics

from ibc.environments import suite
from ibc.eval import rollouts


def proportional_act(time_steps, seeds):
    """Steers to the second goal with noise that is a function of the row's seed alone."""
    noise = [np.random.RandomState(seed).normal(scale=0.1, size=2) for seed in seeds]
    goal = time_steps.observation["pos_second_goal"][:, -1]
    return np.clip(goal + np.array(noise), 0, 1).astype(np.float32)


def run(width, seeds, act=proportional_act):
    environments = [suite.load("PARTICLE", history_length=2) for _ in range(width)]
    metrics = [
        [py_metrics.AverageReturnMetric(buffer_size=1), *suite.task_metrics(e, 1)]
        for e in environments
    ]
    return [(s, v) for s, _, v in rollouts.run_episodes(environments, metrics, act, seeds)]


@pytest.mark.parametrize("width", [2, 3, 5])
def test_results_do_not_depend_on_the_environments_side_by_side(width):
    seeds = [4, 0, 7, 1, 9]
    alone, together = run(1, seeds), run(width, seeds)
    assert [seed for seed, _ in together] == seeds
    for (_, one), (_, other) in zip(alone, together, strict=True):
        assert one == other


def test_an_episode_is_the_one_of_its_seed():
    environment = suite.load("PARTICLE")
    starts = {}

    def act(time_steps, seeds):
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

    def act(time_steps, seeds):
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

    environment = suite.load("PARTICLE", history_length=2)
    path = tmp_path / "videos" / "episode.mp4"
    rollouts.record_episode([environment], proportional_act, 42, path)
    frames, seconds = imageio_ffmpeg.count_frames_and_secs(str(path))
    assert frames == 51
    np.testing.assert_allclose(seconds, 51 / 20, atol=0.1)
