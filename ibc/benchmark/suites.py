"""Experiments that have a name: the commands of a page's table, in stages that need each other."""

import dataclasses
import json
import pathlib
import sys
from collections.abc import Mapping, Sequence

import numpy as np

from ibc.benchmark.plan import Job

_TASK, _RECORDED = "MAZE", "demonstrations"
_THROUGH = 0.9
"""Share of an evaluation's episodes that have gone through the corridor, to have found the way."""
_EQUAL = ("online_train_eval.steps = 400000", "on_policy.run.evaluation_episodes = 100")
"""For all that learn, whatever their files say."""
_COLUMNS = {"Goal": "succeeded", "Corridor": "corridor", "DtwToDemos": "dtw_to_demos"}


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of the table: an agent, and the energy that it climbs."""

    algorithm: str
    energy: str | None = None
    """A name in `ENERGIES`; None for an agent without one."""
    flags: tuple[str, ...] = ()
    """Of `ibc.online_train_eval`."""


ENERGIES: dict[str, tuple[str, ...]] = {
    "near": (),
    "published": ("--gin_file=near_published.gin",),
    "sigma_20": ("--set=model.sigma_begin=20.0",),
    "v1": ("--set=model.ncsnv2=False",),
    "v1_ten_levels": (
        "--set=model.ncsnv2=False",
        "--set=model.sigma_begin=10.0",
        "--set=model.L=10",
        "--set=model.ema=False",
    ),
}
"""Name → flags of `ibc.train_ncsn`."""


def _weights(energy: float) -> tuple[str, ...]:
    return (f"--set=reward.energy_reward_w={energy}", f"--set=reward.task_reward_w={1 - energy}")


_FIXED = ("--set=reward.sigma_level=5",)
SUITES: dict[str, dict[str, Row]] = {
    "near_maze": {
        "near": Row("NEAR", "near"),
        "near_and_task": Row("NEAR", "near", ("--set=reward.task_reward_w=1.0",)),
        "near_half": Row("NEAR", "near", _weights(0.5)),
        "near_published": Row("NEAR", "published", ("--gin_file=near_published.gin",)),
        "near_sigma_20": Row("NEAR", "sigma_20"),
        "near_v1": Row("NEAR", "v1"),
        "near_no_repeat": Row("NEAR", "near", ("--set=ppo.action_repeat=1",)),
        "near_standardised": Row("NEAR", "near", ("--set=reward.transform=standardised",)),
        "near_level_5": Row("NEAR", "near", _FIXED),
        "ppo": Row("PPO", None, ("--gin_file=near.gin",)),
        "amp": Row("AMP"),
        "cem": Row("CEM", "near"),
    },
    "near_ablations": {
        "annealed": Row("NEAR", "near"),
        "annealed_half": Row("NEAR", "near", _weights(0.5)),
        "level_5": Row("NEAR", "near", _FIXED),
        "level_5_half": Row("NEAR", "near", (*_FIXED, *_weights(0.5))),
        "annealed_v1": Row("NEAR", "v1_ten_levels"),
    },
}
"""Name → rows; the ablations are the five published ones."""


def stages(
    name: str,
    output: pathlib.Path,
    seeds: Sequence[int],
    demonstrations: str | None = None,
    bindings: Sequence[str] = (),
) -> list[list[Job]]:
    """Lists what is done: demonstrations, energies, agents; each stage needs the one before.

    Args:
      name: A name in `SUITES`.
      output: Folder of the benchmark.
      seeds: Of energies and agents.
      demonstrations: File that energies and AMP learn from; the script's episodes if None.
      bindings: For agents, such as 'online_train_eval.steps = 100000'.
    """
    recording, given = [], demonstrations
    if given is None:
        given = str(output / "runs" / _RECORDED / "oracle.tfrecord")
        flags = [f"--task={_TASK}", "--policy=oracle", "--num_episodes=200"]
        command = ("ibc.data.policy_eval", *flags, f"--dataset_path={given}")
        recording = [_job(output, _RECORDED, command)]
    rows = SUITES[name]
    energies = dict.fromkeys(row.energy for row in rows.values() if row.energy)
    energy_jobs = [_energy_job(output, each, seed, given) for seed in seeds for each in energies]
    agents = [
        _agent_job(output, label, row, seed, given, bindings)
        for seed in seeds
        for label, row in rows.items()
    ]
    return [recording, energy_jobs, agents]


def table(name: str, jobs: Sequence[Job]) -> tuple[str, list[dict]]:
    """Returns what runs that are done have come to: Markdown, and the same numbers.

    The columns are means over seeds at the last evaluation, with intervals of Student's t.

    Args:
      name: Of the suite.
      jobs: Those of its agents.
    """
    heads = ["", "seeds", *_COLUMNS, "found the way", "steps until then", "minutes"]
    lines, told = [heads, ["---"] * len(heads)], []
    for label in SUITES[name]:
        done = [job for job in jobs if job.name.split("/")[-2] == label and job.is_done()]
        if not done:
            continue
        found = [_measured(job.folder) for job in done]
        found_way = [each["steps_until"] for each in found if each["steps_until"] is not None]
        cells = [_text(np.array([each[column] for each in found]), column) for column in _COLUMNS]
        median = f"{int(np.median(found_way)):,}" if any(found_way) else "–"
        minutes = np.mean([each["minutes"] for each in found])
        way = f"{len(found_way)} of {len(found)}"
        lines.append([label, str(len(found)), *cells, way, median, f"{minutes:.1f}"])
        told.append({"row": label, "runs": found})
    return "".join(f"| {' | '.join(line)} |\n" for line in lines), told


def _text(values: np.ndarray, column: str) -> str:
    from ibc.report import statistics  # Only here, as --help does not wait for SciPy.

    digits = 0 if column == "DtwToDemos" else 2
    mean, low, high = statistics.mean_interval(values, 0, np.inf if digits == 0 else 1)
    interval = "" if np.isnan(low) else f" [{low:.{digits}f}, {high:.{digits}f}]"
    return f"{mean:.{digits}f}{interval}"


def _measured(folder: pathlib.Path) -> Mapping[str, float | None]:
    """Reads a run: the last evaluation, and the steps until one has mostly found the way."""
    kept = json.loads((folder / "results.json").read_text("utf-8"))
    rows = kept["evaluations"]
    until = [row.get("frames", 0) for row in rows if row["corridor"] >= _THROUGH]
    last = {column: rows[-1][key] for column, key in _COLUMNS.items()}
    return last | {
        "steps_until": until[0] if until else None,
        "steps": rows[-1].get("frames", 0),
        "minutes": kept["seconds"] / 60,
        "run": folder.name,
    }


def needs(job: Job, other: Job) -> bool:
    """Whether a command reads what another one makes."""
    return any(f"{other.folder}" in part for part in job.command)


def _energy_name(energy: str, seed: int, demonstrations: str) -> str:
    return f"{pathlib.Path(demonstrations).stem}/energies/{energy}/seed_{seed}"


def _energy_job(output: pathlib.Path, energy: str, seed: int, demonstrations: str) -> Job:
    name = _energy_name(energy, seed, demonstrations)
    flags = [f"--task={_TASK}", f"--dataset_path={demonstrations}", *ENERGIES[energy]]
    flags += [f"--set=seed={seed}", f"--tag={name}"]
    root = f"--gin_bindings=train_ncsn.root_dir = {str(output / 'runs')!r}"
    return _job(output, name, ("ibc.train_ncsn", *flags, root))


def _agent_job(
    output: pathlib.Path,
    label: str,
    row: Row,
    seed: int,
    demonstrations: str,
    bindings: Sequence[str],
) -> Job:
    # Agents of other demonstrations are other runs, also where no flag of theirs tells.
    name = f"{pathlib.Path(demonstrations).stem}/{label}/seed_{seed}"
    flags = [f"--task={_TASK}", f"--algorithm={row.algorithm}", *row.flags]
    if row.energy:
        energy = output / "runs" / _energy_name(row.energy, seed, demonstrations)
        flags.append(f"--set=reward.eb_model_checkpoint={str(energy)!r}")
    if row.algorithm == "AMP":
        flags.append(f"--set=dataset_path={demonstrations!r}")
    flags += [f"--set=seed={seed}", f"--tag={name}"]
    bound = [
        "evaluation/MazeVectorEnv.tell_dtw = True",
        *(() if row.algorithm == "CEM" else _EQUAL),
        *bindings,
        f"online_train_eval.root_dir = {str(output / 'runs')!r}",
    ]
    flags += [f"--gin_bindings={binding}" for binding in bound]
    return _job(output, name, ("ibc.online_train_eval", *flags))


def _job(output: pathlib.Path, name: str, command: Sequence[str]) -> Job:
    log = output / "logs" / f"{name.replace('/', '-')}.log"
    return Job(name, (sys.executable, "-m", *command), output / "runs" / name, log)
