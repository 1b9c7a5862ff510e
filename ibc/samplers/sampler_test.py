"""Samplers made of others: shares, stages, and what each of them draws."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from ibc.agents import mcmc
from ibc.samplers import action_space, draws, sampler
from ibc.utils import keys
from ibc.utils.parallel import blocks, lanes

KEY = keys.Key(tf.constant([1, 2]))
SPACE = action_space.ActionSpace(tf.TensorSpec([2]), -tf.ones([2]), tf.ones([2]))


@dataclasses.dataclass(frozen=True)
class Shift:
    """Adds a number and noise of a standard deviation; records the number as its chain."""

    number: float
    std: float = 0.0

    def __call__(self, score_fn, starts, space, key):
        noise = self.std * draws.normal_like(starts, key)
        return sampler.Samples(starts + self.number + noise, score_fn(starts), self.number)


def _score(actions):
    return tf.reduce_sum(actions, axis=-1)


def test_a_mixture_improves_the_last_samples_each_part_its_share():
    starts = SPACE.uniform(3, 10, KEY)
    mixture = sampler.Mixture(((Shift(10.0), 0.25), (Shift(20.0), 0.5)))
    found = mixture(_score, starts, SPACE, KEY)
    moved = (found.actions - starts).numpy()
    np.testing.assert_allclose(moved[:, :3], 0)
    np.testing.assert_allclose(moved[:, 3:5], 10, rtol=1e-6)
    np.testing.assert_allclose(moved[:, 5:], 20, rtol=1e-6)
    assert found.chain == 20.0 and found.logits is None


@pytest.mark.parametrize(
    ("fractions", "count", "sizes"),
    [
        ((0.0, 0.0), 8, [8, 0, 0]),
        ((0.0, 1.0), 8, [0, 0, 8]),
        ((0.5, 0.5), 8, [0, 4, 4]),
        ((0.5, 0.5), 3, [0, 2, 1]),
        ((0.3, 0.3), 5, [1, 2, 2]),
    ],
)
def test_shares_are_rounded_and_never_more_than_there_are(fractions, count, sizes):
    mixture = sampler.Mixture(tuple((Shift(1.0), fraction) for fraction in fractions))
    assert mixture.sizes(count) == sizes


def test_an_empty_share_is_not_sampled():
    mixture = sampler.Mixture(((None, 0.0), (Shift(5.0), 1.0)))
    found = mixture(_score, tf.zeros([1, 4, 2]), SPACE, KEY)
    np.testing.assert_allclose(found.actions, 5)


def test_stages_follow_each_other():
    starts = SPACE.uniform(2, 5, KEY)
    found = sampler.InTurn((Shift(1.0), Shift(2.0)))(_score, starts, SPACE, KEY)
    np.testing.assert_allclose(found.actions, starts + 3, rtol=1e-6)
    np.testing.assert_allclose(found.logits, _score(starts + 1), rtol=1e-6)
    assert found.chain == 2.0


def test_a_stage_left_out_changes_no_other_stages_noise():
    starts = tf.zeros([2, 5, 2])
    both = sampler.InTurn((Shift(1.0), Shift(0.0, std=1.0)))(_score, starts, SPACE, KEY)
    alone = sampler.InTurn((None, Shift(0.0, std=1.0)))(_score, starts, SPACE, KEY)
    np.testing.assert_allclose(both.actions - 1, alone.actions, atol=1e-6)
    # Nor do the starts share a key with any stage.
    assert not np.allclose(alone.actions, draws.normal_like(starts, KEY.split(1)[0]))


def test_without_stages_the_starts_are_the_samples():
    starts = SPACE.uniform(1, 4, KEY)
    found = sampler.InTurn((None, None))(_score, starts, SPACE, KEY)
    assert found.actions is starts and found.logits is None


def test_scores_in_blocks_are_the_scores(monkeypatch):
    monkeypatch.setattr(blocks, "MAX_ROWS", 8)
    monkeypatch.setattr(blocks, "MIN_SCORED_ROWS", 2)
    starts, rows = SPACE.uniform(2, 12, KEY), []

    def score_fn(actions):
        rows.append(actions.shape[1])
        return _score(actions)

    with lanes.limited_to(2):
        found = sampler.InBlocks(Shift(1.0))(score_fn, starts, SPACE, KEY)
    np.testing.assert_allclose(found.logits, _score(starts), rtol=1e-6)
    assert max(rows) <= 4


def _autoregressive(score_fn, *arguments, **options):
    return mcmc.autoregressive_dfo(lambda j, actions: score_fn(actions), *arguments, **options)


_EVERY = (mcmc.iterative_dfo, mcmc.langevin_actions_given_obs, _autoregressive)


@pytest.mark.parametrize(("sample", "tolerance"), list(zip(_EVERY, (0, 0, 1e-6), strict=True)))
def test_rows_follow_from_their_own_seeds(sample, tolerance):
    seeds, start = tf.constant([[1, 1], [2, 2]]), SPACE.uniform(2, 300, KEY)

    def sampled(rows):
        return sample(_score, start[rows:], SPACE.minimum, SPACE.maximum, seeds[rows:])[0]

    np.testing.assert_allclose(sampled(0)[1], sampled(1)[0], rtol=0, atol=tolerance)


@pytest.mark.parametrize("sample", _EVERY)
def test_a_sampler_needs_an_iteration(sample):
    bounds = SPACE.minimum, SPACE.maximum
    with pytest.raises(ValueError, match=r"num_iterations must be .* at least 1"):
        sample(_score, SPACE.uniform(2, 3, KEY), *bounds, KEY.seed, num_iterations=0)
