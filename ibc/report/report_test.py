"""Reports of run folders whose contents are known, as page, picture of it, CSV and lines."""

import csv
import html
import html.parser
import json
import pathlib
import re
import shutil
import subprocess

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorboard.compat.proto import event_pb2

from ibc.notebook import curves
from ibc.report import __main__ as report
from ibc.report import runs, summary
from tests import commands

_SUCCESS = "AverageSuccessMetric"
_CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def write_run(folder, seed, successes, width=64, extra=""):
    """Writes what a training leaves: its bindings, event files, results and a video."""
    (folder / "train").mkdir(parents=True)
    bound = f"MLPMSE.width = {width}\nseed = {seed}\ntrain_eval.seed = {seed}\n{extra}"
    (folder / "train/gin-bindings.txt").write_text(bound)
    evaluation = folder / "eval/Particle-v0"
    averages = {step: np.mean(successes) * step / 200 for step in (100, 200)}
    averages[300] = np.mean(successes) / 2 if "worse" in extra else np.mean(successes)
    with tf.summary.create_file_writer(str(evaluation)).as_default():
        for step, value in averages.items():
            tf.summary.scalar(f"Metrics/{_SUCCESS}", value, step)
            tf.summary.scalar("Metrics/AverageReturn", 2 * value, step)
    with tf.summary.create_file_writer(str(folder / "train")).as_default():
        for step in range(0, 300, 10):
            tf.summary.scalar("reduced_loss", 1 / (step + 1 + seed), step)
    episodes = [
        {"seed": index, _SUCCESS: float(each), "AverageReturn": 2.0 * each}
        for index, each in enumerate(successes)
    ]
    results = {"step": 300, "averages": {}, "episodes": episodes}
    (evaluation / "results.json").write_text(json.dumps(results))
    video = folder / "videos/ttl=7d/vid_300.mp4"
    video.parent.mkdir(parents=True)
    video.write_bytes(b"\x00\x00\x00\x18ftypmp42")


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> list[str]:
    """Returns the folders of two methods' runs with two seeds each."""
    top = tmp_path_factory.mktemp("runs")
    outcomes = {"good": ([1, 1, 1, 0, 1, 1], [1, 1, 1, 1, 1, 1]), "bad": ([0] * 6, [0, 1] * 3)}
    for name, of_seeds in outcomes.items():
        for seed, successes in enumerate(of_seeds):
            width = 64 if name == "good" else 8
            write_run(top / name / f"seed_{seed}", seed, successes, width)
    return [str(folder) for folder in sorted(top.glob("*/seed_*"))]


@pytest.fixture(scope="module")
def methods(folders):
    return runs.methods([run for folder in folders for run in runs.read(pathlib.Path(folder))])


@pytest.fixture(scope="module")
def page(folders, tmp_path_factory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("page") / "looks.html"
    done = commands.in_process("ibc-report", [*folders, f"--output={path}"])
    assert (done.status, done.errors) == (0, []), done
    assert f"good: {_SUCCESS} 0.917 [" in done.output and "2 runs" in done.output
    return path


def test_runs_that_differ_in_seeds_are_one_method(methods):
    assert [(m.name, [run.seed for run in m.runs]) for m in methods] == [
        ("bad", [0, 1]),
        ("good", [0, 1]),
    ]
    assert runs.differing_bindings(methods) == {"MLPMSE.width": ["8", "64"]}
    assert runs.main_metric(methods) == _SUCCESS


def test_best_and_last_are_told_apart(tmp_path):
    write_run(tmp_path / "a", 0, [1, 0, 1, 1], extra="x.worse = 1\n")
    (run,) = runs.read(tmp_path / "a")
    assert run.best(_SUCCESS) == pytest.approx(0.75)
    assert run.last(_SUCCESS) == pytest.approx(0.375)
    assert run.last_ten(_SUCCESS) == pytest.approx((0.375 + 0.75 + 0.375) / 3)


def test_pairs_meet_the_same_episodes(methods):
    of_success, of_return = summary.pairs(methods, _SUCCESS)
    assert of_success.names == ("bad", "good") and of_success.episodes == 6
    assert of_success.comparison.difference.value == pytest.approx(0.25 - 11 / 12)
    # Seed 0: five episodes that only the second succeeds in; seed 1: three.
    assert of_success.comparison.p_values == pytest.approx((2 / 2**5, 2 / 2**3))
    assert of_return.comparison.difference.value == pytest.approx(2 * (0.25 - 11 / 12))


def test_the_page_needs_nothing_else(page):
    text = page.read_text()
    html.parser.HTMLParser().feed(text)
    outside = re.findall(r"(?:src|href|url)[=(]\W*(https?:[^\"')]*)", text)
    assert not [link for link in outside if "w3.org" not in link]
    assert text.count("<svg") == 2 and text.count("data:video/mp4;base64,") == 2
    assert "<script" not in text


def test_a_table_for_a_paper_has_intervals_over_seeds_and_episodes(page):
    text = page.with_suffix(".md").read_text()
    good = next(line for line in text.splitlines() if "| good |" in line)
    cells = [cell.strip() for cell in good.strip("|").split("|")]
    assert cells[:3] == ["Particle-v0", "good", "0.917"]
    assert cells[4:6] == ["2 × 6", "300"]
    told = json.loads(page.with_suffix(".json").read_text())
    row = next(row for row in told["rows"] if row["method"] == "good")
    assert 0.6 < row["low"] < row["mean"] < row["high"] == 1
    assert [run["episodes"] for run in row["runs"]] == [[1, 1, 1, 0, 1, 1], [1] * 6]
    assert told["computer"]["processor"]


def test_csv_has_a_line_for_each_run(page):
    with page.with_suffix(".csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["method"], row["seed"]) for row in rows] == [
        ("bad", "0"),
        ("bad", "1"),
        ("good", "0"),
        ("good", "1"),
    ]
    assert float(rows[2]["last"]) == pytest.approx(5 / 6, abs=1e-5)


def browse(page, folder, *flags) -> str:
    """Has Chromium show a page; returns what it writes."""
    if _CHROMIUM is None:
        pytest.skip("there is no Chromium to show the page")
    always = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars"
    always += " --disable-background-networking --disable-component-update --disable-sync"
    command = [_CHROMIUM, *always.split(), f"--user-data-dir={folder / 'user'}", *flags]
    options = dict(check=True, capture_output=True, text=True, timeout=120)
    return subprocess.run([*command, page.as_uri()], **options).stdout


def test_a_browser_shows_the_page(page, tmp_path):
    picture = tmp_path / "page.png"
    browse(page, tmp_path, "--window-size=1000,1400", f"--screenshot={picture}")
    pixels = np.asarray(Image.open(picture).convert("RGB")).reshape(-1, 3)
    colours = {tuple(colour) for colour in np.unique(pixels, axis=0)}
    # Those of both methods' lines, and the page's text.
    assert {(0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00), (0x22, 0x22, 0x22)} <= colours


def test_on_a_telephone_tables_scroll_and_the_page_does_not(page, tmp_path):
    # Windows are 500 pixels wide at least, frames are not.
    frame = tmp_path / "frame.html"
    text = html.escape(page.read_text())
    frame.write_text(
        f"""<!doctype html><body><iframe width=400 srcdoc="{text}"></iframe>
        <script>onload = () => {{
          const shown = document.querySelector("iframe").contentDocument;
          const all = [shown.documentElement, ...shown.querySelectorAll(".wide")];
          document.title = all.map(each => each.scrollWidth).join(" ");
        }}</script>"""
    )
    text = browse(frame, tmp_path, "--window-size=1000,1400", "--dump-dom")
    width, *tables = map(int, re.search("<title>([0-9 ]+)", text)[1].split())
    assert width == 400 < min(tables[0], tables[1])


def test_what_cannot_be_compared_is_said(folders, tmp_path):
    def error(*arguments):
        done = commands.in_process("ibc-report", [*arguments, f"--output={tmp_path / 'r.html'}"])
        assert done.status == 1 and not list(tmp_path.glob("r.*"))
        return done.errors[-1]

    assert "the same run twice" in error(folders[0], folders[0])
    assert "has not measured it" in error(*folders, "--metric=Nothing")
    (tmp_path / "empty").mkdir()
    assert "holds no run" in error(str(tmp_path / "empty"))


def test_help_names_every_argument():
    assert {"--metric", "--output"} <= set(re.findall(r"--\w+", report.make_parser().format_help()))


def test_time_is_that_of_working(tmp_path):
    for start in (1000, 5000):  # It lay stopped in between.
        with tf.io.TFRecordWriter(str(tmp_path / f"events.out.tfevents.{start}")) as writer:
            for step in range(4):
                event = event_pb2.Event(wall_time=start + 10 * step, step=step)
                writer.write(event.SerializeToString())
    assert curves.working_seconds(tmp_path) == 60
    assert curves.working_seconds(tmp_path / "none") == 0
