"""The Python of README.md, docs/ and the notebooks, on shorter trainings."""

import pathlib
import types
from collections.abc import Mapping

import matplotlib
import numpy as np
import pytest

from scripts.docs_site import notebooks
from tests import documentation

# Pages whose blocks other tests run.
_ELSEWHERE = {
    "deploy.md": "deploy_test.py and examples/own_loop.py",
    "own_data.md": "own_data_example_test.py, own_arrays_test.py",
    "python_api.md": "ibc/notebook/training_test.py",
    "recipes.md": "architecture_test.py",
}
_HERE = ("method_energy.md", "method_samplers.md", "method_windows.md")
_WITH_A_RUN = ("README.md", "quickstart.md")
_WITH_STATES = ("formats.md", "maze.md", "near.md")
_PYTHON = [page for page in documentation.PAGES if documentation.fenced(page, "python")]
_PARTICLE = {
    "pos_agent": np.array([0.2, 0.3]),
    "vel_agent": np.zeros(2),
    "pos_first_goal": np.array([0.8, 0.4]),
    "pos_second_goal": np.array([0.3, 0.9]),
}
# A small network and few samples.
_SMALL = """bindings=["MLPEBM.width = 16", "MLPEBM.depth = 2", "train_eval.batch_size = 16",
    "train_eval.eval_episodes = 1", "train_eval.num_envs = 1", "IbcPolicy.num_action_samples = 16",
    """
_QUICK = "method='mse', bindings=['MLPMSE.width = 16', 'train_eval.batch_size = 32']"


def test_every_page_with_python_has_a_test():
    assert {page.name for page in _PYTHON} == {*_ELSEWHERE, *_HERE, *_WITH_A_RUN, *_WITH_STATES}


@pytest.mark.parametrize("name", _HERE)
def test_the_method_in_python(name, capsys):
    page = documentation.ROOT / "docs" / name
    for block in documentation.fenced(page, "python"):
        exec(compile(block, name, "exec"), {})
    printed = capsys.readouterr().out
    numbers = [line for line in printed.splitlines() if line]
    assert numbers
    if name == "method_windows.md":
        assert printed in documentation.fenced(page, "text")
    if name == "method_energy.md":
        assert "0.1698" in printed


def test_pairs_of_states_and_many_mazes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    states = np.random.default_rng(0).uniform(size=(20, 2))
    np.savez("maze_demos.npz", state=states, episode_ends=[5, 10, 20])
    names: dict = {}
    for name in _WITH_STATES:
        for block in documentation.fenced(documentation.ROOT / "docs" / name, "python"):
            exec(compile(block, name, "exec"), names)
    assert len(names["made"].train) + len(names["made"].test) == 20 - 3
    assert names["infos"]["final_obs"].shape == names["observations"].shape == (64, 2)
    assert (names["plan"].mean[:, 1] > 0.5).all()


def _run_notebook(name: str, shorter: Mapping[str, str] = types.MappingProxyType({})) -> dict:
    """Runs a notebook in the working folder, with texts replaced; returns its names."""
    names: dict = {}
    matplotlib.use("Agg")
    for kind, text in notebooks.cells(documentation.ROOT / "docs" / "notebooks" / f"{name}.ipynb"):
        if kind == "code":
            for given, value in shorter.items():
                text = text.replace(given, value)
            exec(compile(text, name, "exec"), names)
    return names


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory, particle_data):
    """A folder in which the notebook on the particle task has been run, and its names."""
    folder = tmp_path_factory.mktemp("notebooks")
    data = f'"train_eval.dataset_path = {particle_data!r}", '
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        shorter = {"STEPS = 2000": "STEPS = 100", "bindings=[": _SMALL + data}
        yield folder, _run_notebook("particle", shorter)


@pytest.mark.slow
def test_the_notebook_on_the_particle_task(folder):
    _, names = folder
    assert names["action"].shape == (2,) and names["result"].step == 100
    assert list(names["result"].averages) == ["PARTICLE"]


@pytest.mark.slow
def test_the_notebook_on_landscapes_draws_the_same_run(folder, monkeypatch):
    monkeypatch.chdir(folder[0])
    names = _run_notebook("landscapes")
    assert names["energies"].shape == (60, 60) and np.isfinite(names["energies"]).all()
    assert names["samples"].energies[0] == names["samples"].energies.min()


@pytest.mark.slow
def test_quickstart_loads_a_policy_and_acts(folder, monkeypatch):
    monkeypatch.chdir(folder[0])
    (block,) = documentation.fenced(documentation.ROOT / "docs" / "quickstart.md", "python")
    names = {"observation": _PARTICLE}
    exec(block.replace("runs/my_run", "runs/notebook_particle"), names)
    assert names["action"].shape == (2,)


@pytest.mark.slow
def test_the_notebook_and_the_readme_on_data_of_ones_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shorter = {"EPISODES, STEPS = 60, 2000": "EPISODES, STEPS = 8, 100", 'method="ebm"': _QUICK}
    names = _run_notebook("own_data", shorter)
    assert np.isfinite(names["hand"]).all() and "policy" in names["errors"]
    (block,) = documentation.fenced(documentation.ROOT / "README.md", "python")
    given = f'"datasets/hand/hand.tfrecord", root_dir="runs/readme", num_iterations=20, {_QUICK}'
    names = {"observation": {"hand_and_goal": np.zeros(4)}}
    exec(block.replace('"logs/"', given), names)
    assert names["action"].shape == (2,) and pathlib.Path(names["result"].folder).is_dir()
