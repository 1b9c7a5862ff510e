import pathlib
import sys

import gin
import pytest

from ibc.environments.particle import particle
from ibc.utils import gin_config

# From Python 3.12 on, its tokenizer finds it first.
_TOO_NESTED = (
    "too many nested parentheses"
    if sys.version_info >= (3, 12)
    else "too many brackets inside each other"
)


@pytest.fixture
def folder(tmp_path):
    """A folder of config files: at the top, and in two subfolders."""
    for name, n_dim in (("top.gin", 3), ("particle/mlp_ebm.gin", 4), ("pushing/mlp_ebm.gin", 5)):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"ParticleEnv.n_dim = {n_dim}\n")
    return tmp_path


def test_bindings_win_over_files_and_later_over_earlier(folder):
    bindings = ["ParticleEnv.n_dim=7", "ParticleEnv.n_dim=8", "ParticleEnv.n_steps=9"]
    assert gin_config.parse([str(folder / "top.gin")], bindings) == [folder / "top.gin"]
    env = particle.ParticleEnv()
    assert (env.n_dim, env.n_steps) == (8, 9)
    assert gin.config_is_locked()


def test_nothing_to_parse_is_fine():
    assert gin_config.parse(None, None) == []
    assert particle.ParticleEnv().n_dim == 2


@pytest.mark.parametrize(
    ("name", "searched", "found"),
    [
        ("top.gin", ["."], "top.gin"),
        ("top", ["."], "top.gin"),
        ("mlp_ebm.gin", ["pushing", "particle"], "pushing/mlp_ebm.gin"),
        ("mlp_ebm.gin", ["particle", "pushing"], "particle/mlp_ebm.gin"),
        ("mlp_ebm.gin", ["."], "particle/mlp_ebm.gin"),
    ],
)
def test_bare_names_are_searched_in_order(folder, name, searched, found):
    folders = [folder / sub for sub in searched]
    assert gin_config.find_file(name, folders) == folder / found


def test_path_is_taken_as_it_is(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert gin_config.find_file("particle/mlp_ebm.gin", []) == pathlib.Path("particle/mlp_ebm.gin")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("ibc/configs/pushing/mlp_ebm.gin", "pushing/mlp_ebm.gin"),
        ("ibc/ibc/configs/elsewhere/mlp_ebm.gin", "particle/mlp_ebm.gin"),
        ("/gone/ibc/configs/particle/mlp_ebm.gin", "particle/mlp_ebm.gin"),
    ],
)
def test_a_published_path_that_is_not_here_means_the_file_that_ships(folder, name, found, caplog):
    assert gin_config.find_file(name, [folder / "particle"]) == folder / found
    assert f"There is no gin file '{name}': taking {folder / found}." in caplog.text


def test_other_paths_that_are_not_here_are_missing(folder):
    for name in ("mine/mlp_ebm.gin", "ibc/configs/particle/mlp_emb.gin", "configs/x"):
        with pytest.raises(FileNotFoundError):
            gin_config.find_file(name, [folder / "particle"])


def test_missing_bare_name_lists_what_there_is(folder):
    near, listing = r"\(did you mean mlp_ebm\?\)", r"there are: mlp_ebm\.gin, top\.gin\."
    with pytest.raises(FileNotFoundError, match=f"'mlp_emb.gin' was not found {near}.* {listing}"):
        gin_config.parse(["mlp_emb.gin"], [], [folder])


def test_missing_path_lists_its_folder(folder):
    with pytest.raises(FileNotFoundError, match=r"pushing there are: mlp_ebm\.gin\."):
        gin_config.parse([str(folder / "pushing" / "mlp.gin")], [], [folder])


@pytest.mark.parametrize(
    ("binding", "message"),
    [
        ("PartcleEnv.n_dim=2", "no configurable 'PartcleEnv' (did you mean ParticleEnv"),
        ("particleenv.n_dim=2", "no configurable 'particleenv' (did you mean ParticleEnv"),
        ("ParticleEnv.ndim=2", "'ParticleEnv' has no parameter 'ndim' (did you mean n_dim?)"),
        ("eval/ParticleEnv.k_q=2", "(did you mean k_"),
        ("particle.ParticleEnv.n_stepz=2", "(did you mean n_steps?); it has: n_steps, n_dim,"),
        ("ParticleEnv.n_dim=@ParticleEnvs()", "(did you mean ParticleEnv"),
        ("ParticleEnv.n_dim=", "gin binding 'ParticleEnv.n_dim=' cannot be parsed"),
        ("ParticleEnv.n_dim", "expected Name.parameter=value"),
        ("ParticleEnv.n_dim=two", "strings in quotes"),
        ("ParticleEnv.n_dim=(1,", "cannot be parsed"),
        ("ParticleEnv.n_dim=%DIM", "the macro %DIM is used but never set"),
        ("import no_such_module", "No module named 'no_such_module'"),
        (f"ParticleEnv.n_dim={'(' * 1000}3{')' * 1000}", _TOO_NESTED),
        ("ParticleEnv.n_dim={[1]: 2}", "unhashable"),
    ],
)
def test_wrong_binding_is_explained_in_one_line(binding, message):
    with pytest.raises(ValueError) as error:
        gin_config.parse([], ["ParticleEnv.n_steps=3", binding])
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("ParticleEnv.n_dim = 2\nParticleEnv.goal = 1", ": 'ParticleEnv' has no parameter 'goal'"),
        ("include 'nowhere.gin'", ": Unable to open file: nowhere.gin"),
        ("include '{}'", " is nested too deeply to be read: a file includes itself"),
    ],
)
def test_what_is_wrong_in_a_file_names_the_file(folder, content, message):
    (folder / "top.gin").write_text(f"{content.format(folder / 'top.gin')}\n")
    with pytest.raises(ValueError) as error:
        gin_config.parse(["top.gin"], [], [folder])
    assert f"top.gin{message}" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("parameter", "default"),
    [
        ("ParticleEnv.n_steps", "50"),
        ("particle.ParticleEnv.n_steps", "50"),
        ("ParticleEnv.n_stepz", None),
        ("NoSuchEnv.n_steps", None),
        ("a_macro", None),
    ],
)
def test_the_default_of_a_parameter_is_what_gin_would_write(parameter, default):
    assert gin_config.default_of(parameter) == default
