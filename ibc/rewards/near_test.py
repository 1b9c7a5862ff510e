import numpy as np
import pytest
import tensorflow as tf

from ibc.rewards import annealers, near
from ibc.utils import keys, transitions
from tests import near_golden


class _Given:
    """An energy that is the first entry of a pair, divided by one more than the level."""

    num_levels = 5

    def __call__(self, pairs, level):
        return pairs[..., 0] / tf.cast(level + 1, tf.float32)


class _Pushing(annealers.Annealer):
    """Pushes an offset before the seventh rollout, as the recording does."""

    rollout = 0

    def advance(self, energy, frame):
        self.rollout += 1
        if self.rollout == 7:
            self.offsets.append(1.5)


def _pairs(energies):
    return np.stack([energies, 0 * energies], -1).astype(np.float32)


def _rewards(transform="published", **options):
    annealer = annealers.make("ncsnv2-adaptive", 5)
    return near.NearReward(_Given(), annealer, transform, **options)


def test_recorded_rewards_also_after_restoring(golden, tmp_path):
    recorded = np.load(golden("near/reward_transform.npz"))

    def new():
        weights = float(recorded["w_task"]), float(recorded["w_energy"])
        return near.NearReward(
            _Given(), _Pushing(5), task_weight=weights[0], energy_weight=weights[1]
        )

    reward = new()
    for k in range(10):
        energies, task = recorded[f"energy{k}"][..., 0], recorded[f"task{k}"][..., 0]
        rated = reward.rollout(_pairs(energies), task)
        near_golden.assert_near(rated.energy, energies + recorded[f"offset_sum{k}"])
        near_golden.assert_near(rated.learned, recorded[f"reward{k}"][..., 0])
        near_golden.assert_near(rated.combined, recorded[f"combined{k}"][..., 0])
        near_golden.assert_near(reward.mean_used, recorded[f"mean_used{k}"])
        path = tf.train.Checkpoint(reward=reward).write(str(tmp_path / f"{k}"))
        count = reward.annealer.rollout
        reward = new()
        tf.train.Checkpoint(reward=reward).read(path)
        reward.annealer.rollout = count


def test_the_standardised_transform_uses_the_spread_at_the_level():
    reward = _rewards("standardised")
    draw = np.random.default_rng(0)
    rated = reward.rollout(_pairs(draw.normal(-3, 0.01, [50, 40])), np.zeros([50, 40]))
    assert 0.5 < rated.learned.std() < 0.8 and abs(rated.learned.mean()) < 0.05
    assert reward.level == 0
    rated = reward.rollout(_pairs(draw.normal(-1, 0.01, [50, 40])), np.zeros([50, 40]))
    assert reward.level == 1 and abs(rated.learned.mean()) < 0.05


def test_staying_at_the_goal_is_worth_the_best_reward():
    reward = _rewards(absorbing_discount=0.9)
    reached = np.zeros([10, 2])
    reached[4, 1] = 1
    energies = np.linspace(0, 20, 20).reshape(10, 2)
    rated = reward.rollout(_pairs(energies), np.zeros([10, 2]), reached)
    plain = np.tanh((energies - 10) / 10)
    np.testing.assert_allclose(
        rated.learned - plain, reached * 9 * np.quantile(plain, 0.95), atol=1e-5
    )


def _batch(energies, step=1.0, task=0.0):
    rows = len(energies)
    zeros, ones = tf.zeros([rows]), tf.ones([rows])
    first = tf.constant(energies, tf.float32)[:, tf.newaxis]
    return transitions.Transitions(
        first, tf.zeros([rows, 1]), zeros + task, 0 * first, ones, zeros, ones, zeros, zeros,
        zeros + step, zeros,
    )  # fmt: skip


def test_batches_between_episodes_stand_for_a_rollout():
    reward = _rewards(task_weight=0.5)
    key = keys.Key(tf.constant([0, 0]))
    reward.begin_episode()
    assert reward.rollouts == 0
    train = tf.function(lambda batch: reward.train(batch, batch, None, key))
    for energies in ([1.0, 3.0], [2.0, 6.0]):
        told = train(_batch(energies))
    near_golden.assert_near(told["energy"], 4.0)
    reward.begin_episode()
    assert (reward.rollouts, reward.mean_used, reward.level) == (1, 3.0, 0)
    train(_batch([5.0, 5.0]))
    reward.begin_episode()
    assert reward.level == 1
    found = reward.reward(_batch([8.0], task=2.0), None, None, key)
    near_golden.assert_near(found, [1 + np.tanh((8 / 2 - 3.0) / 10)])
    absorbed = _batch([8.0])._replace(next_absorbing=tf.ones([1]))
    assert reward.reward(absorbed, None, None, key).numpy() == [0.0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"transform": "raw"}, "transform must be one of"),
        ({"absorbing_discount": 1.0}, "needs a discount below 1"),
        ({"task_weight": float("nan")}, "task_reward_w must be a finite number"),
    ],
)
def test_wrong_options_are_said(options, said):
    with pytest.raises(ValueError, match=said):
        _rewards(**options)
    with pytest.raises(ValueError, match="5 levels, the annealer 4"):
        near.NearReward(_Given(), annealers.Annealer(4))
