"""Both ways of published inference: against recordings, literal loops, and analytic densities."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from ibc.samplers import action_space, draws, published_dfo
from ibc.utils import keys

KEY = keys.Key(tf.constant([3, 4]))
SPACE = action_space.ActionSpace(
    tf.TensorSpec([2]), tf.constant([-1.0, -0.5]), tf.constant([1.0, 0.5])
)
BOTH = [published_dfo.AndyDFO, published_dfo.KevinDFO]


def _score(actions):
    return -30.0 * tf.reduce_sum(tf.square(actions - 0.4), axis=-1)


def _scorings(sampler, count=200, space=SPACE, score_fn=_score):
    """Returns what was scored in turn, [scorings, B, N, A], and the samples."""
    scored = []

    def recorded(actions):
        scored.append(actions.numpy())
        return score_fn(actions)

    return scored, sampler(recorded, space.uniform(3, count, KEY), space, KEY.split(2)[1])


@pytest.mark.parametrize(("sampler", "scorings"), list(zip(BOTH, (5, 6), strict=True)))
def test_each_scoring_is_of_samples_of_the_one_before_moved_a_little(sampler, scorings):
    scored, found = _scorings(sampler())
    assert len(scored) == scorings
    for before, after in itertools.pairwise(scored):
        distances = np.linalg.norm(after[:, :, None] - before[:, None], axis=-1).min(axis=2)
        assert distances.max() < 6 * 0.03 and distances.mean() > 0.001
    np.testing.assert_array_equal(found.actions, scored[-1])
    np.testing.assert_allclose(found.logits, _score(found.actions))


@pytest.mark.parametrize("sampler", BOTH)
def test_recorded_scorings_have_the_same_properties(golden, sampler):
    name = "andy" if sampler is published_dfo.AndyDFO else "kevin"
    for config in (0, 1):
        recorded = np.load(golden(f"sequences/ibc_lowdim_{config}.npz"))
        samples = recorded[f"{name}_samples"]
        samples = samples.reshape(*samples.shape[:3], -1)
        _, count = samples.shape[1:3]
        low, high = (
            np.tile(recorded[f"bounds_{end}"], recorded["args"][1]) for end in ("min", "max")
        )
        space = action_space.ActionSpace(
            tf.TensorSpec(low.shape), tf.constant(low), tf.constant(high)
        )
        scored, _ = _scorings(sampler(), count, space)
        assert len(scored) == len(samples)
        outside = {}
        for which, steps in (("ours", scored), ("recorded", samples)):
            steps = np.asarray(steps)
            for before, after in itertools.pairwise(steps):
                distances = np.abs(after[:, :, None] - before[:, None]).max(axis=-1).min(axis=2)
                assert distances.max() < 6 * 0.03
            outside[which] = np.any((steps < low - 1e-6) | (steps > high + 1e-6))
        assert outside["recorded"] == (name == "andy")
        assert not outside["ours"] or name == "andy"


@pytest.mark.parametrize("config", [0, 1])
def test_recorded_actions_are_the_chosen_samples(golden, config):
    recorded = np.load(golden(f"sequences/ibc_lowdim_{config}.npz"))
    fit = recorded["fit_action"]
    low, high = fit.min(axis=0), fit.max(axis=0)

    def in_units(normalized):
        return (normalized + 1) / 2 * (high - low) + low

    rows = np.arange(len(recorded["kevin_action"]))
    best = recorded["kevin_samples"][-1][rows, recorded["kevin_logits"][-1].argmax(axis=-1)]
    np.testing.assert_allclose(in_units(best), recorded["kevin_action"], rtol=1e-4)
    drawn = in_units(recorded["andy_samples"][-1])
    errors = np.abs(drawn - recorded["andy_action"][:, None]).max(axis=(2, 3)).min(axis=1)
    assert errors.max() < 1e-4 * np.abs(recorded["andy_action"]).max()


def _literal(sampler, iterations, std):
    """Both algorithms sample by sample, with the draws of the samplers under test."""
    is_andy = sampler is published_dfo.AndyDFO
    actions = SPACE.uniform(3, 50, KEY).numpy()
    own_keys = KEY.split(2)[1].split(iterations)
    for own_key in own_keys[1:] if is_andy else own_keys:
        for_choice, for_noise = own_key.split(2)
        chosen = draws.indices(_score(tf.constant(actions)), 50, for_choice).numpy()
        noise = draws.normal_like(tf.constant(actions), for_noise).numpy()
        moved = np.zeros_like(actions)
        for row in range(3):
            for sample in range(50):
                moved[row, sample] = actions[row, chosen[row, sample]] + std * noise[row, sample]
                if not is_andy:
                    moved[row, sample] = np.clip(moved[row, sample], SPACE.minimum, SPACE.maximum)
        actions = moved
    logits = _score(tf.constant(actions))
    drawn = draws.indices(logits, 1, own_keys[0])[:, 0].numpy()
    return actions, drawn if is_andy else logits.numpy().argmax(axis=-1)


@pytest.mark.parametrize("sampler", BOTH)
def test_literally(sampler):
    actions, chosen = _literal(sampler, 3, 0.2)
    _, found = _scorings(sampler(num_iterations=3, iteration_std=0.2), count=50)
    np.testing.assert_allclose(found.actions, actions, atol=1e-6)
    np.testing.assert_array_equal(found.chosen, chosen)


def test_only_andy_leaves_the_bounds():
    for sampler, leaves in zip(BOTH, (True, False), strict=True):
        _, found = _scorings(sampler(iteration_std=0.5))
        outside = np.any(found.actions != SPACE.clip(found.actions))
        assert outside == leaves


def test_kevin_takes_the_best_and_andy_draws_by_the_softmax():
    """With one scoring, andy's choice follows the density over the starts: its analytic mean."""
    rows = 4000
    space = action_space.ActionSpace(tf.TensorSpec([1]), tf.constant([0.0]), tf.constant([1.0]))
    starts = space.uniform(rows, 64, KEY)

    def linear(actions):
        return 2.0 * actions[..., 0]

    found = published_dfo.AndyDFO(num_iterations=1)(linear, starts, space, KEY.split(2)[1])
    np.testing.assert_array_equal(found.actions, starts)
    drawn = tf.gather(starts, found.chosen, batch_dims=1)
    # The mean of exp(2x) on [0, 1].
    expected = (np.exp(2) * (1 / 2 - 1 / 4) + 1 / 4) / ((np.exp(2) - 1) / 2)
    np.testing.assert_allclose(np.mean(drawn), expected, atol=0.015)
    best = published_dfo.KevinDFO(iteration_std=0.0)(linear, starts, space, KEY)
    np.testing.assert_array_equal(best.chosen, np.argmax(best.logits, axis=-1))


@pytest.mark.parametrize("sampler", BOTH)
def test_rows_follow_their_own_seeds(sampler):
    seeds = keys.Key(tf.constant([[1, 1], [2, 2], [3, 3]]))
    starts = SPACE.uniform(3, 20, KEY)
    together = sampler()(_score, starts, SPACE, seeds)
    alone = sampler()(_score, starts[1:2], SPACE, keys.Key(seeds.seed[1:2]))
    np.testing.assert_allclose(alone.actions[0], together.actions[1], atol=1e-6)
    assert int(alone.chosen[0]) == int(together.chosen[1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(num_iterations=0), "num_iterations must be a whole number of at least 1, got 0"),
        (dict(iteration_std=-0.1), "iteration_std must not be a negative number, got -0.1"),
    ],
)
@pytest.mark.parametrize("sampler", BOTH)
def test_bad_values_are_named(sampler, options, message):
    name = "andy" if sampler is published_dfo.AndyDFO else "kevin"
    with pytest.raises(ValueError, match=f"{name}_dfo.{message}"):
        sampler(**options)
