"""The folder of a run: its name, and what keeps two different runs apart in it."""

import ast
import contextlib
import datetime
import pathlib
import re
import shutil

import gin
from absl import logging

from ibc.utils import atomic_file, gin_config

DEFAULT_ROOT = "/tmp/ibc_logs"

_BINDINGS_FILE = "train/gin-bindings.txt"

# Parameters that may differ between a run and its continuation: no weight depends on them. Those of
# the policy that acts in evaluations may, too.
_HARMLESS = (
    "train_eval.num_iterations",
    "train_eval.eval_interval",
    "train_eval.eval_loss_interval",
    "train_eval.eval_episodes",
    "train_eval.fused_train_steps",
    "train_eval.num_envs",
    "train_eval.memory_limit_mb",
    "train_eval.root_dir",
    "train_eval.tag",
    "train_eval.video",
    "train_eval.viz_img",
    "train_eval.skip_eval",
    "train_eval.checkpoint_interval",
    "train_eval.policy_save_interval",
    "train_eval.shared_memory_eval",
    "train_eval.generate_data",
    "train_eval.goal_tolerance",
    "train_eval.dataset_path",  # What it holds is compared.
    "train_eval.replay_capacity",
    "get_normalizers.num_samples",
    "get_normalizers.num_batches",
)
_HARMLESS_CONFIGURABLES = ("IbcPolicy.", "MdnPolicy.", "AverageSuccessMetric.")
# Samplers that train nothing where their share of the counter-examples is 0.
_SAMPLERS = {
    "iterative_dfo.": "ImplicitBCAgent.fraction_dfo_samples",
    "langevin_actions_given_obs.": "ImplicitBCAgent.fraction_langevin_samples",
}


def run_folder(
    root_dir: str | None, tag: str | None, add_time: bool, writes: bool = True
) -> pathlib.Path:
    """Returns root_dir[/tag][/YYYYmmdd-HHMMSS], which can be made: `claim` writes to it first.

    Unless this process `writes` to it, nothing is tried.

    Raises:
      PermissionError: the folder cannot be made.
      ValueError: its name is none.
    """
    for name, value in (("train_eval.root_dir", root_dir), ("--tag", tag)):
        if value and "\0" in value:
            raise ValueError(f"{name} is {value!r}: no name of a folder holds a null character.")
    if tag and (pathlib.Path(tag).is_absolute() or ".." in pathlib.Path(tag).parts):
        raise ValueError(
            f"--tag is {tag!r}, which is outside of train_eval.root_dir: give a name, or folders "
            "with / in between, and set the root_dir for another place."
        )
    folder = pathlib.Path(root_dir or DEFAULT_ROOT).expanduser() / (tag or "")
    if add_time:
        folder /= datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    if not writes:
        return folder
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PermissionError(
            f"train_eval.root_dir: cannot make the folder {folder} ({error.strerror}); "
            "choose another root_dir or --tag."
        ) from error
    # A start that is refused, for its data say, leaves no empty folder.
    for path in missing:
        with contextlib.suppress(OSError):  # Another run has begun to use it.
            path.rmdir()
    return folder


def claim(
    folder: pathlib.Path,
    bound: str,
    identity: dict[str, object],
    continued: bool,
    writes: bool = True,
) -> None:
    """Records what a run is started with, or checks that a continuation asks for the same.

    A parameter that is bound to its default value is the same as one that is not bound.
    Differences on which no weight depends are logged as a warning, and recorded.

    Args:
      folder: the run's folder.
      bound: gin bindings in force, one per line.
      identity: further values that decide what is trained.
      continued: whether the folder has a checkpoint that training will go on from.
      writes: whether this process writes to the folder; otherwise it only checks.

    Raises:
      ValueError: the folder holds a run that was started with other parameters.
    """
    for written in ("policies", "eval", "videos") if writes else ():
        atomic_file.remove_leftovers(folder / written)
    for half_checkpoint in folder.glob("train/checkpoints/*_temp") if writes else ():
        shutil.rmtree(half_checkpoint, ignore_errors=True)
    asked = parse_bindings(bound) | {name: repr(value) for name, value in identity.items()}
    path = folder / _BINDINGS_FILE
    if continued and path.exists():
        stored = parse_bindings(_read(path))
        # A run from before a value was recorded may go on.
        compared = asked.keys() - (identity.keys() - stored.keys()) | stored.keys()
        differing = sorted(
            k
            for k in compared
            if (k in identity or "." in k) and not have_same_value(k, asked, stored)
        )
        _refuse_or_warn(folder, asked, stored, differing)
        asked = {k: v for k, v in asked.items() if k in compared}
    if writes:
        text = "".join(f"{name} = {value}\n" for name, value in sorted(asked.items()))
        atomic_file.write_text(path, text)


def write_operative_config(folder: pathlib.Path) -> None:
    """Writes every parameter in force to operative-gin-config.txt."""
    atomic_file.write_text(folder / "operative-gin-config.txt", gin.operative_config_str())


def _read(path: pathlib.Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is damaged ({error}): it holds the parameters that the run was started with. "
            "Remove it to go on with those of this command, if they are the same."
        ) from error


def _refuse_or_warn(
    folder: pathlib.Path, asked: dict[str, str], stored: dict[str, str], differing: list[str]
) -> None:
    def shown(names: list[str]) -> str:
        return "; ".join(
            f"{k} was {stored.get(k, 'not set')}, now {asked.get(k, 'not set')}" for k in names[:5]
        )

    harmless = [k for k in differing if _is_harmless(k, stored)]
    decisive = [k for k in differing if k not in harmless]
    if decisive:
        raise ValueError(
            f"{folder} holds a run with other parameters ({shown(decisive)}). Continue it with the "
            "same ones, or give this run its own --tag, --add_time or train_eval.root_dir."
        )
    if harmless:
        logging.warning("This run goes on with other parameters: %s.", shown(harmless))


def _is_harmless(name: str, stored: dict[str, str]) -> bool:
    """Tells whether no weight of a run with these bindings depends on a parameter."""
    if name in _HARMLESS or name.startswith(_HARMLESS_CONFIGURABLES):
        return True
    shares = [share for sampler, share in _SAMPLERS.items() if name.startswith(sampler)]
    return any(have_same_value(share, stored, {share: "0.0"}) for share in shares)


_DEEPEST_MACRO = 8
_MACRO = re.compile(r"%([\w./]+)")


def parse_bindings(text: str) -> dict[str, str]:
    """Splits gin's one-binding-per-line text into name → value, without comments."""
    lines = (line.partition(" = ") for line in text.splitlines())
    return {k.strip(): v.strip() for k, sep, v in lines if sep and not k.startswith("#")}


def have_same_value(name: str, first: dict[str, str], second: dict[str, str]) -> bool:
    """Returns whether a parameter has the same value under two sets of bindings.

    A parameter that is not bound has its default value, one that is bound to a macro the macro's,
    one that is not bound in a scope the value it has outside.

    Args:
      name: parameter, macro or other value; with its scope, if it is bound in one.
      first: name → value as gin writes it.
      second: the same of the other.
    """
    values = [_value(name, bound) for bound in (first, second)]
    if values[0] == values[1]:
        return True
    try:
        numbers = [ast.literal_eval(value) for value in values if value is not None]
    except (ValueError, SyntaxError):
        return False  # References are the same if they read the same.
    return len(numbers) == 2 and _alike(*numbers)


def _value(name: str, bound: dict[str, str]) -> str | None:
    """Returns the value of a parameter as text; None if it is neither bound nor has a default."""
    scope, _, parameter = name.rpartition("/")
    while True:
        found = bound.get(f"{scope}/{parameter}" if scope else parameter)
        if found is not None:
            return _without_macros(found, bound)
        if not scope:
            return gin_config.default_of(parameter)
        scope = scope.rpartition("/")[0]


def _without_macros(value: str, bound: dict[str, str]) -> str:
    """Puts macros' values in their places, and so where a text in quotes looks like one."""
    for _ in range(_DEEPEST_MACRO):
        expanded = _MACRO.sub(lambda found: bound.get(found[1], found[0]), value)
        if expanded == value:
            break
        value = expanded
    return value


def _alike(first: object, second: object) -> bool:
    """Returns whether literals are equal: 2 is 2.0, but not True."""
    return first == second and isinstance(first, bool) == isinstance(second, bool)
