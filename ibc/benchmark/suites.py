"""Experiments that have a name: the commands of a page's table, in stages that need each other."""

import dataclasses
import pathlib
import sys
from collections.abc import Callable, Mapping, Sequence

from ibc.benchmark.plan import Job

_RECORDED, _EXPERT = "demonstrations", "sac"


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of the table: an agent, and the energies that it climbs."""

    algorithm: str
    energies: tuple[str, ...] = ()
    """Names in `ENERGIES`, added up if there are several."""
    flags: tuple[str, ...] = ()
    """Of `ibc.online_train_eval`."""


@dataclasses.dataclass(frozen=True)
class Column:
    """A number of an agent's last evaluation."""

    name: str
    key: str
    """In an evaluation of results.json."""
    digits: int = 2
    low: float = 0.0
    high: float = float("inf")
    """What it lies between, and its interval therefore."""


@dataclasses.dataclass(frozen=True)
class Suite:
    """An experiment."""

    task: str
    rows: Mapping[str, Row]
    """Label → line of the table."""
    columns: tuple[Column, ...]
    way: str | None
    """Share of an evaluation's episodes that is to be most of them, in results.json; the table
    tells who has got there and when. None for none."""
    recording: Callable[[pathlib.Path], list[list[Job]]]
    """From the output folder to the stages that make the demonstrations, the last one's file."""
    bindings: tuple[str, ...] = ()
    """For all agents that learn."""
    judged: tuple[str, ...] = ()
    """For all agents."""
    measures_motions: bool = False
    """Whether all agents are told the demonstrations, which they are compared with."""


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
    "back_leg": ("--set=data.joints=['b*']",),
    "front_leg": ("--set=data.joints=['f*']",),
}
"""Name → flags of `ibc.train_ncsn`."""


def _oracle(output: pathlib.Path) -> list[list[Job]]:
    """Records the maze's script."""
    flags = ["--task=MAZE", "--policy=oracle", "--num_episodes=200"]
    return [[_recording(output, "oracle", flags)]]


def _expert(output: pathlib.Path) -> list[list[Job]]:
    """Trains SAC on the half-cheetah, and records ten of its episodes."""
    flags = ["--task=halfcheetah", "--algorithm=SAC", "--gin_file=halfcheetah_quick.gin"]
    flags += [f"--tag={_EXPERT}", _root("online_train_eval", output)]
    expert = _job(output, _EXPERT, ("ibc.online_train_eval", *flags))
    policy = expert.folder / "policies" / "greedy_policy"
    flags = ["--task=HalfCheetah-v4", f"--saved_model_path={policy}", "--num_episodes=10"]
    return [[expert], [_recording(output, "expert", flags)]]


def _recording(output: pathlib.Path, stem: str, flags: Sequence[str]) -> Job:
    place = output / "runs" / _RECORDED / f"{stem}.tfrecord"
    return _job(output, _RECORDED, ("ibc.data.policy_eval", *flags, f"--dataset_path={place}"))


def _weights(energy: float) -> tuple[str, ...]:
    return (f"--set=reward.energy_reward_w={energy}", f"--set=reward.task_reward_w={1 - energy}")


_NEAR, _FIXED = ("near",), ("--set=reward.sigma_level=5",)
_MAZE_ROWS = {
    "near": Row("NEAR", _NEAR),
    "near_and_task": Row("NEAR", _NEAR, ("--set=reward.task_reward_w=1.0",)),
    "near_half": Row("NEAR", _NEAR, _weights(0.5)),
    "near_published": Row("NEAR", ("published",), ("--gin_file=near_published.gin",)),
    "near_sigma_20": Row("NEAR", ("sigma_20",)),
    "near_v1": Row("NEAR", ("v1",)),
    "near_no_repeat": Row("NEAR", _NEAR, ("--set=ppo.action_repeat=1",)),
    "near_standardised": Row("NEAR", _NEAR, ("--set=reward.transform=standardised",)),
    "near_level_5": Row("NEAR", _NEAR, _FIXED),
    "ppo": Row("PPO", (), ("--gin_file=near.gin",)),
    "amp": Row("AMP"),
    "cem": Row("CEM", _NEAR),
}
_ABLATIONS = {
    "annealed": Row("NEAR", _NEAR),
    "annealed_half": Row("NEAR", _NEAR, _weights(0.5)),
    "level_5": Row("NEAR", _NEAR, _FIXED),
    "level_5_half": Row("NEAR", _NEAR, (*_FIXED, *_weights(0.5))),
    "annealed_v1": Row("NEAR", ("v1_ten_levels",)),
}
_MOTIONS = {
    "near": Row("NEAR", _NEAR),
    "near_halves": Row("NEAR", ("back_leg", "front_leg")),
    "near_hybrid": Row("NEAR", _NEAR, ("--set=ppo.state_init=hybrid",)),
    "amp": Row("AMP"),
    "ppo": Row("PPO"),
}


def _of_maze(rows: Mapping[str, Row]) -> Suite:
    return Suite(
        task="MAZE",
        rows=rows,
        columns=(
            Column("Goal", "succeeded", high=1.0),
            Column("Corridor", "corridor", high=1.0),
            Column("DtwToDemos", "dtw_to_demos", digits=0),
        ),
        way="corridor",
        recording=_oracle,
        bindings=("online_train_eval.steps = 400000", "on_policy.run.evaluation_episodes = 100"),
        judged=("evaluation/MazeVectorEnv.tell_dtw = True",),
    )


SUITES: dict[str, Suite] = {
    "near_maze": _of_maze(_MAZE_ROWS),
    "near_ablations": _of_maze(_ABLATIONS),
    "near_motions": Suite(
        task="halfcheetah",
        rows=_MOTIONS,
        columns=(
            Column("return", "test_returns", digits=0, low=-float("inf")),
            Column("of the demonstrations'", "test_returns_of_demonstrations", low=-float("inf")),
            Column("pose error", "mean_dtw_pose_error"),
            Column("speed", "root_body_velocity"),
            Column("jerk", "root_body_jerk", digits=0),
            Column("SPARC", "spectral_arc_length", low=-float("inf"), high=0.0),
        ),
        way=None,
        recording=_expert,
        bindings=("on_policy.run.evaluation_episodes = 10",),
        measures_motions=True,
    ),
}
"""Name → experiment; the ablations are the five published ones."""


def stages(
    name: str,
    output: pathlib.Path,
    seeds: Sequence[int],
    demonstrations: str | None = None,
    bindings: Sequence[str] = (),
) -> list[list[Job]]:
    """Lists what is done: demonstrations, energies, agents; each stage needs those before.

    Args:
      name: A name in `SUITES`.
      output: Folder of the benchmark.
      seeds: Of energies and agents.
      demonstrations: File that energies and AMP learn from; recorded if None.
      bindings: For agents, such as 'online_train_eval.steps = 100000'.
    """
    suite, recording, given = SUITES[name], [], demonstrations
    if given is None:
        recording = suite.recording(output)
        given = recording[-1][0].command[-1].partition("=")[2]
    names = dict.fromkeys(each for row in suite.rows.values() for each in row.energies)
    energies = [
        _energy_job(output, suite.task, each, seed, given) for seed in seeds for each in names
    ]
    agents = [
        _agent_job(output, suite, label, seed, given, bindings)
        for seed in seeds
        for label in suite.rows
    ]
    return [*recording, energies, agents]


def needs(job: Job, other: Job) -> bool:
    """Whether a command reads what another one makes."""
    return any(f"{other.folder}" in part for part in job.command)


def _energy_name(energy: str, seed: int, demonstrations: str) -> str:
    return f"{pathlib.Path(demonstrations).stem}/energies/{energy}/seed_{seed}"


def _energy_job(
    output: pathlib.Path, task: str, energy: str, seed: int, demonstrations: str
) -> Job:
    name = _energy_name(energy, seed, demonstrations)
    flags = [f"--task={task}", f"--dataset_path={demonstrations}", *ENERGIES[energy]]
    flags += [f"--set=seed={seed}", f"--tag={name}"]
    return _job(output, name, ("ibc.train_ncsn", *flags, _root("train_ncsn", output)))


def _agent_job(
    output: pathlib.Path,
    suite: Suite,
    label: str,
    seed: int,
    demonstrations: str,
    bindings: Sequence[str],
) -> Job:
    # Agents of other demonstrations are other runs, also where no flag of theirs tells.
    name, row = f"{pathlib.Path(demonstrations).stem}/{label}/seed_{seed}", suite.rows[label]
    flags = [f"--task={suite.task}", f"--algorithm={row.algorithm}", *row.flags]
    if row.energies:
        places = [output / "runs" / _energy_name(e, seed, demonstrations) for e in row.energies]
        given = [str(place) for place in places]
        flags.append(f"--set=reward.eb_model_checkpoint={given if given[1:] else repr(given[0])}")
    if row.algorithm == "AMP" or suite.measures_motions:
        flags.append(f"--set=dataset_path={demonstrations!r}")
    flags += [f"--set=seed={seed}", f"--tag={name}"]
    of_learners = () if row.algorithm == "CEM" else suite.bindings
    bound = [*suite.judged, *of_learners, *bindings]
    flags += [f"--gin_bindings={binding}" for binding in bound]
    root = _root("online_train_eval", output)
    return _job(output, name, ("ibc.online_train_eval", *flags, root))


def _root(program: str, output: pathlib.Path) -> str:
    return f"--gin_bindings={program}.root_dir = {str(output / 'runs')!r}"


def _job(output: pathlib.Path, name: str, command: Sequence[str]) -> Job:
    log = output / "logs" / f"{name.replace('/', '-')}.log"
    return Job(name, (sys.executable, "-m", *command), output / "runs" / name, log)
