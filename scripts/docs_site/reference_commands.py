"""The pages on command lines and metrics, from the parsers, flags and tags themselves."""

import argparse
import importlib
import pathlib
import re
from collections.abc import Iterator

from absl import flags

from ibc.utils import tags

_ROOT = pathlib.Path(__file__).parents[2]
_SCRIPT = re.compile(r'"(ibc-[\w-]+) = ([\w.]+):run"')
_OF_EVERYBODY = ("debug",)
_REPEATED = ";\n    repeat this option to specify a list of values"


def programs() -> dict[str, str]:
    """Returns the console scripts → their modules, from setup.py."""
    return dict(_SCRIPT.findall((_ROOT / "setup.py").read_text(encoding="utf-8")))


def page() -> str:
    """Returns the page on command lines, in Markdown."""
    lines = [
        "# Command lines",
        "",
        "Made from the programs themselves. `--help` prints the same. A program that ends in an",
        "error says so in one line. Its exit status is 0 if it is done, 1 for an error,",
        "2 for wrong arguments, 3 for a loss that became infinite or NaN, 130 after Ctrl-C and",
        "143 after SIGTERM. With `--debug` it shows the traceback, too.",
    ]
    for name, module in programs().items():
        lines += ["", f"## {name}", "", *_program(importlib.import_module(module))]
    return "\n".join(lines) + "\n"


def metrics_page() -> str:
    """Returns the page on metrics, in Markdown."""
    lines = [
        "# Metrics",
        "",
        "Made from the table in the code that gives TensorBoard its descriptions, too. *Run* is a",
        "folder in the run's folder. *Every* is how often a number is written.",
        "",
    ]
    return "\n".join([*lines, *tags.tables()]) + "\n"


def _program(module) -> Iterator[str]:
    """Yields the lines on a program."""
    yield module.__doc__.splitlines()[0]
    yield ""
    if hasattr(module, "make_parser"):
        yield from _parser(module.make_parser())
        return
    if file := _published(module):
        yield from (f"Also `python {file}`.", "")
    yield from ("| flag | what | if not given |", "|---|---|---|")
    for flag in _flags(module):
        value = "" if flag.default in (None, []) else f"`{flag.default}`"
        yield f"| `--{flag.name}` | {_cell(flag.help.replace(_REPEATED, ''))} | {value} |"


def _published(module) -> str:
    path = pathlib.Path(module.__file__)
    return str(path.relative_to(_ROOT)) if path.is_relative_to(_ROOT) else ""


def _flags(module) -> list[flags.Flag]:
    """Lists a program's own flags."""
    if hasattr(module, "define_flags"):
        values = flags.FlagValues()
        return [values[name] for name in module.define_flags(values)]
    own = flags.FLAGS.get_flags_for_module(module.__name__)
    return [*own, *(flags.FLAGS[name] for name in _OF_EVERYBODY)]


def _parser(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yields the lines on an argument parser, and on its subcommands."""
    subcommands = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if subcommands:
        helps = {choice.dest: choice.help for choice in subcommands[0]._choices_actions}
        for name, command in subcommands[0].choices.items():
            yield from ("", f"### {parser.prog} {name}", "")
            yield f"{helps.get(name, '')[:1].upper()}{helps.get(name, '')[1:]}."
            yield from ("", *_parser(command))
        return
    yield from ("| argument | what |", "|---|---|")
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        value = action.metavar or (
            "{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest
        )
        takes_value = action.nargs != 0
        name = action.option_strings[-1] if action.option_strings else str(value)
        shown = f"{name} {value}" if action.option_strings and takes_value else name
        yield f"| `{shown}` | {_cell((action.help or '') % vars(action))} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|").replace("<", "&lt;")
