"""The commands of README.md and docs/, run one after the other as a reader would, made short.

`documented_commands_test` looks whether all of them are understood; here they do what they say.
"""

import fnmatch
import pathlib
import shutil
from collections.abc import Iterator

import pytest

from tests import commands, documentation, training

_ROOT = documentation.ROOT
_DEMONSTRATIONS = _ROOT.parent / "shared/data/pusht_demos.npz"
# Pages whose commands other tests run, and single commands: of other programs, or for hours.
_PAGES_ELSEWHERE = {
    "README.md": "scripts_test.py",
    "CONTRIBUTING.md": "all tests",
    "benchmark.md": "ibc/benchmark/benchmark_test.py",
    "coordinate_regression.md": "program_contract_test.py",
    "d4rl.md": "trained_configs_test.py and the tests of data/formats",
    "deploy.md": "deploy_test.py",
    "distributed.md": "distributed_test.py",
    "dm_control.md": "environments/dm_control, data/generate_videos_test.py",
    "drq.md": "ibc/online/drq/experiment_test.py",
    "formats.md": "formats_example_test.py, own_data_training_test.py",
    "installation.md": "scripts_test.py",
    "near.md": "ibc/ncsn/experiment_test.py and the tests of ibc/online/on_policy",
    "own_data.md": "own_data_example_test.py",
    "own_environment.md": "any_environment_test.py",
    "performance.md": "scripts_test.py",
    "recipes.md": "architecture_test.py",
    "tensorboard.md": "a program of others",
    "video_imitation.md": "data/generate_videos_test.py, ibc/video_encoder/experiment_test.py",
}
_ELSEWHERE = {
    "./quickstart.sh": "scripts_test.py",
    "ibc-benchmark *": "ibc/benchmark/benchmark_test.py",
    "tensorboard *": "a program of others",
    "python benchmarks/*": "scripts_test.py runs what they measure with",
    "python docs/pictures/*": "takes minutes",
    "python examples/two_modes.py": "two_modes_test.py",
    "python -m pybullet_utils.runServer": "needs a screen",
    "* --shared_memory": "needs a screen",
    "python ibc/train_eval.py *--gin_file=hybrid_ebm_quick.gin *": "hybrid_training_test.py",
    "python data/policy_eval.py *--use_image_obs *": "the same",
    "python ibc/train_eval.py *--gin_file=pixel_ebm_quick.gin *": "trained_configs_test.py",
    "python ibc/train_eval.py *--gin_file=pixel_hybrid_ebm_quick.gin *": "the same",
    "*--task=PUSHT *--viz_img *": "ibc/pictures",
    "python ibc/online_train_eval.py --algorithm=GAIL --task=h*": "trains for hours",
    "* --sweep=*": "ibc/sweep",
    "ibc-report runs/online": "test_learning_by_interaction",
    "ibc-tune *": "ibc/tune",
}
_MODULES = {
    "ibc/train_eval.py": "ibc.train_eval",
    "ibc/online_train_eval.py": "ibc.online_train_eval",
    "data/policy_eval.py": "ibc.data.policy_eval",
}
_SHORT = {
    **training.SMALL_NETWORKS,
    **training.bound(
        "train_eval",
        root_dir="runs",
        num_iterations=2,
        batch_size=16,
        eval_episodes=1,
        num_envs=1,
        eval_interval=2,
    ),
    "IbcPolicy.num_action_samples": 16,
}
# Of what is trained on the particle task; the pages look at the fifth step.
_SHORT_EPISODES = {"ParticleEnv.n_steps": 8}
_SHORT_FLAGS = {"--num_episodes": "2", "--replicas": "1"}
_SHORT_ONLINE = (
    "steps=60",
    "training.start=30",
    "evaluation.interval=60",
    "evaluation.episodes=1",
    "imitation.trajectories=2",
)


def test_every_page_is_run_somewhere():
    pages = {page.name for page in documentation.PAGES if any(documentation.commands(page))}
    here = {"block_pushing.md", "inference.md", "landscapes.md", "maze.md", "online_imitation.md"}
    here |= {"particle.md", "pusht.md", "quickstart.md", "report.md", "sequences.md", "tasks.md"}
    assert pages == here | _PAGES_ELSEWHERE.keys()


@pytest.fixture(scope="module", name="particle")
def _particle(tmp_path_factory) -> pathlib.Path:
    """A folder in which the page on the particle task has been followed, and the quickstart."""
    folder = tmp_path_factory.mktemp("particle")
    _run_page("particle.md", folder)
    (folder / "runs/quickstart").mkdir()
    (folder / "runs/quickstart/particle").symlink_to(folder / "runs/my_run")
    return folder


@pytest.mark.slow
def test_the_particle_task(particle):
    assert list(particle.glob("runs/my_run/rollouts/**/*.mp4"))
    assert list(particle.glob("runs/langevin/*/train"))


@pytest.mark.slow
def test_landscapes(particle):
    _run_page("landscapes.md", particle)
    pictures = particle / "runs/my_run/landscape"
    assert {path.suffix for path in pictures.iterdir()} == {".mp4", ".png"}


@pytest.mark.slow
def test_acting_fast(particle):
    _run_page("inference.md", particle)


@pytest.mark.slow
def test_comparing_runs(particle):
    (other,) = particle.glob("runs/langevin/*")
    (particle / "runs/regression").symlink_to(other)
    _run_page("report.md", particle)
    assert len((particle / "report.csv").read_text(encoding="utf-8").splitlines()) == 3


@pytest.mark.slow
def test_block_pushing(tmp_path):
    pytest.importorskip("pybullet")
    for page in ("block_pushing.md", "tasks.md", "quickstart.md"):
        _run_page(page, tmp_path)
    assert list((tmp_path / "runs/my_run/rollouts").glob("**/*.mp4"))


@pytest.mark.slow
def test_the_maze(tmp_path):
    _run_page("maze.md", tmp_path)


@pytest.mark.slow
def test_learning_by_interaction(tmp_path):
    _run_page("online_imitation.md", tmp_path)
    _run(["ibc-report", "runs/online"], tmp_path)
    assert len((tmp_path / "report.csv").read_text(encoding="utf-8").splitlines()) == 3


@pytest.mark.slow
def test_action_sequences(tmp_path):
    if not _DEMONSTRATIONS.exists():
        pytest.skip(f"the demonstrations are not here: {_DEMONSTRATIONS}")
    shutil.copy(_DEMONSTRATIONS, tmp_path)
    for page in ("sequences.md", "pusht.md"):
        _run_page(page, tmp_path)
    assert list((tmp_path / "runs/pusht").glob("**/results.json"))


def _run_page(name: str, folder: pathlib.Path) -> None:
    """Runs the commands of a page in a folder, recordings first."""
    found = [words for words in documentation.commands(_ROOT / "docs" / name) if _is_ours(words)]
    for words in sorted(found, key=lambda words: not _records(words)):
        _run(words, folder)


def _run(words: list[str], folder: pathlib.Path) -> None:
    module, given = _module(words)
    arguments = [*_shortened(given), *_shortening(module, "--task=PARTICLE" in given)]
    done = commands.python_at_once("-m", module, *arguments, cwd=folder)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}{done.stderr}"


def _is_ours(words: list[str]) -> bool:
    return not any(fnmatch.fnmatch(" ".join(words), known) for known in _ELSEWHERE)


def _records(words: list[str]) -> bool:
    return any(word.startswith(("--policy=", "convert")) for word in words)


def _module(words: list[str]) -> tuple[str, list[str]]:
    if words[0] == "python":
        return _MODULES[words[1]], words[2:]
    return commands.MODULES[words[0]].__name__, words[1:]


def _shortened(arguments: list[str]) -> Iterator[str]:
    for argument in arguments:
        flag, equals, _ = argument.partition("=")
        yield f"{flag}={_SHORT_FLAGS[flag]}" if equals and flag in _SHORT_FLAGS else argument


def _shortening(module: str, particle: bool) -> list[str]:
    if module == "ibc.online_train_eval":
        return [f"--set={setting}" for setting in _SHORT_ONLINE]
    if module in ("ibc.train_eval", "ibc.benchmark.__main__"):
        values = {**_SHORT, **(_SHORT_EPISODES if particle else {})}
        return [f"--gin_bindings={binding}" for binding in training.bindings(values)]
    return []
