import numpy as np

from ibc.networks import pair_energy
from ibc.rewards import state_pairs


def test_states_are_the_first_numbers_of_both_observations():
    pairs = np.arange(2 * 3 * 8, dtype=np.float32).reshape(2, 3, 8)
    found = state_pairs.leading(pairs, 3)
    np.testing.assert_array_equal(found, pairs[..., [0, 1, 2, 4, 5, 6]])
    assert state_pairs.leading(pairs, 4) is pairs


def test_an_energy_of_the_state_does_not_see_the_rest():
    energy = pair_energy.PairEnergy(
        pair_energy.Architecture(1, (6,), 4, (5,), sigmas=(1.0, 0.1)), {"task": "MAZE"}
    )
    of_state = state_pairs.StateEnergy(energy)
    pairs = np.float32(np.random.default_rng(0).normal(size=[5, 4]))
    np.testing.assert_array_equal(of_state(pairs, 1), energy(pairs[:, [0, 2]], 1))
    assert (of_state.num_levels, of_state.description) == (2, {"task": "MAZE"})
    seen = of_state.inputs(pairs)
    np.testing.assert_array_equal(seen, energy.inputs(pairs[:, [0, 2]]))
    np.testing.assert_array_equal(of_state.of_inputs(seen, 1), of_state(pairs, 1))
