"""Parses gin files and bindings with errors that name what was probably meant."""

import difflib
import inspect
import pathlib
import re
import tokenize
from collections.abc import Callable, Iterable, Mapping, Sequence

import gin
from absl import logging

from ibc.utils import gin_types

# gin breaks longer lines.
_ONE_LINE = 10_000
_UNKNOWN_NAME = re.compile(r"No configurable matching (?:reference )?'@?([^'()]+)")
_UNKNOWN_MACRO = re.compile(r"No bindings specified for '([^']+)/gin.macro'")
_UNKNOWN_PARAMETER = re.compile(r"Configurable '([^']+)' doesn't have a parameter named '([^']+)'")


def parse(
    gin_files: Sequence[str] | None,
    gin_bindings: Sequence[str] | None,
    search_folders: Iterable[pathlib.Path] | None = None,
) -> list[pathlib.Path]:
    """Parses gin files, then bindings, and locks the configuration.

    The modules that define the configurables must have been imported.

    Args:
      gin_files: Paths, also relative to the parents of `search_folders`, or bare file names
        that are looked up in `search_folders`.
      gin_bindings: Bindings such as 'ParticleEnv.n_dim=2'; later ones win.
      search_folders: Folders for bare file names, the first match wins; their direct
        subfolders are searched after all of them.

    Returns:
      The files that were parsed.

    Raises:
      FileNotFoundError: A file is not there; the message lists files that are.
      ValueError: A name, parameter or binding is wrong; the message names the nearest. Or a
        value has another type than its parameter, or no effect, or macros lead in a circle.
    """
    folders = list(search_folders or [])
    files = [find_file(name, folders) for name in gin_files or []]
    for file in files:
        _translated(lambda file=file: gin.parse_config_file(str(file)), f"gin file {file}")
    for binding in gin_bindings or []:
        _translated(lambda binding=binding: gin.parse_config(binding), f"gin binding '{binding}'")
    _translated(gin.finalize, "gin configuration")
    gin_types.check_bindings()
    return files


def find_file(name: str, search_folders: Sequence[pathlib.Path]) -> pathlib.Path:
    """Returns the gin file meant by a path or a bare file name.

    Raises:
      FileNotFoundError: There is none; the message names the nearest and lists what there is.
    """
    path = pathlib.Path(name).expanduser()
    if path.is_file():
        return path
    is_bare = path.name == name
    subfolders = [sub for folder in search_folders for sub in sorted(folder.glob("*/"))]
    # 'particle/mlp_mse.gin' names a file beside the searched folders too.
    relatives = dict.fromkeys(folder.parent / path.parent for folder in search_folders)
    folders = [*search_folders, *subfolders] if is_bare else [path.parent, *relatives]
    for folder in folders:
        for candidate in (folder / path.name, folder / f"{path.name}.gin"):
            if candidate.is_file():
                return candidate
    if shipped := _published(path, search_folders):
        logging.warning("There is no gin file '%s': taking %s.", name, shipped)
        return shipped
    available = sorted({file.name for folder in folders for file in folder.glob("*.gin")})
    where = ", ".join(str(folder) for folder in search_folders) if is_bare else str(path.parent)
    near = _did_you_mean(path.stem, [pathlib.Path(file).stem for file in available])
    listing = f"there are: {', '.join(available)}" if available else "there are no .gin files"
    raise FileNotFoundError(
        f"gin file '{name}' was not found{near}; in {where or 'the current folder'} {listing}."
    )


def _published(path: pathlib.Path, search_folders: Sequence[pathlib.Path]) -> pathlib.Path | None:
    """Returns the file here that a path in another checkout means, such as ibc/configs/a/b.gin."""
    if "configs" not in path.parts[:-1]:
        return None
    # The folder that the path names comes before those of the task.
    named = [folder.parent / path.parent.name for folder in search_folders]
    candidates = (folder / path.name for folder in (*named, *search_folders))
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def bindings_of(is_wanted: Callable[[str], bool]) -> tuple[str, ...]:
    """Returns the bindings in force of configurables in some modules, and all macros.

    Args:
      is_wanted: Name of a module -> whether bindings of what it defines are wanted.
    """
    registered = _registered()
    bindings = []
    for line in gin.config_str(max_line_length=_ONE_LINE).splitlines():
        target, equals, _ = line.partition(" = ")
        name, dot, _ = target.rpartition("/")[2].rpartition(".")
        wrapped = registered.get(name.rpartition(".")[2])
        is_macro = equals and not dot and not line.startswith("#")
        if is_macro or (wrapped is not None and is_wanted(wrapped.__module__)):
            bindings.append(line)
    return tuple(bindings)


def default_of(parameter: str) -> str | None:
    """Returns a parameter's default value as gin writes values; None if it has none.

    Args:
      parameter: Such as 'MLPEBM.depth', without scope.
    """
    name, _, key = parameter.rpartition(".")
    found = _parameters(name).get(key)
    return None if found is None or found.default is found.empty else repr(found.default)


def _translated(parse_one: Callable[[], object], what: str) -> None:
    try:
        parse_one()
    except (SyntaxError, tokenize.TokenError) as error:
        reason = re.sub(r"malformed node.*", "not a literal", " ".join(str(error.args[0]).split()))
        raise ValueError(
            f"{what} cannot be parsed ({reason}); expected Name.parameter=value with a Python "
            "literal, strings in quotes."
        ) from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{what} is no text file; give a file of gin bindings.") from error
    except (RecursionError, MemoryError) as error:
        raise ValueError(
            f"{what} is nested too deeply to be read: a file includes itself, or a value has too "
            "many brackets inside each other; take out the include or the brackets."
        ) from error
    except (ValueError, TypeError, OSError, ImportError) as error:
        raise ValueError(f"{what}: {_explain(str(error))}") from error


def _explain(message: str) -> str:
    """Returns gin's complaint in one line, with the nearest names that exist."""
    names = list(_registered())
    if match := _UNKNOWN_NAME.search(message):
        name = match[1].rpartition("/")[2]
        near = _did_you_mean(name.rpartition(".")[2], names)
        return f"there is no configurable '{name}'{near}."
    if match := _UNKNOWN_PARAMETER.search(message):
        name, parameter = match[1].rpartition("/")[2], match[2]
        known = [other for other in _parameters(name) if other != "self"]
        return (
            f"'{name}' has no parameter '{parameter}'{_did_you_mean(parameter, known)}; "
            f"it has: {', '.join(known)}."
        )
    if match := _UNKNOWN_MACRO.search(message):
        return f"the macro %{match[1]} is used but never set."
    return message.splitlines()[0]


def _registered() -> dict[str, Callable]:
    # gin has no public way to list its configurables.
    return {entry.name: entry.wrapped for _, entry in gin.config._REGISTRY.items()}


def _parameters(name: str) -> Mapping[str, inspect.Parameter]:
    wrapped = _registered().get(name.rpartition(".")[2])
    return {} if wrapped is None else gin_types.parameters_of(wrapped)


def _did_you_mean(name: str, known: Sequence[str]) -> str:
    lowered = {entry.lower(): entry for entry in known}
    near = difflib.get_close_matches(name.lower(), lowered, n=3)
    return f" (did you mean {' or '.join(lowered[entry] for entry in near)}?)" if near else ""
