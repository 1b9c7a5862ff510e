import gymnasium
import numpy as np
import pytest

from ibc.environments import tasks
from ibc.online import cem, plan_returns
from tests import near_golden


def _recorded_returns(recorded):
    def returns(plans):
        place, total = np.tile(recorded["start"], (len(plans), 1)), 0.0
        for time in range(plans.shape[1]):
            place = place + 0.1 * np.clip(plans[:, time], -1, 1)
            task, energy = -np.abs(place).sum(1), -np.square(place - recorded["goal"]).sum(1)
            total = total + recorded["task_w"] * task + recorded["energy_w"] * energy
        return total

    return returns


def test_the_recorded_plan(golden):
    recorded = np.load(golden("near/cem.npz"))
    noise = [recorded[f"noise{k}"] for k in range(int(recorded["num_batches"]))]
    returns, share = _recorded_returns(recorded), float(recorded["elite_percentage"])
    for k, batch in enumerate(noise):
        one = cem.published_plan(returns, [batch], recorded["last_noise"], share)
        near_golden.assert_near(one.mean, recorded[f"elites{k}"].mean(0))
    found = cem.published_plan(returns, noise, recorded["last_noise"], share)
    near_golden.assert_near(found.mean, recorded["mean"])
    near_golden.assert_near(found.std, recorded["std"])
    near_golden.assert_near(found.action, recorded["action"][0])


def _distance_to(goal):
    return lambda plans: -np.square(plans - goal).sum((1, 2))


def test_a_plan_is_refined_and_clipped():
    goal, draw = np.array([0.6, -3.0]), np.random.default_rng(0)
    errors = []
    for iterations in (1, 6):
        options = cem.CemOptions(horizon=2, iterations=iterations)
        found = cem.plan(_distance_to(goal), np.zeros([2, 2]), options, draw)
        errors.append(np.abs(found.mean - [0.6, -1.0]).max())
    assert errors[1] < 0.05 < errors[0]
    np.testing.assert_array_equal(found.action, found.mean[0])


def test_a_decision_begins_with_what_is_left_of_the_last_plan():
    mean = np.array([[1.0], [2.0], [3.0]])
    np.testing.assert_array_equal(cem.following(mean), [[2.0], [3.0], [3.0]])
    tried = []

    def returns(plans):
        tried.append(plans[0])
        return np.zeros(len(plans))

    options = cem.CemOptions(horizon=3, iterations=1)
    cem.plan(returns, mean / 10, options, np.random.default_rng(0))
    np.testing.assert_array_equal(tried, [mean / 10])


def _envs(task, count, seed=3):
    description = tasks.get_task(task)
    description.register()
    made = [
        gymnasium.make_vec(
            description.environment_id(), number,
            vectorization_mode=gymnasium.VectorizeMode.VECTOR_ENTRY_POINT,
        )
        for number in (1, count)
    ]  # fmt: skip
    for env in made:
        env.reset(seed=seed)
    return made


@pytest.mark.parametrize("task", ["MAZE", "PARTICLE_GOAL"])
def test_returns_are_those_of_the_environment_which_stays_where_it_is(task):
    real, copies = _envs(task, 5)
    draw = np.random.default_rng(1)
    for _ in range(4):
        seen = real.step(draw.uniform(-1, 1, [1, 2]))[0]

    def worth(pairs):
        return pairs[:, 2:4].sum(1) - 0.5 * pairs[:, :2].sum(1)

    plans = draw.uniform(-1, 1, [5, 3, 2])
    found = plan_returns.PlanReturns(real, copies, worth, 2.0, 2)(plans)
    state = real.get_state()
    for plan, value in zip(plans, found, strict=True):
        before, total = real.set_state(state), 0.0
        np.testing.assert_array_equal(before, seen)
        for action in plan:
            steps = [real.step(action[np.newaxis]) for _ in range(2)]
            after = steps[1][0]
            total += 2 * sum(step[1][0] for step in steps) + worth(np.hstack([before, after]))[0]
            before = after
        np.testing.assert_allclose(value, total, rtol=1e-6)


def test_who_has_reached_the_goal_goes_on_earning():
    real, copies = _envs("MAZE", 2)
    near = real.get_state()
    near["rows"].discs.position[:] = near["rows"].goals - 32.0 / 2**0.5
    real.set_state(near)
    pairs = []

    def worth(given):
        pairs.append(given)
        return given[:, 2]

    plans = np.stack([np.tile([x, x], (4, 1)) for x in (1.0, -1.0)])
    found = plan_returns.PlanReturns(real, copies, worth)(plans)
    np.testing.assert_allclose(found[0], 4 * pairs[0][0, 2], rtol=1e-6)
    np.testing.assert_allclose(found[1], sum(p[1, 2] for p in pairs), rtol=1e-6)
    assert found[0] > found[1]


def test_what_is_wrong_is_said():
    with pytest.raises(ValueError, match="makes 1 of 10 plans elites"):
        cem.CemOptions(num_sims=10)
    foreign = gymnasium.make_vec("Pendulum-v1", 1, vectorization_mode="sync")
    with pytest.raises(ValueError, match="SyncVectorEnv cannot be copied"):
        plan_returns.PlanReturns(foreign, foreign, None)
    real, copies = _envs("MAZE", 2)
    with pytest.raises(ValueError, match="3 plans, but 2 copies"):
        plan_returns.PlanReturns(real, copies, None)(np.zeros([3, 1, 2]))
