"""Every command of README.md and docs/ is understood: flags, config files, bindings, paths."""

import fnmatch

import pytest
from absl import flags
from absl.testing import flagsaver

from ibc import train_eval
from ibc.data import policy_eval
from ibc.train import config_files
from ibc.utils import program
from tests import commands, documentation

_PUBLISHED = {"ibc/train_eval.py": "train_eval", "data/policy_eval.py": "policy_eval"}
_FOREIGN = ("pip", "uv", "docker", "tensorboard", ".", "for", "done;", "IBC_*=*", "TF_CONFIG=*")
_OF_PYTHON = ("-m", "two_cameras.py")  # the latter is a script on its page
_GIVEN = [
    pytest.param(page, words, id=f"{page.name}-{number}")
    for page in documentation.PAGES
    if page.name != "recipes.md"  # architecture_test.py runs them, in a copy of the library
    for number, words in enumerate(documentation.commands(page))
]


@pytest.mark.parametrize(("page", "words"), _GIVEN)
def test_a_documented_command_is_understood(page, words):
    words = [word for word in words if word != "&"]
    if words[0] == "python":
        place, arguments = words[1], words[2:]
        if place in _PUBLISHED:
            _check(_PUBLISHED[place], program.without_lone_dashes(["", *arguments])[1:])
        else:
            assert place in _OF_PYTHON or (documentation.ROOT / place).exists(), place
    elif words[0] in commands.MODULES:
        commands.MODULES[words[0]].make_parser().parse_args(words[1:])
    elif words[0].startswith("./"):
        assert (documentation.ROOT / words[0]).exists()
    else:
        assert any(fnmatch.fnmatch(words[0], known) for known in _FOREIGN), words


def _check(name: str, arguments: list[str]) -> None:
    """Parses flags as the program does, and the configuration where its task is known here."""
    if name == "policy_eval":
        values = flags.FlagValues()
        policy_eval.define_flags(values)
        assert program.parse_flags([name, *arguments], values) == [name]
        return
    with flagsaver.flagsaver():
        assert program.parse_flags([name, *arguments]) == [name]
        tasks = flags.FLAGS.task
        if not any(":" in task for task in tasks):  # the reader's own module
            bindings = train_eval._GIN_BINDINGS.value
            config_files.configure(tasks, train_eval._GIN_FILE.value, bindings)


def test_wrong_commands_are_not_understood():
    with pytest.raises(ValueError, match="widht"):
        _check("train_eval", ["--task=PARTICLE", "--gin_bindings=MLPEBM.widht = 3"])
    with pytest.raises(SystemExit):
        _check("policy_eval", ["--no_such_flag"])


@pytest.mark.parametrize("page", documentation.PAGES, ids=lambda page: page.name)
def test_every_block_is_marked(page):
    """Tells readers, and these tests, what is run and what is printed."""
    assert not documentation.fenced(page, ""), "mark it bash, python or text"
