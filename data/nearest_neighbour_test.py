"""The nearest neighbour against a search by hand, and through the command."""

import re

import gymnasium
import numpy as np
import pytest
import tensorflow as tf

from ibc.data import nearest_neighbour
from ibc.data.records import shard_reader
from tests import commands, shard_testing


class _Box(gymnasium.Env):
    """An environment that has spaces alone."""

    def __init__(self, numbers: int = 3, actions: int = 2):
        self.observation_space = gymnasium.spaces.Box(-1, 1, (numbers,), np.float32)
        self.action_space = gymnasium.spaces.Box(-1, 1, (actions,), np.float32)


@pytest.fixture
def demonstrations(tmp_path):
    spec = shard_testing.frame_spec(tf.TensorSpec([3], tf.float32))
    return shard_testing.write(tmp_path / "a.tfrecord", (6, 5), spec)


def test_it_does_what_the_nearest_frame_did(demonstrations):
    frames = shard_reader.read_shard(demonstrations).frames
    taken = frames.step_type != 2
    seen = frames.observation[taken] / frames.observation[taken].std(axis=0)
    policy = nearest_neighbour.NearestNeighbour(
        _Box(actions=frames.action.shape[-1]), dataset_path=demonstrations
    )
    for asked in np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32):
        distances = np.linalg.norm(seen - asked / frames.observation[taken].std(axis=0), axis=1)
        np.testing.assert_array_equal(policy(asked), frames.action[taken][distances.argmin()])
    # Of a situation that was demonstrated, exactly.
    np.testing.assert_array_equal(policy(frames.observation[0]), frames.action[0])


def test_demonstrations_of_something_else_are_refused(demonstrations, tmp_path):
    with pytest.raises(ValueError, match=r"observations of 3 numbers .* the task has 4"):
        nearest_neighbour.NearestNeighbour(_Box(4), dataset_path=demonstrations)
    with pytest.raises(ValueError, match=r"give --gin_bindings"):
        nearest_neighbour.NearestNeighbour(_Box())
    pictures = shard_testing.write(tmp_path / "b.tfrecord", (2,), shard_testing.IMAGES)
    with pytest.raises(ValueError, match="is an image"):
        nearest_neighbour.NearestNeighbour(_Box(), dataset_path=pictures)


def test_from_demonstrated_starts_the_command_repeats_the_demonstrations(tmp_path):
    path = tmp_path / "p.tfrecord"
    short = ["--task=PARTICLE", "--num_episodes=8", "--first_seed=0"]
    bound = f"--gin_bindings=NearestNeighbour.dataset_path = '{path}'"
    runs = {
        "oracle": [f"--dataset_path={path}"],
        "random": [],
        "ibc.data.nearest_neighbour:NearestNeighbour": [bound],
    }
    successes = []
    for policy, more in runs.items():
        done = commands.in_process("policy_eval", [*short, f"--policy={policy}", *more])
        assert done.status == 0, done
        successes += re.findall("AverageSuccessMetric = (.*)", done.output)
    assert list(map(float, successes)) == [1, 0, 1]
