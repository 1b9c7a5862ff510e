import enum
import re

import gin
import pytest

from ibc.environments import tasks
from ibc.utils import gin_config


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


@gin.configurable
def returning_for_gin_types_test(value=None):
    """Returns what gin makes of its binding."""
    return value


gin.constant("typed_for_gin_types_test.CONSTANT", "c")


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
        "anything=@returning_for_gin_types_test()",
        "kind=@typed_for_gin_types_test",
        "anything=[%gin.REQUIRED]",
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
        ("count=b'2'", "count must be a whole number, got b'2'"),
        ("name=@typed_for_gin_types_test", "name must be .*, got @typed_for_gin_types_test"),
        (
            "share=@returning_for_gin_types_test()",
            r"share must be .* got @returning_for_gin_types_test\(\)",
        ),
        ("count=@X/singleton()", r"count must be a whole number, got @X/singleton\(\)"),
    ],
)
def test_others_are_named(value, message):
    with pytest.raises(ValueError, match=f"typed_for_gin_types_test.{message}"):
        gin_config.parse([], [f"typed_for_gin_types_test.{value}"])


@pytest.mark.parametrize(
    "bindings, message",
    [
        (["X='a'", "T.share=%X"], "share must be a number, got 'a' from the macro %X."),
        (["T.count=%X", "X=2.5"], "count must be a whole number, got 2.5 from the macro %X."),
        (["X='False'", "T.switch=%X"], "switch must be True or False, got 'False' from the macro"),
        (
            ["X=%Y", "Y=%a/Z", "a/Z=1", "T.name=%X"],
            "name must be a string in quotes or None, got 1",
        ),
        (["X=2", "T.count=[%X]"], "count must be a whole number, got [%X]."),
        (["X=@T", "T.name=%X"], "got @typed_for_gin_types_test from the macro %X."),
        (["T.count=%typed_for_gin_types_test.CONSTANT"], "count must be a whole number, got 'c'"),
    ],
)
def test_what_a_macro_stands_for_is_checked(bindings, message):
    found = _refused(_spelt_out(bindings))
    assert message in found and found.startswith("typed_for_gin_types_test.")


@pytest.mark.parametrize(
    "bindings",
    [
        ["X=%Y", "T.count=%X", "Y=3"],
        ["X=1", "T.size=(%X, %X)", "T.count=%X", "T.share=%X"],
        ["T.name=%typed_for_gin_types_test.CONSTANT"],
        ["X={%Y: [%Y, (%Y,)]}", "Y='y'", "T.anything=%X"],
        ["R.value=@inner/R()", "inner/R.value=3"],
    ],
)
def test_macros_that_stand_for_the_right_type_pass(bindings):
    gin_config.parse([], _spelt_out(bindings))


@pytest.mark.parametrize(
    "bindings, message",
    [
        (["R.value=@R()"], "calls lead in a circle: @R() = @R(); write the value itself."),
        (["R.value=[@T()]", "T.anything=@R()"], "circle: @T() = @R() = @T(); write the value"),
        (["W=%W", "T.count=%W"], "macros lead in a circle: %W = %W; set %W to a value."),
        (["W=%V", "V=[%W]", "T.anything=%W"], "macros lead in a circle: %W = %V = %W"),
        (["W={'a': (%W,)}"], "macros lead in a circle: %W = %W"),
        (["W={%W: 1}"], "macros lead in a circle: %W = %W"),
        (["T.anything=[%W]"], "the macro %W is used but never set"),
        (["T.anything={'a': %W}"], "the macro %W is used but never set"),
        (["T.anything={%W: 1}"], "the macro %W is used but never set"),
        ([f"M{i}=%M{i + 1}" for i in range(400)] + ["M400=1"], "must be less nested"),
    ],
)
def test_macros_without_a_value_are_named_in_one_line(bindings, message):
    found = _refused(_spelt_out(bindings)).replace("typed_for_gin_types_test", "T")
    found = found.replace("returning_for_gin_types_test", "R")
    assert message in found and "\n" not in found


def test_macros_as_deep_as_allowed_can_be_evaluated():
    macros = [f"M{i}=%M{i + 1}" for i in range(45)]
    gin_config.parse([], [*macros, "M45=1", "returning_for_gin_types_test.value=%M0"])
    assert returning_for_gin_types_test() == 1


def _refused(bindings):
    """Returns why bindings are refused."""
    with pytest.raises(ValueError) as error:
        gin_config.parse([], bindings)
    return str(error.value)


def _spelt_out(bindings):
    """Puts the names of the configurables above in place of T and R."""
    names = {"T": "typed_for_gin_types_test", "R": "returning_for_gin_types_test"}
    short = re.compile(r"(?<![\w.])[TR](?=\.|\(|$)")
    return [short.sub(lambda found: names[found[0]], binding) for binding in bindings]


@pytest.mark.parametrize(
    ("task", "binding"),
    [
        ("PUSH", "BlockPush.use_image_obs = True"),
        ("REACH", "BlockPush.task = 'REACH'"),
        ("INSERT", "BlockPush.shared_memory = True"),
        ("PUSH", "eval/BlockPush.task = 'REACH'"),
        ("PUSH_NORMALIZED", "BlockPush.task = 'REACH'"),
        ("PUSH_NORMALIZED", "BlockPushNormalized.use_image_obs = False"),
        ("PUSH_DISCONTINUOUS", "BlockPushDiscontinuous.use_image_obs = True"),
        ("PUSH_MULTIMODAL", "BlockPushMultimodal.shared_memory = True"),
    ],
)
def test_what_the_ids_set_cannot_be_bound(task, binding):
    tasks.get_task(task).import_configurables()
    name = binding.partition(" = ")[0]
    message = _refused([binding])
    assert message.startswith(f"{name} would have no effect: Block") and "\n" not in message


@pytest.mark.parametrize(
    ("task", "binding"),
    [
        ("PUSH", "BlockPush.goal_dist_tolerance = 0.02"),
        ("PUSH_MULTIMODAL", "BlockPushMultimodal.goal_dist_tolerance = 0.02"),
        ("PARTICLE", "ParticleEnv.n_steps = 7"),
    ],
)
def test_what_they_leave_open_can(task, binding):
    tasks.get_task(task).import_configurables()
    gin_config.parse([], [binding])
