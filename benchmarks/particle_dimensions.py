"""Success of implicit and explicit policies on the particle task, over its number of dimensions.

    python benchmarks/particle_dimensions.py --root_dir=runs/particle_dimensions

Records demonstrations of each dimension, trains every quick config on them by the command line,
and prints the table as Markdown. What has finished is not run again; what was interrupted goes on,
but its minutes are then those since it went on.
"""

import json
import pathlib
import subprocess
import sys
import time

from absl import app, flags

_ROOT_DIR = flags.DEFINE_string("root_dir", "runs/particle_dimensions", "Folder of the runs.")
_DIMENSIONS = flags.DEFINE_list("dimensions", ["2", "4", "8", "16"], "Numbers of dimensions.")
_CONFIGS = flags.DEFINE_list(
    "configs",
    ["mlp_ebm_langevin_quick", "mlp_ebm_quick", "mlp_ebm_autoregressive_quick", "mlp_mse_quick"],
    "Configs of the particle task.",
)
_NUM_EPISODES = flags.DEFINE_integer("num_episodes", 50, "Evaluation episodes.")

_REPOSITORY = pathlib.Path(__file__).parent.parent


def record(folder: pathlib.Path, dimensions: str) -> str:
    """Records 2,000 oracle episodes unless they are there; returns their glob."""
    if not list(folder.glob("*.tfrecord")):
        _run(
            "data/policy_eval.py",
            "--task=PARTICLE",
            "--policy=oracle",
            "--num_episodes=1000",
            "--replicas=2",
            f"--dataset_path={folder / 'oracle.tfrecord'}",
            f"--gin_bindings=ParticleEnv.n_dim = {dimensions}",
        )
    return str(folder / "oracle*.tfrecord")


def train(folder: pathlib.Path, config: str, dimensions: str, data: str) -> dict:
    """Trains and evaluates one policy unless that has been done; returns its row of the table."""
    finished = folder / f"{folder.name}.json"
    if not finished.exists():
        start = time.monotonic()
        _run(
            "ibc/train_eval.py",
            "--task=PARTICLE",
            f"--gin_file={config}.gin",
            f"--tag={folder.name}",
            f"--gin_bindings=train_eval.root_dir = '{folder.parent}'",
            f"--gin_bindings=train_eval.dataset_path = '{data}'",
            f"--gin_bindings=train_eval.eval_episodes = {_NUM_EPISODES.value}",
            "--gin_bindings=train_eval.eval_interval = 0",
            f"--gin_bindings=ParticleEnv.n_dim = {dimensions}",
        )
        minutes = (time.monotonic() - start) / 60
        results = json.loads((folder / "eval" / "Particle-v0" / "results.json").read_text())
        row = {
            "steps": results["step"],
            "minutes": round(minutes, 1),
            "success": results["averages"]["AverageSuccessMetric"],
        }
        temporary = finished.with_suffix(".tmp")
        temporary.write_text(json.dumps(row))
        temporary.rename(finished)
    return json.loads(finished.read_text())


def _run(script: str, *arguments: str) -> None:
    subprocess.run([sys.executable, _REPOSITORY / script, *arguments], check=True)


def main(_) -> None:
    root = pathlib.Path(_ROOT_DIR.value).absolute()
    rows = {config: [] for config in _CONFIGS.value}
    for dimensions in _DIMENSIONS.value:
        data = record(root / f"demonstrations_{dimensions}", dimensions)
        for config, cells in rows.items():
            row = train(root / f"{config}_{dimensions}", config, dimensions, data)
            cells.append(f"{row['success']:.2f} ({row['steps']:,} steps, {row['minutes']} min)")
    print("| config |", " | ".join(f"{n}-D" for n in _DIMENSIONS.value), "|")
    print("|---" * (1 + len(_DIMENSIONS.value)) + "|")
    for config, cells in rows.items():
        print(f"| `{config}.gin` |", " | ".join(cells), "|")


if __name__ == "__main__":
    app.run(main)
