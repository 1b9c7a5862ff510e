import re

import gin
import pytest

from ibc.agents import ibc_agent  # noqa: F401  (for its defaults)
from ibc.train import continuation
from ibc.train.run import run_folder

BINDINGS = (
    "# Parameters for train_eval:\ntrain_eval.batch_size = 512\ntrain_eval.num_iterations = 9\n"
)


def claim(folder, bound, identity, continued, **options) -> None:
    """Records or compares as training does, to whose parameters these belong."""
    run_folder.record_or_compare(
        folder, bound, identity, continued, continuation.may_change, **options
    )


def test_the_same_run_and_a_longer_one_may_go_on(tmp_path):
    claim(tmp_path, BINDINGS, {"task": ["PARTICLE"]}, continued=True)
    claim(tmp_path, BINDINGS, {"task": ["PARTICLE"]}, continued=True)
    claim(tmp_path, BINDINGS.replace("= 9", "= 99"), {"task": ["PARTICLE"]}, continued=True)


def test_what_changes_no_weight_is_a_warning_once(tmp_path, caplog):
    claim(tmp_path, BINDINGS, {"task": ["PARTICLE"]}, continued=False)
    longer = BINDINGS.replace("= 9", "= 99") + "IbcPolicy.num_action_samples = 64\n"
    claim(tmp_path, longer, {"task": ["PARTICLE"]}, continued=True)
    assert "IbcPolicy.num_action_samples was not set, now 64; " in caplog.text
    assert "train_eval.num_iterations was 9, now 99." in caplog.text
    caplog.clear()
    claim(tmp_path, longer, {"task": ["PARTICLE"]}, continued=True)
    assert not caplog.text


@pytest.mark.parametrize(
    "bindings, identity, message",
    [
        (BINDINGS.replace("512", "64"), {"task": ["PARTICLE"]}, "batch_size was 512, now 64"),
        (BINDINGS + "MLPEBM.depth = 4\n", {"task": ["PARTICLE"]}, "depth was not set, now 4"),
        (BINDINGS, {"task": ["PUSH"]}, r"task was \['PARTICLE'\], now \['PUSH'\]"),
    ],
)
def test_another_run_is_refused_by_what_differs(tmp_path, bindings, identity, message):
    claim(tmp_path, BINDINGS, {"task": ["PARTICLE"]}, continued=True)
    with pytest.raises(ValueError, match=message):
        claim(tmp_path, bindings, identity, continued=True)


def test_a_start_without_a_checkpoint_leaves_no_claim(tmp_path):
    claim(tmp_path, BINDINGS, {"task": ["PARTICLE"]}, continued=False)
    claim(tmp_path, BINDINGS, {"task": ["PUSH"]}, continued=False)
    claim(tmp_path, BINDINGS, {"task": ["PUSH"]}, continued=True)


def test_what_a_full_disk_left_of_a_checkpoint_is_removed_by_the_machine_that_writes(tmp_path):
    half = tmp_path / "train" / "checkpoints" / "ckpt-20_temp"
    half.mkdir(parents=True)
    (half / "part-00000").write_text("half")
    claim(tmp_path, BINDINGS, {}, continued=False, writes=False)
    assert half.exists() and len(list(tmp_path.rglob("*.txt"))) == 0
    claim(tmp_path, BINDINGS, {}, continued=False)
    assert not half.exists() and len(list(tmp_path.rglob("*.txt"))) == 1


@pytest.mark.parametrize(
    ("share", "sampler", "harmless"),
    [
        ("", "iterative_dfo.num_iterations = 7", True),  # by default DFO makes no counter-examples
        ("ImplicitBCAgent.fraction_dfo_samples = 0.5", "iterative_dfo.num_iterations = 7", False),
        ("", "langevin_actions_given_obs.num_iterations = 7", False),
        (
            "ImplicitBCAgent.fraction_langevin_samples = 0.0",
            "langevin_actions_given_obs.num_iterations = 7",
            True,
        ),
    ],
)
def test_a_sampler_that_trains_nothing_may_change(tmp_path, share, sampler, harmless, caplog):
    bound = f"{BINDINGS}{share}\n"
    claim(tmp_path, bound, {}, continued=False)
    if harmless:
        claim(tmp_path, f"{bound}{sampler}\n", {}, continued=True)
        assert "num_iterations was not set, now 7" in caplog.text
    else:
        with pytest.raises(ValueError, match="was not set, now 7"):
            claim(tmp_path, f"{bound}{sampler}\n", {}, continued=True)


def test_damaged_bindings_are_one_clear_error(tmp_path):
    claim(tmp_path, BINDINGS, {}, continued=False)
    (path,) = tmp_path.glob("train/*")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match=re.escape(f"{path} is damaged")):
        claim(tmp_path, BINDINGS, {}, continued=True)


@gin.configurable
def bound_by_bindings_test(needed, rate=0.1, depth=2, kind="a", flag=False, sizes=(1, 2)):
    return needed, rate, depth, kind, flag, sizes


_F = "bound_by_bindings_test"


def same(name: str, first: str, second: str) -> bool:
    texts = [f"# Parameters:\n# ====\n{text.replace('F.', f'{_F}.')}\n" for text in (first, second)]
    values = [
        run_folder.have_same_value(
            name.replace("F.", f"{_F}."), *map(run_folder.parse_bindings, order)
        )
        for order in (texts, texts[::-1])
    ]
    assert values[0] == values[1]
    return values[0]


@pytest.mark.parametrize(
    "name, first, second, expected",
    [
        ("F.rate", "", "F.rate = 0.1", True),
        ("F.rate", "", "F.rate = 0.2", False),
        ("F.rate", "F.rate = 1e-1", "F.rate = 0.1", True),
        ("F.depth", "", "F.depth = 2.0", True),
        ("F.depth", "F.depth = 1", "F.depth = True", False),
        ("F.kind", "", "F.kind = 'a'", True),
        ("F.kind", "", "F.kind = 'b'", False),
        ("F.flag", "", "F.flag = False", True),
        ("F.sizes", "", "F.sizes = (1, 2)", True),
        ("F.needed", "", "F.needed = None", False),
        ("F.depth", "", "D = 2\nF.depth = %D", True),
        ("F.depth", "F.depth = 3", "D = 3\nF.depth = %D", True),
        ("F.depth", "D = 2\nF.depth = %D", "D = 3\nF.depth = %D", False),
        ("F.depth", "F.depth = 3", "D = 3\nE = %D\nF.depth = %E", True),
        ("F.sizes", "", "D = 2\nF.sizes = (1, %D)", True),
        ("F.sizes", "D = 2\nF.sizes = (1, %D)", "D = 3\nF.sizes = (1, %D)", False),
        ("F.depth", "F.depth = %E", "E = %E\nF.depth = %E", True),
        ("F.kind", "F.kind = @x()", "F.kind = @x()", True),
        ("F.kind", "", "F.kind = @x()", False),
        ("s/F.depth", "F.depth = 4", "F.depth = 4\ns/F.depth = 4", True),
        ("s/F.depth", "F.depth = 4", "F.depth = 4\ns/F.depth = 2", False),
        ("s/t/F.depth", "s/F.depth = 4", "s/F.depth = 4\ns/t/F.depth = 4", True),
        ("s/F.depth", "", "s/F.depth = 2", True),
        ("data", "", "data = '3 windows'", False),
        ("nowhere.rate", "", "nowhere.rate = 0.1", False),
    ],
)
def test_values_are_compared_and_not_whether_they_are_bound(name, first, second, expected):
    assert same(name, first, second) == expected
