"""The page on options of learning by interaction, from their dataclasses and config files."""

import pathlib
import re
from collections.abc import Iterator

from ibc.online import algorithms, configuration, options, run_config
from ibc.online.on_policy import options as on_policy_options
from ibc.train.run import run_folder
from scripts.docs_site import reference_parameters

_CONFIGS = pathlib.Path(__file__).parents[2] / "configs" / "online"
_TUNED = re.compile(r"_(\d+)_trajectories$")


def page() -> str:
    """Returns the page, in Markdown."""
    lines = [
        "# Options of learning by interaction",
        "",
        "Made from the code and the config files. Each option is given as",
        "`--set=imitation.trajectories=5`, or as `imitation.trajectories = 5` in a gin file.",
        "`ppo`, `reward`, `run` and `amp` are of PPO, NEAR and AMP, `cem`, `reward` and `run` of",
        "CEM, which have no others but the run's.",
        "See [Learn by interaction](online_imitation.md).",
        "",
        "## The run",
        "",
        "| option | default | what |",
        "|---|---|---|",
        *_run(),
    ]
    for prefix, part in (*options.PARTS.items(), *on_policy_options.PARTS.items()):
        summary = " ".join((part.__doc__ or "").split("\n\n")[0].split())
        lines += [
            "",
            f"## {prefix}",
            "",
            summary,
            "",
            "| option | default | what |",
            "|---|---|---|",
        ]
        for name, (default, meaning) in reference_parameters.parameters(part).items():
            lines.append(_row(f"{prefix}.{name}", default, meaning))
    lines += ["", "## Defaults of each algorithm", "", "What `--algorithm` sets, see the tables"]
    lines += ["above for what is empty.", *_sets(list(algorithms.ALGORITHMS))]
    lines += ["", "## Tuned sets", ""]
    lines.append("What `--optimised` adds, for 5, 10 and 25 of the expert's trajectories.")
    for algorithm, names in tuned_sets().items():
        lines += ["", f"### {algorithm}", *_sets(names)]
    return "\n".join(lines) + "\n"


def tuned_sets() -> dict[str, list[str]]:
    """Returns algorithm → the names that `--optimised` takes, few trajectories first."""
    names = [path.stem for path in _CONFIGS.glob("*.gin") if _TUNED.search(path.stem)]
    found: dict[str, list[str]] = {}
    for name in sorted(names, key=lambda name: int(_TUNED.search(name)[1])):
        found.setdefault(name.split("_")[0], []).append(name)
    return dict(sorted(found.items()))


def _run() -> Iterator[str]:
    """Yields rows on the options without a dot."""
    fields = reference_parameters.parameters(run_config.OnlineConfig)
    published = {field: name for name, field in configuration.OF_THE_RUN.items()}
    for field, (default, meaning) in fields.items():
        name = published.get(field, f"online_train_eval.{field}")
        if field != "algorithm":  # This is a flag of its own.
            yield _row(name, default, meaning)


def _sets(names: list[str]) -> Iterator[str]:
    """Yields a table of what config files bind: a column for each file."""
    bound = [
        run_folder.parse_bindings((_CONFIGS / f"{name}.gin").read_text("utf-8")) for name in names
    ]
    yield from ("", f"| option | {' | '.join(names)} |", f"|---|{'---|' * len(names)}")
    for option in sorted({option for each in bound for option in each}):
        yield f"| `{option}` | {' | '.join(_shown(each.get(option)) for each in bound)} |"


def _shown(value: str | None) -> str:
    """Returns a bound value as shown: tuned numbers to four digits, as files have them exactly."""
    if value is None:
        return ""
    return f"{float(value):.4g}" if re.fullmatch(r"[\d.e-]{8,}", value) else value


def _row(name: str, default: str, meaning: str) -> str:
    text = " ".join(meaning.split()).replace("|", r"\|").replace("<", "&lt;")
    return f"| `{name}` | {default} | {text} |"
