"""Draws docs/images/two_modes.png: where demonstrations go two ways, a regression goes between.

    python examples/two_modes.py

A puck is to be shot through a wall that has two gates. Half of the demonstrations take the left
one, half the right one. An implicit policy and a regression learn from the same demonstrations, by
`ibc.train_policy`. Takes about a minute on two CPU cores; `--root_dir` keeps data and runs, and
what is there is not made again.
"""

import pathlib
import tempfile

import numpy as np
from absl import app, flags

_REPOSITORY = pathlib.Path(__file__).absolute().parents[1]
_ROOT_DIR = flags.DEFINE_string("root_dir", None, "Folder of the runs; a temporary one if none.")
_OUTPUT = flags.DEFINE_string(
    "output", str(_REPOSITORY / "docs" / "images" / "two_modes.png"), "PNG to write."
)
_STEPS = flags.DEFINE_integer("steps", 1500, "Training steps of each policy.")

GATES, HALF_WIDTH, WALL = (-0.4, 0.4), 0.1, 1.0
"""Where the gates are in the wall, how wide, and how far away the wall is."""
_TRIALS, _DEMONSTRATIONS, _NEAR = 40, 6000, 0.02
_BINDINGS = (
    "train_eval.sequence_length = 1",
    "train_eval.batch_size = 256",
    "train_eval.learning_rate = 2e-3",
    "train_eval.validation_ratio = 0.0",
)
_INK, _IMPLICIT, _REGRESSION = "#444444", "#e8532f", "#7b3fa0"


def starts(count: int, seed: int) -> np.ndarray:
    """Returns where the puck lies, [count, 2]."""
    return np.random.default_rng(seed).uniform([-0.3, -0.05], [0.3, 0.05], [count, 2])


def demonstrations() -> tuple[np.ndarray, np.ndarray]:
    """Returns where the puck lay, [n, 2], and its velocity after the shot, [n, 2]."""
    random, lay = np.random.default_rng(0), starts(_DEMONSTRATIONS, seed=1)
    gates = random.choice(GATES, _DEMONSTRATIONS) + 0.02 * random.normal(size=_DEMONSTRATIONS)
    ways = np.stack([gates, np.full(_DEMONSTRATIONS, WALL)], axis=1) - lay
    return np.float32(lay), np.float32(ways * random.uniform(0.8, 1.2, [_DEMONSTRATIONS, 1]))


def train(root: pathlib.Path, method: str, steps: int):
    """Trains a policy on the demonstrations, unless that has been done."""
    import ibc
    from ibc.data import episodes

    data = root / "demonstrations.tfrecord"
    if not data.exists():
        episodes.write_episodes(data, _episodes())
    config = ibc.TrainConfig(
        data, method=method, num_iterations=steps, root_dir=root / method, bindings=_BINDINGS
    )
    return ibc.train_policy(config).policy(seed=0)


def _episodes():
    """Yields the demonstrations as episodes of one step."""
    from ibc.data import episodes

    for lay, velocity in zip(*demonstrations(), strict=True):
        yield episodes.Episode(lay[np.newaxis], velocity[np.newaxis])


def shots(policy, lay: np.ndarray) -> np.ndarray:
    """Returns the velocities [n, 2] that a policy gives pucks that lie at [n, 2]."""
    policy.reset(len(lay))
    return policy(np.float32(lay))


def crossings(lay: np.ndarray, velocities: np.ndarray) -> np.ndarray:
    """Returns where pucks cross the wall's line, [n]."""
    return lay[:, 0] + (WALL - lay[:, 1]) * velocities[:, 0] / velocities[:, 1]


def passes(places: np.ndarray) -> np.ndarray:
    """Tells of places [n] on the wall's line whether they are in a gate."""
    return np.abs(places[:, np.newaxis] - np.array(GATES)).min(axis=1) < HALF_WIDTH


def draw(implicit, regression, path: str) -> dict[str, int]:
    """Writes the figure; returns how many shots of each pass a gate."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from ibc.pictures import animation

    figure = Figure((12.0, 4.6), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    left, middle, right = figure.subplots(1, 3)
    lay, velocities = (each[:_TRIALS] for each in demonstrations())
    _draw_scene(left, lay, velocities, _INK)
    left.set_title("People shoot through either gate", fontsize=14)
    _draw_energy(middle, implicit, regression)
    counts, lay = {}, starts(_TRIALS, seed=2)
    for name, policy, color in (
        ("regression (MSE)", regression, _REGRESSION),
        ("implicit", implicit, _IMPLICIT),
    ):
        velocities = shots(policy, lay)
        counts[name] = int(passes(crossings(lay, velocities)).sum())
        _draw_scene(right, lay, velocities, color)
        label = f"{name}: {counts[name]} of {_TRIALS} pass"
        right.plot([], [], color=color, lw=2.5, label=label)
    right.set_title("The policies that learned from them", fontsize=14)
    right.legend(loc="lower center", fontsize=11, edgecolor="#cccccc")
    animation.write_png(figure, path)
    return counts


def _draw_scene(axes, lay: np.ndarray, velocities: np.ndarray, color: str) -> None:
    """Draws wall and gates, and each puck's way to the wall, or through a gate."""
    edges = [-0.75, *(gate + side * HALF_WIDTH for gate in GATES for side in (-1, 1)), 0.75]
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        axes.plot([begin, end], [WALL, WALL], color="#999999", lw=7, solid_capstyle="butt")
    places = crossings(lay, velocities)
    for start, place, is_through in zip(lay, places, passes(places), strict=True):
        end = start + (np.array([place, WALL]) - start) * (1.22 if is_through else 0.98)
        axes.plot(*np.stack([start, end]).T, color=color, alpha=0.45, lw=1.3, zorder=2)
    axes.plot(*lay.T, "o", color=_INK, ms=3, zorder=3)
    axes.set(xlim=(-0.75, 0.75), ylim=(-0.42, 1.25), aspect="equal", xticks=(), yticks=())
    axes.spines[:].set_color("#cccccc")


def _draw_energy(axes, implicit, regression) -> None:
    """Draws the energy for a puck in the middle, with what was demonstrated and what is done."""
    from ibc.pictures import energy, plane

    puck, limits = np.zeros(2, np.float32), np.float32([[-0.75, 0.3], [0.75, 1.5]])
    over = plane.of_dimensions(puck, *limits, names=("velocity to the right", "velocity up"))
    implicit.reset()
    energy.draw(
        axes,
        over.landscape(lambda actions: implicit.energies(puck, np.float32(actions))),
        over.labels,
        scale=False,
    )
    lay, done = demonstrations()
    done = done[np.abs(lay[:, 0]) < _NEAR]
    axes.plot(*done.T, "o", color=energy.SAMPLES, ms=3.5, alpha=0.5, mew=0, label="shown")
    mark = dict(linestyle="", mec="white", mew=1.6, zorder=5)
    for name, policy, marker, color in (
        ("implicit", implicit, "o", _IMPLICIT),
        ("regression", regression, "X", _REGRESSION),
    ):
        velocity = shots(policy, puck[np.newaxis])[0]
        axes.plot(*velocity, marker, color=color, ms=14, label=name, **mark)
    axes.set(xticks=(), yticks=())
    axes.xaxis.label.set_size(12)
    axes.yaxis.label.set_size(12)
    axes.legend(loc="lower center", fontsize=11, ncols=3, handletextpad=0.1, columnspacing=0.8)
    axes.set_title("The energy (blue: low) keeps both", fontsize=14)


def main(_) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        root = pathlib.Path(_ROOT_DIR.value or temporary).absolute()
        root.mkdir(parents=True, exist_ok=True)
        implicit, regression = (train(root, method, _STEPS.value) for method in ("ebm", "mse"))
        for name, count in draw(implicit, regression, _OUTPUT.value).items():
            print(f"{name}: {count} of {_TRIALS} shots pass a gate")


if __name__ == "__main__":
    app.run(main)
