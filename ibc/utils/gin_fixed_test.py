import pytest

from ibc.environments import tasks
from ibc.utils import gin_config


@pytest.mark.parametrize(
    ("task", "binding"),
    [
        ("PUSH", "BlockPush.image_size = (120, 160)"),
        ("PUSH", "BlockPush.image_size = None"),
        ("REACH", "BlockPush.task = 'REACH'"),
        ("INSERT", "BlockPush.shared_memory = True"),
        ("PUSH", "eval/BlockPush.task = 'REACH'"),
        ("PUSH_NORMALIZED", "BlockPush.task = 'REACH'"),
        ("PUSH_NORMALIZED", "BlockPushNormalized.image_size = (120, 160)"),
        ("PUSH_DISCONTINUOUS", "BlockPushDiscontinuous.image_size = (120, 160)"),
        ("PUSH_MULTIMODAL", "BlockPushMultimodal.shared_memory = True"),
    ],
)
def test_what_the_ids_set_cannot_be_bound(task, binding):
    tasks.get_task(task).import_configurables()
    name = binding.partition(" = ")[0]
    with pytest.raises(ValueError) as error:
        gin_config.parse([], [binding])
    message = str(error.value)
    assert message.startswith(f"{name} would have no effect: Block") and "\n" not in message


@pytest.mark.parametrize(
    ("task", "binding"),
    [
        ("PUSH", "BlockPush.goal_dist_tolerance = 0.02"),
        ("PUSH_MULTIMODAL", "BlockPushMultimodal.goal_dist_tolerance = 0.02"),
        ("PARTICLE", "ParticleEnv.n_steps = 7"),
    ],
)
def test_what_they_leave_open_can(task, binding):
    tasks.get_task(task).import_configurables()
    gin_config.parse([], [binding])
