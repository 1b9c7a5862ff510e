import numpy as np
import pytest
import tensorflow as tf

from ibc.online.on_policy import copies as copies_lib
from ibc.online.on_policy import loop as loop_lib
from ibc.online.on_policy import options


class _Line:
    """Points on a line that are moved by actions and are at their goal beyond 1, of 10 steps."""

    num_envs, observation_size, action_size = 4, 1, 1

    def begin(self, seed):
        self._draw = np.random.default_rng(seed)
        self._place, self._time = self._draw.uniform(-1, 0, [4, 1]), np.zeros(4)
        return self._place.astype(np.float32)

    def step(self, actions):
        self._place = self._place + 0.3 * np.clip(actions, -1, 1)
        self._time += 1
        after = self._place.astype(np.float32)
        reached = self._place[:, 0] > 1
        late = (self._time >= 10) & ~reached
        over = reached | late
        self._place[over] = self._draw.uniform(-1, 0, [over.sum(), 1])
        self._time[over] = 0
        reward = after[:, 0] + 5 * reached
        seen = self._place.astype(np.float32)
        return copies_lib.Step(
            seen, after, reward.astype(np.float32), reached, late, reached, {"place": after[:, 0]}
        )


def _loop(seed=3, **ppo):
    given = {"num_envs": 4, "horizon": 8, "hidden": (16,), "minibatch_size": 8, "lr": 3e-3}
    chosen = options.Options(
        options.Ppo(**given | {"log_sigma": -1.0} | ppo), options.Reward(), options.Run(block=3)
    )
    agent = chosen.ppo.agent(1, 1, seed)
    return loop_lib.Loop(_Line(), agent, loop_lib.TaskRewards(), chosen, seed), agent


def test_it_learns_to_reach_the_goal():
    loop, agent = _loop()
    told = []
    loop.run(60, lambda done, scalars: told.append(scalars) or True)
    first, last = (
        np.mean([t["rewards"] for t in part if "rewards" in t]) for part in (told[:10], told[-10:])
    )
    assert last > first + 2
    assert (agent.greedy(tf.constant([[-0.5], [0.5]])).numpy() > 0.5).all()


def test_a_run_restored_between_blocks_goes_on_with_the_same_numbers(tmp_path):
    whole, agent = _loop()
    whole.run(6, lambda *_: True)
    first, half = _loop()
    first.run(3, lambda *_: True)
    path = tf.train.Checkpoint(agent=half, rollouts=first.rollouts).write(str(tmp_path / "ckpt"))
    second, restored = _loop(seed=3)
    tf.train.Checkpoint(agent=restored, rollouts=second.rollouts).read(path)
    second.run(6, lambda *_: True)
    for one, other in zip(agent.variables, restored.variables, strict=True):
        np.testing.assert_array_equal(one, other)


def test_pairs_lead_to_where_the_step_led_and_not_to_the_next_start():
    loop, _ = _loop()
    found = []

    class Rater(loop_lib.TaskRewards):
        def rate(self, rollout, frame):
            found.append((rollout, frame))
            return rollout.reward, {}

    loop._rater = Rater()
    loop.run(3, lambda *_: True)
    rollout, frame = found[-1]
    moved = rollout.pairs[..., 1] - rollout.pairs[..., 0]
    np.testing.assert_allclose(moved, 0.3 * np.clip(rollout.action[..., 0], -1, 1), atol=1e-5)
    assert frame == 2 * 4 * 8
    # The end of a block is a time limit wherever no episode terminated.
    assert (rollout.timeout[-1] | rollout.terminated[-1]).all()


def test_learning_rate_and_noise_fall_in_lines():
    loop, agent = _loop(lr_schedule="linear", final_log_sigma=-3.0)
    found = []

    def after(*_):
        found.append([float(agent.rate), *agent.network.log_std.numpy()])
        return True

    loop.run(4, after)
    expected = [[3e-3, -1.0], [2.25e-3, -1.5], [1.5e-3, -2.0], [0.75e-3, -2.5]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_repeated_actions_sum_rewards_up_to_the_end():
    copies = copies_lib.Repeated(_Line(), 3)
    copies.begin(0)
    copies._copies._place[:] = [[0.9], [0.0], [-0.5], [0.5]]
    step = copies.step(np.ones([4, 1]))
    assert step.terminated.tolist() == [True, False, False, True]
    np.testing.assert_allclose(step.reward, [6.2, 1.8, 0.3, 0.8 + 6.1], atol=1e-5)
    np.testing.assert_allclose(step.next_observation[:, 0], [1.2, 0.9, 0.4, 1.1], atol=1e-5)


def test_a_loss_that_is_not_finite_ends_the_run():
    loop, _ = _loop(lr=1e9)
    with pytest.raises(FloatingPointError, match="smaller ppo"):
        loop.run(20, lambda *_: True)


def test_a_minibatch_has_to_divide_the_rollout():
    with pytest.raises(ValueError, match="does not divide the 16 × 32 = 512 rows"):
        options.Ppo(minibatch_size=100)


def test_what_is_adapted_or_learned_is_not_scheduled():
    with pytest.raises(ValueError, match="so that it cannot be learned"):
        options.Ppo(final_log_sigma=-3.0, learn_sigma=True)
    with pytest.raises(ValueError, match="so that it cannot be linear, too"):
        options.Ppo(lr_schedule="linear", kl_threshold=0.01)
    with pytest.raises(ValueError, match="lr_schedule must be one of"):
        options.Ppo(lr_schedule="adaptive")
