import pathlib
import re

import pytest

from ibc.utils import tags


@pytest.mark.parametrize(
    ("tag", "meaning"),
    [
        ("AggregatedMetrics/AverageSuccessMetric", "Share of the episodes .* mean over tasks"),
        ("Metrics/Completed_microwave", "Evaluation of one task."),
        ("Eval_Losses/mse_total_loss", "Mean squared error .* On validation data"),
        ("Training/learning_rate", "Learning rate of the latest step"),
        ("RunTime/train_steps_per_sec", "Training steps per second"),
        ("train_action_mse_error", "first training batch"),
    ],
)
def test_a_tag_is_described(tag, meaning):
    assert re.search(meaning, tags.describe(tag))
    assert tags.describe("Nobody's") == ""


def test_groups_stand_in_tensorboards_order():
    prefixes = [group.prefix for group in tags.GROUPS if group.prefix]
    assert prefixes == sorted(prefixes)


def test_the_loss_comes_first_in_its_group():
    assert tags.of_training("ebm_total_loss") == "Losses/ebm_total_loss"
    assert tags.of_training("energy_true_action") == "Training/energy_true_action"
    assert tags.of_validation("energy_true_action") == "Validation/energy_true_action"
    for loss in ("ebm_total_loss", "mse_total_loss", "mdn_total_loss"):
        assert loss in tags.LOSSES and loss not in tags.INSIGHTS


def test_the_page_explains_every_tag():
    page = pathlib.Path(__file__).parents[2] / "docs" / "tensorboard.md"
    tables = "\n".join(tags.tables())
    assert tables in page.read_text(), (
        "put the lines of ibc.utils.tags.tables() into docs/tensorboard.md"
    )
    for name in (*tags.METRICS, *tags.LOSSES, *tags.INSIGHTS, *tags.PICTURES, tags.REDUCED_LOSS):
        assert f"`{name}`" in tables
