"""Draws docs/images/multimodality.png: what policies make of demonstrations with two answers.

    python docs/pictures/multimodality.py

The particle's oracle visits the two goals in random order, and nothing in the first observation
tells which is next. Records 10,000 such first steps, trains an implicit policy, a mixture density
network and a regression on them by the command line, and asks each for actions at one observation
that none of them has seen. Takes some minutes; `--root_dir` keeps demonstrations and runs, and
what is there is not made again.
"""

import collections
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import tensorflow as tf
from absl import app, flags
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Circle

_REPOSITORY = pathlib.Path(__file__).absolute().parents[2]
_ROOT_DIR = flags.DEFINE_string("root_dir", None, "Folder of the runs; a temporary one if none.")
_OUTPUT = flags.DEFINE_string(
    "output", str(_REPOSITORY / "docs" / "images" / "multimodality.png"), "PNG to write."
)

TimeStep = collections.namedtuple("TimeStep", "step_type reward discount observation")

_NUM_SAMPLES, _BATCH = 400, 25
_START, _GOALS, _GOAL_DISTANCE = (0.5, 0.16), ((0.22, 0.62), (0.8, 0.76)), 0.05
_GOAL_COLORS, _RED, _GREY = ("#2e8b57", "#1f5fa8"), "#c0504d", "#555555"

_SHARED = """
train_eval.batch_size = 256
train_eval.num_iterations = 4000
train_eval.sequence_length = 1
train_eval.learning_rate = 2e-3
train_eval.learning_rate_schedule = 'cosine'
get_normalizers.nested_obs = True
get_normalizers.nested_actions = False
ResNetLayer.normalizer = None
{0}.layers = 'ResNetPreActivation'
{0}.width = 128
{0}.depth = 2
{0}.rate = 0.0
"""
_CONFIGS = {
    "implicit": _SHARED.format("MLPEBM")
    + """
train_eval.loss_type = 'ebm'
train_eval.network = 'MLPEBM'
compute_dataset_statistics.min_max_actions = True
ImplicitBCAgent.num_counter_examples = 32
ImplicitBCAgent.fraction_langevin_samples = 0.0
ImplicitBCAgent.add_grad_penalty = False
# Samples as they are distributed: refined ones would favour one answer.
IbcPolicy.num_action_samples = 16384
IbcPolicy.use_langevin = False
""",
    "mixture": _SHARED.format("MLPMDN")
    + """
train_eval.loss_type = 'mdn'
train_eval.network = 'MLPMDN'
MLPMDN.num_components = 8
MLPMDN.training_temperature = 1.0
MLPMDN.test_temperature = 1.0
""",
    "explicit": _SHARED.format("MLPMSE")
    + """
train_eval.loss_type = 'mse'
train_eval.network = 'MLPMSE'
""",
}
_TITLES = {
    "implicit": "implicit (EBM): samples, greedy action (gold)",
    "mixture": "mixture density (MDN): samples",
    "explicit": "regression (MSE): its only action",
}


def record(folder: pathlib.Path) -> str:
    """Records first steps of the oracle, unless they are there; returns their glob."""
    if not list(folder.glob("*.tfrecord")):
        _run(
            "data/policy_eval.py",
            "--task=PARTICLE",
            "--policy=oracle",
            "--num_episodes=5000",
            "--replicas=2",
            f"--dataset_path={folder / 'first_steps.tfrecord'}",
            "--gin_bindings=ParticleEnv.n_steps = 1",
            "--gin_bindings=ParticleOracle.multimodal = True",
        )
    return str(folder / "*.tfrecord")


def train(folder: pathlib.Path, method: str, data: str) -> pathlib.Path:
    """Trains a policy, unless that has been done; returns the folder of its SavedModels."""
    policies = folder / method / "policies"
    if (policies / "greedy_policy").exists():
        return policies
    config = folder / f"{method}.gin"
    config.write_text(_CONFIGS[method])
    _run(
        "ibc/train_eval.py",
        "--task=PARTICLE",
        "--skip_eval",
        f"--gin_file={config}",
        f"--tag={method}",
        f"--gin_bindings=train_eval.root_dir = '{folder}'",
        f"--gin_bindings=train_eval.dataset_path = '{data}'",
    )
    return policies


def actions(policy_folder: pathlib.Path, count: int) -> np.ndarray:
    """Returns `count` actions [count, 2] of an exported policy at the picture's observation."""
    policy = tf.saved_model.load(str(policy_folder))
    parts = dict(
        pos_agent=_START,
        vel_agent=(0.0, 0.0),
        pos_first_goal=_GOALS[0],
        pos_second_goal=_GOALS[1],
    )
    batch = min(count, _BATCH)
    observation = {
        name: tf.tile(tf.constant(part, tf.float32, [1, 1, 2]), [batch, 1, 1])
        for name, part in parts.items()
    }
    first = tf.zeros([batch], tf.int32)
    time_step = TimeStep(first, tf.zeros([batch]), tf.ones([batch]), observation)
    return np.concatenate([policy.action(time_step).action.numpy() for _ in range(0, count, batch)])


def draw(policies: dict[str, pathlib.Path], path: str) -> None:
    """Writes the figure: one panel per method."""
    figure = Figure((12.3, 4.6), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (method, folder) in zip(figure.subplots(1, 3), policies.items(), strict=True):
        _draw_scene(axes)
        axes.set_title(_TITLES[method], fontsize=12)
        if method != "explicit":
            samples = actions(folder / "policy", _NUM_SAMPLES)
            axes.plot(*samples.T, "o", color=_RED, markersize=5, alpha=0.3, markeredgewidth=0)
            _label_shares(axes, samples)
        if method != "mixture":
            axes.plot(
                *actions(folder / "greedy_policy", 1).T,
                "X",
                color="gold" if method == "implicit" else _RED,
                markersize=13,
                markeredgecolor="black",
            )
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def _draw_scene(axes: Axes) -> None:
    """Draws the observation: the point and its two goals, which it may visit in any order."""
    for goal, color in zip(_GOALS, _GOAL_COLORS, strict=True):
        axes.plot(*zip(_START, goal, strict=True), ":", color=_GREY, linewidth=1)
        axes.add_patch(Circle(goal, _GOAL_DISTANCE, color=color, alpha=0.35, linewidth=0))
    axes.plot(*_START, "o", markersize=9, color="black")
    axes.text(_START[0] + 0.04, _START[1], "the point, at rest", fontsize=10.5, va="center")
    axes.set(xlim=(0, 1), ylim=(0.05, 0.95), aspect="equal", xticks=[], yticks=[])


def _label_shares(axes: Axes, samples: np.ndarray) -> None:
    """Writes beside each goal how many of the samples reach it."""
    for goal, color in zip(_GOALS, _GOAL_COLORS, strict=True):
        share = np.mean(np.linalg.norm(samples - np.array(goal), axis=1) < _GOAL_DISTANCE)
        label = f"{share:.0%} of the samples"
        axes.text(goal[0], goal[1] + 0.075, label, color=color, fontsize=10.5, ha="center")


def _run(script: str, *arguments: str) -> None:
    subprocess.run([sys.executable, str(_REPOSITORY / script), *arguments], check=True)


def main(_) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        root = pathlib.Path(_ROOT_DIR.value or temporary).absolute()
        root.mkdir(parents=True, exist_ok=True)
        data = record(root / "demonstrations")
        draw({method: train(root, method, data) for method in _CONFIGS}, _OUTPUT.value)


if __name__ == "__main__":
    app.run(main)
