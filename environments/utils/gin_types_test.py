"""Tests of the types of bindings."""

import enum

import gin
import pytest

from ibc.environments.utils import gin_config


class Kind(enum.Enum):
    """Not a plain type."""

    GOOD = 1


@gin.configurable
def typed_for_gin_types_test(
    count: int = 1,
    share: float = 0.0,
    name: str | None = None,
    switch: bool = False,
    kind: Kind = Kind.GOOD,
    size: tuple[int, int] | None = None,
    anything=None,
):
    """Has a parameter of each type."""


@pytest.mark.parametrize(
    "value",
    [
        "count=2",
        "share=2",
        "share=2.5",
        "share=1e999",
        "name='x'",
        "name=None",
        "switch=True",
        "kind='anything'",
        "size=(1, 2)",
        "size=3",
        "anything={'a': [1]}",
        "share=@typed_for_gin_types_test()",
    ],
)
def test_values_of_the_annotated_type_pass(value):
    gin_config.parse([], [f"typed_for_gin_types_test.{value}"])


@pytest.mark.parametrize(
    "value, message",
    [
        ("count=2.0", "count must be a whole number, got 2.0"),
        ("count='2'", "count must be a whole number, got '2'"),
        ("count=True", "count must be a whole number, got True"),
        ("count=None", "count must be a whole number, got None"),
        ("share='0.5'", "share must be a number, got '0.5'"),
        ("share=(1,)", r"share must be a number, got \(1,\)"),
        ("name=3", "name must be a string in quotes or None, got 3"),
        ("switch='False'", "switch must be True or False, got 'False'"),
        ("switch=0", "switch must be True or False, got 0"),
    ],
)
def test_others_are_named(value, message):
    with pytest.raises(ValueError, match=f"typed_for_gin_types_test.{message}"):
        gin_config.parse([], [f"typed_for_gin_types_test.{value}"])


def test_a_scope_is_named():
    with pytest.raises(ValueError, match=r"eval/typed_for_gin_types_test\.count must be"):
        gin_config.parse([], ["eval/typed_for_gin_types_test.count='x'"])
