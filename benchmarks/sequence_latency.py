"""Latency of policies over action sequences, exported and loaded with plain TensorFlow.

    python benchmarks/sequence_latency.py
    python benchmarks/sequence_latency.py --saved_model_path=runs/my_run/policies/greedy_policy

Prints milliseconds at batch 1, median / 95th percentile, as Markdown: the first call, which also
sets TensorFlow up; calls that plan a chunk; the calls in between; and the time per executed action,
which is that of all calls from one planning to the next over their number. Without
--saved_model_path, policies of Push-T are trained for a step on random data and exported, which
take as long to act as others.
"""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from absl import app, flags

# isort: split
import exported_policies

_IMAGES = (
    "train_eval.network = 'HybridEBM'",
    "HybridEncoder.trunk = 'SmallTrunk'",
    "HybridEncoder.crop_shape = (84, 84)",
    "HybridEBM.width = 256",
    "HybridEBM.depth = 3",
)
_POLICIES = {
    "mlp_ebm_quick": ("mlp_ebm_quick.gin", ()),
    "mlp_mse_quick": ("mlp_mse_quick.gin", ()),
    "images_ebm_small_trunk": ("mlp_ebm_quick.gin", _IMAGES),
}
"""Name of a policy → its config, and what is bound besides."""
_ONE_STEP = ("train_eval.num_iterations = 1", "train_eval.batch_size = 8")
_WARM_UP_CHUNKS = 5


def export(folder: pathlib.Path) -> list[str]:
    """Exports greedy policies of `_POLICIES` after a training step; returns their paths."""
    from ibc.utils import startup

    startup.import_tensorflow_quietly()

    # isort: split
    from tf_agents.specs import tensor_spec

    from ibc.environments import suite

    sys.path.append(str(pathlib.Path(__file__).parent.parent))
    from tests import shard_testing, training

    paths = []
    for name, (config, bindings) in _POLICIES.items():
        image_obs = bindings == _IMAGES
        environment = suite.load("PUSHT", use_image_obs=image_obs)
        specs = environment.observation_spec(), environment.action_spec()
        spec = shard_testing.frame_spec(*map(tensor_spec.from_spec, specs))
        data = shard_testing.write(folder / f"{name}.tfrecord", [50] * 4, spec)
        given = [*bindings, *_ONE_STEP, f"train_eval.dataset_path = '{data}'"]
        options = dict(image_obs=image_obs, skip_eval=True)
        training.run(config, given, folder / name, ["PUSHT"], **options)
        paths.append(str(folder / name / "policies" / "greedy_policy"))
    return paths


def row(path: str, num_actions: int) -> str:
    """Measures an exported policy; returns its row of the table."""
    chunks: list[list[float]] = []
    for milliseconds, state in exported_policies.acts(path, num_actions):
        if state["executed"] == 1:
            chunks.append([])
        chunks[-1].append(milliseconds)
    first = chunks[0][0]
    # What it was stopped in is no whole chunk.
    whole = np.array(chunks[_WARM_UP_CHUNKS:-1])
    name = pathlib.Path(path).parent.parent.name
    columns = [whole[:, 0], whole[:, 1:], whole.mean(axis=1)]
    cells = [_median_and_tail(times) if times.size else "–" for times in columns]
    return f"| {name} | {whole.shape[1]} | {first:.0f} | {' | '.join(cells)} |"


def _median_and_tail(times: np.ndarray) -> str:
    return f"{np.median(times):.2f} / {np.percentile(times, 95):.2f}"


def main(_) -> None:
    paths = flags.FLAGS.saved_model_path
    if not paths:
        with tempfile.TemporaryDirectory() as folder:
            # A process of its own, which never imports this package.
            arguments = [f"--saved_model_path={path}" for path in export(pathlib.Path(folder))]
            arguments.append(f"--num_actions={flags.FLAGS.num_actions}")
            subprocess.run([sys.executable, __file__, *arguments], check=True)
        return
    print(
        "| policy | actions executed | first call | planning call | call in between "
        "| per executed action |\n|---|---|---|---|---|---|"
    )
    for path in paths:
        print(row(path, flags.FLAGS.num_actions), flush=True)


if __name__ == "__main__":
    app.run(main)
