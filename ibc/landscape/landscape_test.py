"""What is drawn of policies: their own samples, energies and chains."""

import numpy as np
import pytest
import tensorflow as tf

import ibc
from ibc.data import episodes
from ibc.landscape import __main__ as program
from ibc.pictures import chains, energy, episode, looking
from tests import policy_testing

STEPS = 5


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Returns name → folder of an exported policy, made when it is first asked for."""
    folder, made = tmp_path_factory.mktemp("exported"), {}

    def export(name):
        tf.keras.utils.set_random_seed(0)
        if name not in made:
            made[name] = policy_testing.export(name, folder)
        return made[name]

    return export


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """A record file with an episode of five steps that the policies understand, actions [A]."""

    def write(size):
        path = tmp_path_factory.mktemp("recording") / "logs.tfrecord"
        seen = policy_testing.observations(STEPS)
        observation = {key: np.float32([each[key] for each in seen]) for key in seen[0]}
        action = np.linspace(0.2, 0.8, STEPS * size, dtype=np.float32).reshape(STEPS, size)
        return episodes.write_episodes(path, [episodes.Episode(observation, action)])

    return write


def _policy(folder):
    policy = ibc.load_policy(folder, seed=3)
    policy.reset()
    return policy


def test_a_view_is_what_the_policy_does_and_thinks(exported):
    policy, observation = _policy(exported("energy")), policy_testing.observations(1)[0]
    samples = policy.samples(observation)
    view = looking.look(policy, observation)
    np.testing.assert_array_equal(view.action, _policy(exported("energy"))(observation))
    np.testing.assert_allclose(
        np.sort(view.energies(view.samples)), samples.energies, rtol=1e-5, atol=1e-5
    )
    np.testing.assert_allclose(view.energies(samples.actions), samples.energies, atol=1e-5)
    assert np.all(view.samples >= view.minimum) and np.all(view.samples <= view.maximum)


def test_the_iterations_of_dfo_end_where_the_policy_chooses(exported):
    policy, observation = _policy(exported("energy")), policy_testing.observations(1)[0]
    search = policy.search(observation)
    chain = chains.of(search, policy.description.sampling, "dfo")
    assert chain.is_own and chain.sampler == "iterative_dfo"
    np.testing.assert_allclose(chain.steps[-1], search.samples()[0], atol=1e-6)
    assert len(chain.steps) == 3 and not np.any(chain.steps[0] == chain.steps[1])


def test_chains_of_langevin_end_where_the_policy_chooses(exported):
    policy, observation = _policy(exported("langevin")), policy_testing.observations(1)[0]
    search = policy.search(observation)
    chain = chains.of(search, policy.description.sampling, "langevin")
    assert chain.is_own and len(chain.steps) == 26
    np.testing.assert_allclose(chain.steps[-1], search.samples()[0], atol=1e-5)
    other = chains.of(search, policy.description.sampling, "dfo")
    assert not other.is_own and len(other.steps) == 3
    np.testing.assert_array_equal(other.steps[0], chain.steps[0])


def test_a_mixture_has_its_density_by_hand():
    logits, means = np.log([0.25, 0.75]), np.array([[0.0, 0.0], [1.0, 2.0]])
    scales = np.array([[1.0, 1.0], [0.5, 2.0]])
    found = looking.mixture_energies(logits, means, scales, np.array([[1.0, 2.0]]))
    density = (0.25 * np.exp(-2.5) / 1.0 + 0.75 / 1.0) / (2 * np.pi)
    np.testing.assert_allclose(found, -np.log(density))


@pytest.mark.parametrize(("name", "size"), [("mixture", 2), ("chunks", 1)])
def test_recorded_episodes_are_drawn(exported, recording, tmp_path, name, size, monkeypatch):
    drawn = []
    monkeypatch.setattr(energy, "draw_demonstrated", lambda axes, at: drawn.append(at))
    arguments = [str(exported(name)), f"--dataset_path={recording(size)}", "--format=gif"]
    program.main([*arguments, f"--output={tmp_path / 'out'}"])
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["energy_episode_0.gif", "energy_episode_0.png"]
    # On the sheet and in the animation; a policy of chunks looks at every second step.
    assert len(drawn) == 2 * (STEPS if name == "mixture" else 3)
    assert np.all(np.isfinite(drawn))


def test_what_was_demonstrated_is_a_point_of_the_plane(exported, recording):
    from ibc.data.formats import convert

    source = convert.open_source(recording(2))
    moments = list(episode.recorded(_policy(exported("energy")), source, 0))
    planes = episode.planes(moments, None)
    np.testing.assert_allclose(moments[0].demonstrated, [0.2, 0.2 + 0.6 / 9], rtol=1e-5)
    np.testing.assert_allclose(
        planes[0].coordinates(moments[0].demonstrated), moments[0].demonstrated
    )


def test_policies_that_rate_no_actions_are_refused(exported):
    policy = _policy(exported("regression"))
    with pytest.raises(ValueError, match="has no landscape: it is a regression, which gives one"):
        looking.check(policy.description)
