import dataclasses

import numpy as np
import pytest

from ibc.data.recording import options as recording_options
from ibc.data.recording import policies
from ibc.runtime import description

_OBSERVATION = {
    "block_translation": description.Field((2,), "float32"),
    "rgb": description.Field((60, 80, 3), "uint8"),
}


@pytest.fixture(name="options")
def _options(tmp_path):
    """Options that run an exported policy, which looks at images of 60×80 pixels."""
    (tmp_path / "saved_model.pb").touch()
    action = description.Action((2,), "float32", np.full(2, -0.1), np.full(2, 0.1))
    description.Description("energy", 2, _OBSERVATION, action).write(tmp_path)
    return recording_options.EvaluationOptions(
        task="PUSH", saved_model_path=str(tmp_path), use_image_obs=True
    )


def test_images_have_the_size_that_an_exported_policy_looks_at(options):
    assert policies.picture_bindings(options) == ("BlockPush.image_size = (60, 80)",)


@pytest.mark.parametrize(
    "changes",
    [
        {"use_image_obs": False},
        {"task": "PUSHT"},  # Its images have one size.
        {"saved_model_path": None, "policy": "oracle"},
    ],
)
def test_nothing_is_bound_where_there_is_nothing_to_choose(options, changes):
    assert policies.picture_bindings(dataclasses.replace(options, **changes)) == ()


def test_policies_of_numbers_bind_nothing(options, tmp_path):
    action = description.Action((2,), "float32")
    of_numbers = {"block_translation": _OBSERVATION["block_translation"]}
    description.Description("energy", 2, of_numbers, action).write(tmp_path)
    assert policies.picture_bindings(options) == ()
