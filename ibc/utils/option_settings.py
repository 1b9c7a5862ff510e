"""`--set=part.option=value`: options under their published dotted names, as gin's bindings."""

import ast
import difflib
from collections.abc import Mapping

_WORDS = {"true": True, "false": False, "null": None, "none": None}


def as_binding(setting: str, targets: Mapping[str, str]) -> str:
    """Returns what 'model.L=5' means to gin.

    Values are written as in Python or YAML: true, null, 5, 3e-4, inf, text.

    Args:
      setting: Name, equals sign, value.
      targets: Name of each option → gin's name of it.

    Raises:
      ValueError: There is no such option; the message names the nearest.
    """
    name, equals, text = setting.partition("=")
    name = name.strip()
    if not equals:
        raise ValueError(f"--set={setting} has no value: give --set={setting}=<value>.")
    if name not in targets:
        near = difflib.get_close_matches(name, targets, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(f"--set={setting}: there is no option {name}.{hint}")
    return f"{targets[name]} = {_value(text.strip())!r}"


def _value(text: str) -> object:
    # Options have the value 'none', published without quotes.
    if text.lower() in _WORDS and text != "none":
        return _WORDS[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
