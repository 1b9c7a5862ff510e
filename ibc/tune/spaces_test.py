"""Search spaces are the published ones."""

import json

import pytest

from ibc.online import options
from ibc.tune import spaces


def plain(what: spaces.Choice | spaces.Range) -> tuple:
    if isinstance(what, spaces.Choice):
        return ("choices", list(what.values))
    return ("bounds", [what.low, what.high], what.is_whole)


def published(what: dict) -> tuple:
    if "choices" in what:
        return ("choices", what["choices"])
    return ("bounds", what["bounds"], what["type"] == "int")


def test_spaces_are_the_published_ones(golden):
    recorded = json.load(open(golden("online_imitation/hyperparameters.json")))["search_space"]
    assert {name: {n: plain(w) for n, w in s.items()} for name, s in spaces.SPACES.items()} == {
        name: {n: published(w) for n, w in s.items()} for name, s in recorded.items()
    }


def test_spaces_are_of_options_that_there_are():
    known = options.names()
    assert all(name in known for space in spaces.SPACES.values() for name in space)


def test_what_is_given_is_not_searched():
    space = spaces.get("BC", ("training.batch_size",))
    assert list(space) == ["bc_pretraining.iterations", "bc_pretraining.learning_rate"]
    with pytest.raises(ValueError, match="leaves nothing to try of BC"):
        spaces.get("BC", tuple(spaces.SPACES["BC"]))
    with pytest.raises(ValueError, match="no search space for --algorithm=SQIL"):
        spaces.get("SQIL")
