"""Policies as ONNX and TFLite graphs act as the SavedModels they were made of."""

import pathlib
import shutil

import numpy as np
import pytest

import ibc
from ibc.deploy import graphs
from ibc.runtime import description as description_lib
from ibc.train.run import policy_parts
from tests import commands, policy_testing

pytest.importorskip("onnxruntime")
pytest.importorskip("tf2onnx")
pytest.importorskip("ai_edge_litert")

_OTHERS = ("warm", "andy", "kevin", "energy_sampling", "regression", "mixture", "mode", "chunks")
_SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in _OTHERS]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Returns a function from a policy's name to the folder of its SavedModel."""
    folder = tmp_path_factory.mktemp("exported")
    made: dict[str, pathlib.Path] = {}

    def export(name):
        if name not in made:
            made[name] = policy_testing.export(name, folder)
        return made[name]

    return export


def _same_actions(source, target, batch_size=None):
    rows = () if batch_size is None else (batch_size,)
    observations = policy_testing.observations(8, rows)
    expected, found = (ibc.load_policy(path, seed=5) for path in (source, target))
    for policy in (expected, found):
        policy.reset(batch_size)
    for observation in observations:
        np.testing.assert_allclose(found(observation), expected(observation), atol=1e-5)
    return expected, found


@pytest.mark.parametrize("name", ["energy", *_SLOW])
def test_tflite_graphs_act_as_the_saved_model(exported, tmp_path, name):
    source, target = exported(name), tmp_path / "graphs"
    graphs.export(source, "tflite", target)
    _same_actions(source, target, batch_size=3)
    _same_actions(source, target)


@pytest.mark.parametrize("name", ["energy", *_SLOW[-3:]])
def test_onnx_graphs_act_as_the_saved_model(exported, tmp_path, name):
    source, target = exported(name), tmp_path / "graphs"
    graphs.export(source, "onnx", target)
    _same_actions(source, target, batch_size=3)
    expected, found = _same_actions(source, target)
    if found.description.sampling is None:
        return
    observation = policy_testing.observations(1)[0]
    samples, other = found.samples(observation), expected.samples(observation)
    np.testing.assert_allclose(samples.energies, other.energies, atol=1e-5)
    energies = found.energies(observation, other.actions)
    np.testing.assert_allclose(energies, other.energies, atol=1e-5)


_ALONE = """
import sys
import numpy as np
import ibc
assert "tensorflow" not in sys.modules
sys.modules.update(dict.fromkeys(["tensorflow", "tf_agents", "tf_keras"]))
for path in sys.argv[1:]:
    policy = ibc.load_policy(path, seed=0)
    policy.reset()
    print(policy({"alpha": np.zeros(3), "goal": np.zeros(2)}).tolist(), policy.where)
"""


def test_they_act_in_a_process_without_tensorflow(exported, tmp_path):
    paths = [tmp_path / kind for kind in ("onnx", "tflite")]
    for path in paths:
        graphs.export(exported("energy"), path.name, path)
    done = commands.python("-c", _ALONE, *paths, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    onnx, lite = done.stdout.splitlines()
    assert "NumPy and onnxruntime" in onnx and "NumPy and LiteRT" in lite
    assert onnx.split("]")[0] == lite.split("]")[0]


def test_what_needs_gradients_is_refused_with_the_way_out(exported, tmp_path):
    policy_parts.describe(policy_testing.make("langevin")).write(tmp_path)
    with pytest.raises(ValueError, match=r"samples by Langevin.*IbcPolicy.use_langevin = False"):
        graphs.export(tmp_path, "onnx", tmp_path / "graphs")
    older = tmp_path / "older"
    shutil.copytree(exported("energy"), older)
    (older / description_lib.FILE).unlink()
    with pytest.raises(ValueError, match=r"has no policy.json: it was exported before graphs"):
        graphs.export(older, "onnx", tmp_path / "graphs")
    assert not (tmp_path / "graphs").exists()


def test_missing_and_damaged_files_are_one_line(exported, tmp_path):
    folder = tmp_path / "graphs"
    graphs.export(exported("energy"), "tflite", folder)
    score = (folder / "score.tflite").read_bytes()
    (folder / "score.tflite").unlink()
    with pytest.raises(FileNotFoundError, match="holds no graph 'score'; copy the whole folder"):
        ibc.load_policy(folder)
    for kind, runner in (("onnx", "onnxruntime"), ("tflite", "LiteRT")):
        (folder / f"score.{kind}").write_bytes(score[:100])
        with pytest.raises(ValueError, match=f"cannot be loaded by {runner}") as error:
            ibc.load_policy(folder)
        assert "\n" not in str(error.value)
        (folder / f"score.{kind}").unlink()
    (folder / "policy.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"holds graphs but no policy.json"):
        ibc.load_policy(folder)
