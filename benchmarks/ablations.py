"""What an implicit policy hangs on: one number after the other is changed on the particle task.

    python benchmarks/ablations.py --output=ablations --seeds=0,1,2
    python benchmarks/ablations.py --output=ablations --panels=counter_examples,frames

Everything else stays as in the config file. As many trainings are made at once as there are cores;
what is there already is not made again. Writes `ablations.json`, with every episode, and
`ablations.png`: success over the number, with the interval that a bootstrap over seeds and episodes
gives. Panels that are in it stay. What is used to act alone is changed with the weights that were
trained as in the file.
"""

import dataclasses
import json
import pathlib
from collections.abc import Mapping, Sequence

from ibc.utils import program, startup

startup.import_tensorflow_quietly()

# isort: split
import restored as restored_lib
from absl import app, flags
from matplotlib import axes, figure

from ibc import info
from ibc.benchmark import executors, plan
from ibc.report import statistics
from ibc.utils import atomic_file, tags

_OUTPUT = flags.DEFINE_string("output", "ablations", "Folder for all that is made.")
_SEEDS = flags.DEFINE_list("seeds", ["0", "1", "2"], "Training seeds.")
_EPISODES = flags.DEFINE_integer("episodes", 100, "Of each evaluation.")
_PANELS = flags.DEFINE_list("panels", None, "Names of panels; all if not given.")

_TASK = "PARTICLE"
_NUM_ENVS = 50
_COLUMNS = 4
_INCHES = 2.6


@dataclasses.dataclass(frozen=True)
class Panel:
    """A parameter and what it is set to."""

    title: str
    config: str
    parameter: str
    values: tuple[int | bool, ...]
    as_in_file: int | bool
    """The one that is not bound, as all of these share a run."""
    acts_alone: bool = False
    """Whether training does not use it."""

    def binding(self, value: int | bool) -> str:
        """Returns what gin reads; nothing for the file's own value."""
        return "" if value == self.as_in_file else f"{self.parameter} = {value!r}"


_DFO, _LANGEVIN = "mlp_ebm_quick.gin", "mlp_ebm_langevin_quick.gin"
PANELS = {
    "counter_examples": Panel(
        "counter-examples", _DFO, "ImplicitBCAgent.num_counter_examples", (2, 8, 32, 128), 32
    ),
    "frames": Panel("frames", _DFO, "train_eval.sequence_length", (1, 2, 4), 4),
    "demonstrations": Panel(
        "demonstrations", _DFO, "train_eval.max_train_episodes", (50, 200, 800, 2000), 2000
    ),
    "samples": Panel(
        "samples to act by", _DFO, "IbcPolicy.num_action_samples", (16, 64, 256, 1024), 256, True
    ),
    "dfo_iterations": Panel(
        "DFO iterations", _DFO, "iterative_dfo.num_iterations", (1, 2, 4, 8), 4, True
    ),
    "langevin_iterations": Panel(
        "Langevin iterations", _LANGEVIN, "langevin_actions_given_obs.num_iterations",
        (10, 25, 50, 100), 50,
    ),
    "gradient_penalty": Panel(
        "gradient penalty", _LANGEVIN, "ImplicitBCAgent.add_grad_penalty", (False, True), True
    ),
}  # fmt: skip
"""Name → what is changed."""


def trainings(output: pathlib.Path, panel: Panel, value: int | bool) -> list[plan.Job]:
    """Returns the trainings of a point of a panel, one for each seed."""
    binding = "" if panel.acts_alone else panel.binding(value)
    changed = binding.replace(" = ", "=") or "as_in_file"
    bindings = [f"train_eval.eval_episodes = {_EPISODES.value}", "train_eval.eval_interval = 0"]
    bindings += [f"train_eval.num_envs = {_NUM_ENVS}", *([binding] if binding else [])]
    seeds = [int(seed) for seed in _SEEDS.value]
    return plan.trainings(output / changed, [_TASK], [panel.config], seeds, tags.SUCCESS, bindings)


def episodes(job: plan.Job, panel: Panel, value: int | bool) -> list[float]:
    """Returns the success of each episode, 1 or 0, of a training that is done."""
    binding = panel.binding(value)
    if not panel.acts_alone or not binding:
        (path,) = job.folder.glob("eval/*/results.json")
        found = json.loads(path.read_text(encoding="utf-8"))["episodes"]
        return [episode[tags.SUCCESS] for episode in found]
    kept = job.folder / f"{binding.replace(' = ', '=')}_{_EPISODES.value}.json"
    if not kept.exists():
        restored = restored_lib.restore(job.folder, binding)
        found = restored_lib.successes(restored, _EPISODES.value, _NUM_ENVS)
        atomic_file.write_text(kept, json.dumps(found))
    return json.loads(kept.read_text(encoding="utf-8"))


def points(output: pathlib.Path, panel: Panel) -> list[dict]:
    """Returns the numbers of a panel, value by value."""
    found = []
    for value in panel.values:
        jobs = trainings(output, panel, value)
        of_seeds = [episodes(job, panel, value) for job in jobs]
        interval = statistics.seeds_and_episodes(of_seeds)
        mean, low, high = interval
        runs = {
            seed: [int(each) for each in one]
            for seed, one in zip(_SEEDS.value, of_seeds, strict=True)
        }
        found.append({"set_to": value, "mean": mean, "low": low, "high": high, "episodes": runs})
        print(f"{panel.title} {value}: {mean:.2f} [{low:.2f}, {high:.2f}]", flush=True)
    return found


def draw(rows: Mapping[str, Sequence[dict]]) -> figure.Figure:
    """Draws success over each number; the panels are those of the rows."""
    across = min(_COLUMNS, len(rows))
    down = -(-len(rows) // across)
    drawn = figure.Figure(figsize=(across * _INCHES, down * _INCHES), layout="constrained")
    grid = list(drawn.subplots(down, across, sharey=True, squeeze=False).flat)
    for name, of_panel in rows.items():
        _draw_panel(grid.pop(0), PANELS[name], of_panel)
    for place in grid:
        place.set_axis_off()
    drawn.axes[0].set_ylabel("success")
    return drawn


def _draw_panel(place: axes.Axes, panel: Panel, rows: Sequence[dict]) -> None:
    """Draws a panel; its values are equally far apart, the file's is a full dot."""
    for number, row in enumerate(rows):
        ends = [[row["mean"] - row["low"]], [row["high"] - row["mean"]]]
        fill = "C0" if row["set_to"] == panel.as_in_file else "white"
        place.errorbar(
            number, row["mean"], ends, fmt="o", color="C0", capsize=3, markerfacecolor=fill
        )
    place.set_xticks(range(len(rows)), [str(row["set_to"]) for row in rows])
    place.set_xlim(-0.5, len(rows) - 0.5)
    place.set_ylim(0, 1.02)
    place.set_xlabel(panel.title)
    place.grid(alpha=0.3)


def run() -> None:
    """Trains what is missing, and writes what has come of it."""
    output = pathlib.Path(_OUTPUT.value).expanduser().absolute()
    names = _PANELS.value or list(PANELS)
    if unknown := [name for name in names if name not in PANELS]:
        program.fail(f"--panels names {unknown[0]!r}, expected some of {', '.join(PANELS)}.")
    panels = [PANELS[name] for name in names]
    every = [job for p in panels for value in p.values for job in trainings(output, p, value)]
    jobs = list({job.folder: job for job in every}.values())
    for config in {panel.config for panel in panels}:
        recording = plan.recordings(output, [_TASK], [config], [])[_TASK]
        if error := executors.run_here(recording):
            program.fail(error)
    todo = [job for job in jobs if not job.is_done()]
    failures = executors.finish(executors.get("local", output), todo)
    for name, error in failures.items():
        print(f"failed: {name}: {error}")
    if failures:
        program.fail(f"{len(failures)} of {len(jobs)} runs are missing; try the same command again")
    kept = output / "ablations.json"
    known = json.loads(kept.read_text(encoding="utf-8"))["panels"] if kept.exists() else {}
    known |= {name: points(output, PANELS[name]) for name in names}
    rows = {name: known[name] for name in PANELS if name in known}
    command = f"python benchmarks/ablations.py --episodes={_EPISODES.value}"
    command += f" --seeds={','.join(_SEEDS.value)} --panels={','.join(rows)}"
    told = {"command": command, "computer": info.computer(), "panels": rows}
    atomic_file.write_text(kept, json.dumps(told) + "\n")
    draw(rows).savefig(output / "ablations.png", dpi=100)
    print(f"Wrote {kept} and {output / 'ablations.png'}")


def main(_) -> None:
    goes_on = "the same command goes on from here."
    with program.one_line_errors(False, f"interrupted; {goes_on}", f"terminated; {goes_on}"):
        run()


if __name__ == "__main__":
    app.run(main)
