"""A policy that rates no actions is refused before it is trained."""

import types

import pytest

from ibc.train import energy_pictures
from tests import policy_testing


def test_a_regression_is_refused_with_the_way_out():
    config = types.SimpleNamespace(task_names=["PARTICLE"])
    policy = policy_testing.make("regression_sampling")
    with pytest.raises(ValueError, match=r"it is a regression.*Leave out --viz_energy\."):
        energy_pictures.EnergyPictures(config, policy)
