"""The recipes of docs/recipes.md, in a copy of the library that nothing else is changed in."""

import os
import pathlib
import re
import shutil

import pytest

from tests import commands

_ROOT = pathlib.Path(__file__).parent.parent
_PAGE = (_ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
_RECIPES = dict(re.findall(r"```python\n# (\S+)\n(.*?)```", _PAGE, flags=re.DOTALL))
_QUICK = (
    "train_eval.num_iterations = 20",
    "train_eval.batch_size = 32",
    "train_eval.eval_episodes = 2",
    "train_eval.sequence_length = 1",
    "train_eval.dataset_path = 'line*.tfrecord'",
    "train_eval.root_dir = 'runs'",
    "IbcPolicy.num_action_samples = 64",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Returns a function that runs a module of the copy; it returns what the command logged."""
    site, folder = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("elsewhere")
    shutil.copytree(_ROOT / "ibc", site / "ibc")
    for name in ("environments", "data", "networks", "configs"):
        shutil.copytree(_ROOT / name, site / "ibc" / name)
    for path, text in _RECIPES.items():
        target = site / "ibc" / path.removeprefix("ibc/")
        assert not target.exists()
        target.parent.mkdir(exist_ok=True)
        target.write_text(text)
        (target.parent / "__init__.py").touch()

    def command(module, *arguments):
        environment = {**os.environ, "PYTHONPATH": str(site)}
        done = commands.python("-m", module, *arguments, cwd=folder, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    oracle = ("--task=LINE", "--policy=oracle", "--num_episodes=5", "--dataset_path=line.tfrecord")
    recorded = command("ibc.data.policy_eval", *oracle)
    assert re.search(r"Success\w*\W+1\.0", recorded), recorded
    return command


def test_there_is_a_recipe_for_each_kind():
    rooms = {path.rpartition("/")[0] for path in _RECIPES}
    assert rooms == {
        "data/formats",
        "environments/line",
        "ibc/agents",
        "ibc/losses",
        "ibc/samplers",
        "networks",
    }
    for recipe in _PAGE.split("\n## ")[1:]:
        name, _, text = recipe.partition("\n")
        steps = re.findall(r"^\*\*(\d+)\.\*\* ", text, flags=re.MULTILINE)
        assert len(steps) > 1 and steps == [str(1 + index) for index in range(len(steps))], name


@pytest.mark.slow
@pytest.mark.parametrize(
    "bindings",
    [
        (
            "train_eval.network = 'QuadraticEBM'",
            "ImplicitBCAgent.sampler = @hill_climbing()",
            "ImplicitBCAgent.ebm_loss_type = 'hinge'",
            "hinge.margin = 2.0",
            "ImplicitBCAgent.add_grad_penalty = False",
            "IbcPolicy.sampler = @hill_climbing()",
            "hill_climbing.num_iterations = 3",
        ),
        ("train_eval.network = 'MLPMSE'", "train_eval.loss_type = 'huber'"),
    ],
)
def test_recipes_train_and_act(run, bindings):
    config = "mlp_mse_quick.gin" if "'MLPMSE'" in bindings[0] else "mlp_ebm_quick.gin"
    flags = [f"--gin_bindings={binding}" for binding in (*_QUICK, *bindings)]
    tag = config.partition(".")[0]
    log = run("ibc.train_eval", "--task=LINE", f"--gin_file={config}", f"--tag={tag}", *flags)
    assert "AverageReturn = " in log and "loss" in log


@pytest.mark.slow
def test_the_converter_of_the_recipe_converts(run, tmp_path):
    table = tmp_path / "demonstrations.csv"
    rows = ("0,1,2,0.5", "0,3,4,0.6", "1,5,6,0.7", "1,7,8,0.8", "1,9,10,0.9")
    table.write_text("\n".join(("episode_index,action.0,action.1,position", *rows)))
    converted = str(tmp_path / "demonstrations.tfrecord")
    run("ibc.data.ibc_data", "convert", str(table), converted)
    described = run("ibc.data.ibc_data", "info", converted)
    assert "7 frames, 2 episodes" in described and "min   1 2\n" in described, described
