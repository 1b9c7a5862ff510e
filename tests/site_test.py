"""The documentation as a site: every page is in its menu, every link leads somewhere."""

import json
import pathlib
import re

import pytest

pytest.importorskip("material")
pytest.importorskip("latex2mathml")
_ROOT = pathlib.Path(__file__).parent.parent


@pytest.fixture(scope="module", name="site")
def _site(tmp_path_factory):
    """The folder of the site, built as `mkdocs build --strict` builds it."""
    from mkdocs.commands import build
    from mkdocs.config import load_config

    folder = tmp_path_factory.mktemp("site")
    # The library is configured by the pages that are made from it; its warnings end the build.
    config = load_config(str(_ROOT / "mkdocs.yml"), strict=True, site_dir=str(folder))
    build.build(config)
    return folder


def test_nothing_is_loaded_from_the_network(site):
    loaded = r'<(?:script|img|iframe|video)[^>]*\ssrc="(?:https?:)?//|<link[^>]*rel="(?:stylesheet|preconnect|icon)"[^>]*href="https?://'
    for page in site.rglob("*.html"):
        assert not re.findall(loaded, page.read_text("utf-8")), page


def test_every_page_is_there_and_the_home_page_is_the_readme(site):
    pages = {path.stem for path in (_ROOT / "docs").glob("*.md")}
    assert pages <= {path.stem for path in site.glob("*.html")}
    home = (site / "index.html").read_text("utf-8")
    assert "argmin over a of E(o, a)" in home
    pictures = re.findall(r'<img [^>]*src="([^"]+)"', home)
    assert len(pictures) == 2 and all((site / picture).exists() for picture in pictures)


def test_equations_are_drawn_without_scripts_and_understood(site):
    for name in ("method_energy", "method_samplers", "method_windows"):
        text = (site / f"{name}.html").read_text("utf-8")
        equations = re.findall(r"<math.*?</math>", text, re.DOTALL)
        assert len(equations) >= 3 and not [one for one in equations if "\\" in one]


def test_the_reference_tells_what_the_code_has(site):
    commands = (site / "reference_commands.html").read_text("utf-8")
    for shown in ("--gin_bindings", "ibc-landscape", "ibc-data convert", "--dataset_path"):
        assert shown in commands
    parameters = (site / "reference_parameters.html").read_text("utf-8")
    for shown in ("sampler_stepsize_init", "num_counter_examples", "Factor of the noise."):
        assert shown in parameters
    online = (site / "reference_online.html").read_text("utf-8")
    for shown in ("imitation.discriminator.depth", "check_time_usage", "GAIL_25_trajectories"):
        assert f">{shown}<" in online
    rows = re.findall(r"imitation\.update_freq</code></td>(.*?)</tr>", online, re.DOTALL)
    assert re.findall(r">(\d+)<", rows[1]) == ["1250", "0"], "of AdRIL and SQIL"
    assert "counter_examples_above_true_action" in (site / "reference_metrics.html").read_text()


def test_notebooks_are_kept_without_outputs_and_shown(site):
    for path in (_ROOT / "docs" / "notebooks").glob("*.ipynb"):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
        assert "import ibc" in re.sub(
            "<[^>]*>", "", (site / f"notebooks/{path.stem}.html").read_text("utf-8")
        )
