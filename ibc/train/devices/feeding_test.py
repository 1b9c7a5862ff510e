"""Batches on a device that stands for a GPU: a second virtual processor, in another process."""

import json
import textwrap

import numpy as np
import pytest

from ibc.data.records import shards
from ibc.data.windows import dataset, streamed
from tests import commands, training

_PLACES = ("processor", "held", "prefetched")
# Trains six steps at each place, with a new start after three.
_TRAININGS = """
    import json, sys
    from ibc.utils import startup
    startup.import_tensorflow_quietly()
    import gin
    import tensorflow as tf
    cpu, = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    from ibc.data.windows import dataset
    from ibc.train import config_files, experiment, run_config
    from ibc.train.devices import feeding
    from ibc.train.loop import learner

    run = learner.BehavioralCloningLearner.run
    gather = dataset.WindowDataset._gather
    found = {}

    def running(self, *arguments):
        info = run(self, *arguments)
        found[place]["losses"].append(float(info.loss))
        found[place]["learner"] = self
        return info

    def gathering(self, indices):
        found[place]["gathered"].add(self._action.device[-5:])
        return gather(self, indices)

    learner.BehavioralCloningLearner.run = running
    dataset.WindowDataset._gather = gathering
    root, places, *bindings = sys.argv[1:]
    for place in places.split():
        found[place] = {"losses": [], "gathered": set()}
        device = None if place == "processor" else "/cpu:1"
        feeding.gpu = type("Gpu", (), {"device": staticmethod(lambda: device)})
        feeding.MOST_BYTES = 0 if place == "prefetched" else 1 << 30
        for steps in (3, 6):
            gin.clear_config()
            own = [f"train_eval.root_dir = '{root}/{place}'"]
            own += [f"train_eval.num_iterations = {steps}"]
            config_files.configure(["PARTICLE"], ["mlp_mse.gin"], [*bindings, *own])
            experiment.run(run_config.RunConfig(task=["PARTICLE"], skip_eval=True))
        last = found[place].pop("learner")
        found[place]["read"] = next(last._experience_iterator)[0][1].device[-5:]
        found[place]["gathered"] = sorted(found[place]["gathered"])
    print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory, particle_data):
    """Place of the batches → losses, and devices that batches are gathered and read on."""
    folder = str(tmp_path_factory.mktemp("places"))
    bindings = training.bindings(
        {
            **training.bound("train_eval", dataset_path=particle_data, batch_size=64),
            **training.bound("train_eval", fused_train_steps=1),
            **training.bound("MLPMSE", width=16),
        }
    )
    code = textwrap.dedent(_TRAININGS)
    arguments = ("-c", code, folder, " ".join(_PLACES), *bindings)
    output = commands.finished(commands.start_at_once(*arguments))
    return json.loads(output.splitlines()[-1])


@pytest.mark.parametrize("place", ["held", "prefetched"])
def test_losses_are_those_of_batches_from_the_processor(trained, place):
    expected = trained["processor"]["losses"]
    assert len(expected) == len(set(expected)) == 6
    np.testing.assert_array_equal(trained[place]["losses"], expected)


def test_batches_are_where_they_are_used(trained):
    assert trained["processor"]["gathered"] == ["CPU:0"]
    assert "CPU:1" in trained["held"]["gathered"]
    assert trained["prefetched"]["gathered"] == ["CPU:0"]
    assert [trained[place]["read"] for place in ("processor", "prefetched")] == ["CPU:0", "CPU:1"]


def test_images_and_streamed_data_are_left_to_the_processor(particle_data, tmp_path):
    paths = shards.find_shards(particle_data)
    on_disk = dataset.WindowDataset(streamed.stream_shards(paths, tmp_path), 2)
    with pytest.raises(ValueError, match="are made into batches on CPUs"):
        on_disk.on_device("/cpu:0")
