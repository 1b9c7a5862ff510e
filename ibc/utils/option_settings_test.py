"""Options under their published dotted names."""

import pytest

from ibc.utils import option_settings

_TARGETS = {"reward.terminal": "on_policy.reward.terminal", "model.L": "energy.model.L"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("none", "'none'"),  # a value of options, not the absence of one
        ("null", "None"),
        ("None", "None"),
        ("true", "True"),
        ("5", "5"),
        ("3e-4", "0.0003"),
        ("[8, 4]", "[8, 4]"),
        ("absorbing", "'absorbing'"),
    ],
)
def test_values_are_written_as_in_python_or_yaml(text, value):
    found = option_settings.as_binding(f"reward.terminal={text}", _TARGETS)
    assert found == f"on_policy.reward.terminal = {value}"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("model.L", "has no value: give --set=model.L=<value>"),
        ("model.l=5", "there is no option model.l. Did you mean model.L?"),
    ],
)
def test_what_is_wrong_is_said(setting, message):
    with pytest.raises(ValueError, match=message):
        option_settings.as_binding(setting, _TARGETS)
