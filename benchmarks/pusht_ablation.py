"""What makes policies over action sequences work on Push-T: frames, chunks, replanning, components.

    python benchmarks/pusht_ablation.py --dataset_path=datasets/pusht/pusht.tfrecord --minutes=3

Trains every variant for the same processor time with three seeds by the command line, evaluates
each at every replanning interval, and prints the table as Markdown: mean score over seeds ± its
standard error, the share of starts solved, and the share of steps in which the disc stands still.
How many steps fit into the time is measured first, by short runs that are thrown away. What has
finished is not run again.
"""

import dataclasses
import json
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence

from absl import app, flags

_ROOT_DIR = flags.DEFINE_string("root_dir", "runs/pusht_ablation", "Folder of the runs.")
_DATASET_PATH = flags.DEFINE_string("dataset_path", None, "Record file.", required=True)
_MINUTES = flags.DEFINE_float("minutes", 3.0, "Processor time to train each run.")
_SEEDS = flags.DEFINE_list("seeds", ["0", "1", "2"], "Training seeds.")
_VARIANTS = flags.DEFINE_list("variants", None, "Names of variants; all if not given.")
_EPISODES = flags.DEFINE_integer("episodes", 50, "Starts to evaluate on.")
_FIRST_SEED = flags.DEFINE_integer("first_seed", 100000, "Published seed of the first start.")

_REPOSITORY = pathlib.Path(__file__).parent.parent
_FEWEST_TRIAL_STEPS = 1
# Starting the program takes seconds of processor time, which differ from run to run.
_TRIAL_SECONDS = 12.0
_METRICS = ("AverageMaxReward", "AverageSuccessMetric", "AverageStandingStill")
_ABSOLUTE = ("sequence_coding.reference = None", "sequence_coding.components = None")
_UNIFORM = ("sequence_coding.counter_examples = 'uniform'",)
_ONE_STEP = (
    "train_eval.action_horizon = 1",
    "train_eval.horizon = 2",
    "train_eval.action_steps = 1",
)


@dataclasses.dataclass(frozen=True)
class Variant:
    """A config, what is bound besides, and the replanning intervals to evaluate at."""

    config: str
    bindings: tuple[str, ...] = ()
    action_steps: tuple[int, ...] = (8, 4, 2)


def variants() -> dict[str, Variant]:
    """Returns name → variant, in the order of the table's rows."""
    found = {}
    for loss, config in (("EBM", "mlp_ebm_quick"), ("MSE", "mlp_mse_quick")):
        whole = ("sequence_coding.components = None",)
        negatives = _UNIFORM if loss == "EBM" else ()
        found |= {
            f"{loss} from the agent in 6 components": Variant(config, action_steps=(4,)),
            f"{loss} from the agent in whole chunks": Variant(config, (*whole, *negatives)),
            f"{loss} absolute in whole chunks": Variant(config, (*_ABSOLUTE, *negatives)),
            f"{loss} from the agent in single steps": Variant(
                config, (*whole, *negatives, *_ONE_STEP), (1,)
            ),
            f"{loss} absolute in single steps": Variant(
                config, (*_ABSOLUTE, *negatives, *_ONE_STEP), (1,)
            ),
        }
    return found | {"as published": Variant("ibc_dfo_lowdim", (), (1,))}


def train(folder: pathlib.Path, variant: Variant, seed: str, bindings: Sequence[str]) -> float:
    """Trains, or goes on; returns the processor time it took, in seconds."""
    given = [
        f"train_eval.root_dir = '{folder}'",
        f"train_eval.dataset_path = '{pathlib.Path(_DATASET_PATH.value).absolute()}'",
        f"train_eval.seed = {seed}",
        f"train_eval.eval_episodes = {_EPISODES.value}",
        f"train_eval.num_envs = {_EPISODES.value}",
        f"PushTEnv.first_seed = {_FIRST_SEED.value}",
        # Nothing of the time goes into evaluations.
        "train_eval.eval_interval = 0",
        "train_eval.top_k_metric = None",
        *variant.bindings,
        *bindings,
    ]
    command = [sys.executable, _REPOSITORY / "ibc/train_eval.py", "--task=PUSHT"]
    command += [f"--gin_file={variant.config}.gin"]
    command += [f"--gin_bindings={binding}" for binding in given]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def steps_in_time(folder: pathlib.Path, variant: Variant) -> int:
    """Measures how many training steps fit into the time, once."""
    remembered = folder / "steps.json"
    if not remembered.exists():
        without = _trial(folder, variant, _FEWEST_TRIAL_STEPS)
        more, seconds = _FEWEST_TRIAL_STEPS, 0.0
        while seconds < _TRIAL_SECONDS:
            more *= 4
            seconds = _trial(folder, variant, _FEWEST_TRIAL_STEPS + more) - without
        seconds_per_step = seconds / more
        steps = int(60 * _MINUTES.value / seconds_per_step)
        remembered.write_text(json.dumps(max(1, steps)))
    return json.loads(remembered.read_text())


def _trial(folder: pathlib.Path, variant: Variant, steps: int) -> float:
    """Returns the processor time of a run of a few steps, in seconds."""
    trial = folder / "trial"
    bindings = [f"train_eval.num_iterations = {steps}", "train_eval.skip_eval = True"]
    took = train(trial, variant, "0", bindings)
    shutil.rmtree(trial)
    return took


def outcomes(folder: pathlib.Path, variant: Variant, seed: str) -> dict[int, dict[str, float]]:
    """Trains with one seed; returns replanning interval → averages over the starts."""
    steps, found = steps_in_time(folder, variant), {}
    for interval in variant.action_steps:
        run = folder / f"seed_{seed}"
        kept = run / f"every_{interval}.json"
        if not kept.exists():
            # The weights are there from the second interval on: only the evaluation is made.
            bindings = [f"train_eval.num_iterations = {steps}"]
            train(run, variant, seed, [*bindings, f"train_eval.action_steps = {interval}"])
            results = json.loads((run / "eval/PushT-v0/results.json").read_text())
            kept.write_text(json.dumps(results["averages"]))
        found[interval] = json.loads(kept.read_text())
    return found


def main(_) -> None:
    root = pathlib.Path(_ROOT_DIR.value).absolute()
    print("| variant | steps | replanned every | score | solved | standing still |")
    print("|---|---|---|---|---|---|")
    for number, (name, variant) in enumerate(variants().items()):
        if _VARIANTS.value and name not in _VARIANTS.value:
            continue
        folder = root / f"variant_{number}"
        folder.mkdir(parents=True, exist_ok=True)
        by_seed = [outcomes(folder, variant, seed) for seed in _SEEDS.value]
        for interval in variant.action_steps:
            scores, solved, still = (
                [found[interval][metric] for found in by_seed] for metric in _METRICS
            )
            print(
                f"| {name} | {steps_in_time(folder, variant)} | {interval} | "
                f"{interval_of(scores)} | {statistics.mean(solved):.0%} | "
                f"{statistics.mean(still):.0%} |",
                flush=True,
            )


def interval_of(scores: Sequence[float]) -> str:
    """Returns the mean over seeds ± its standard error."""
    error = statistics.stdev(scores) / len(scores) ** 0.5 if len(scores) > 1 else 0.0
    return f"{statistics.mean(scores):.3f} ± {error:.3f}"


if __name__ == "__main__":
    app.run(main)
