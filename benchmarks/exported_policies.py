"""Latency of exported policies, loaded with plain TensorFlow.

    python benchmarks/exported_policies.py --saved_model_path=runs/my_run/policies/greedy_policy
    python benchmarks/exported_policies.py

Prints the median and the 95th percentile of the time of one action at batch 1. Without
--saved_model_path the greedy policies of the quick block pushing configs are exported first,
untrained, which takes as long to act.
"""

import collections
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from absl import app, flags

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before TensorFlow is imported

_SAVED_MODEL_PATH = flags.DEFINE_multi_string("saved_model_path", [], "Exported policies.")
_NUM_ACTIONS = flags.DEFINE_integer("num_actions", 500, "Actions to time.")

_TASK = "PUSH"
_CONFIGS = ("mlp_ebm_quick", "mlp_mse_quick", "mlp_mdn_quick")
_WARM_UP_ACTIONS = 20

TimeStep = collections.namedtuple("TimeStep", "step_type reward discount observation")


def latencies(path: str, num_actions: int) -> np.ndarray:
    """Returns milliseconds per action, float64 [num_actions], after some to warm up."""
    times = [milliseconds for milliseconds, _ in acts(path, _WARM_UP_ACTIONS + num_actions)]
    return np.array(times[_WARM_UP_ACTIONS:])


def acts(path: str, count: int) -> Iterator[tuple[float, Any]]:
    """Acts for an episode; yields the milliseconds that each action takes, and the policy's state.

    Observations are zeros; no policy here takes another path for other numbers.
    """
    # This package imports TensorFlow its own way, so here is where TensorFlow alone is.
    import tensorflow as tf

    policy = tf.saved_model.load(path)
    specs = policy.action.concrete_functions[0].structured_input_signature[0][0]
    observation = tf.nest.map_structure(
        lambda spec: tf.zeros([1, *spec.shape[1:]], spec.dtype), specs.observation
    )
    state = policy.get_initial_state(batch_size=1)
    for index in range(count):
        step_type = tf.constant([min(index, 1)])
        time_step = TimeStep(step_type, tf.zeros([1]), tf.ones([1]), observation)
        start = time.perf_counter()
        action, state, _ = policy.action(time_step, state)
        action.numpy()
        yield 1e3 * (time.perf_counter() - start), state


def export_untrained(folder: pathlib.Path) -> list[str]:
    """Exports the greedy policies of `_CONFIGS`, with random weights; returns their paths."""
    from ibc.utils import startup

    startup.import_tensorflow_quietly()

    # isort: split
    from tf_agents.policies import policy_saver
    from tf_agents.specs import tensor_spec

    from ibc.agents import greedy_policy
    from ibc.environments import suite

    sys.path.append(str(pathlib.Path(__file__).parent.parent))
    from tests import shard_testing

    environment = suite.load(_TASK)
    specs = environment.observation_spec(), environment.action_spec()
    frame_spec = shard_testing.frame_spec(*map(tensor_spec.from_spec, specs))
    data_path = shard_testing.write(folder / "random.tfrecord", [50] * 10, frame_spec)
    paths = []
    for config in _CONFIGS:
        greedy = greedy_policy.SeededGreedyPolicy(_untrained_policy(config, data_path, specs))
        paths.append(str(folder / config))
        policy_saver.PolicySaver(greedy, batch_size=None).save(paths[-1])
    return paths


def _untrained_policy(config: str, data_path: str, specs: tuple):
    """Returns the policy of a config whose statistics are those of the data."""
    import gin
    import tensorflow as tf
    from tf_agents.train.utils import train_utils

    from ibc.eval import measured_environment
    from ibc.train import config_files
    from ibc.train.build import agent_specs, build_agent, training_data

    gin.clear_config()
    config_files.configure([_TASK], [f"{config}.gin"], [])
    sequence_length = gin.query_parameter("train_eval.sequence_length")
    return build_agent.build_agent(
        *agent_specs.of_environment(measured_environment.load(_TASK, sequence_length)),
        gin.query_parameter("train_eval.loss_type"),
        gin.query_parameter("train_eval.network"),
        training_data.get_data(data_path, sequence_length, {_TASK: specs}).normalizers,
        0.05,
        tf.keras.optimizers.legacy.Adam(),
        train_utils.create_train_step(),
        seed=0,
    ).policy


def main(_) -> None:
    if not _SAVED_MODEL_PATH.value:
        with tempfile.TemporaryDirectory() as folder:
            paths = export_untrained(pathlib.Path(folder))
            # A process of its own, which never imports this package.
            arguments = [f"--saved_model_path={path}" for path in paths]
            arguments.append(f"--num_actions={_NUM_ACTIONS.value}")
            subprocess.run([sys.executable, __file__, *arguments], check=True)
        return
    for path in _SAVED_MODEL_PATH.value:
        times = latencies(path, _NUM_ACTIONS.value)
        print(
            f"{pathlib.Path(path).name:24} median {np.median(times):6.2f} ms  "
            f"95th percentile {np.percentile(times, 95):6.2f} ms",
            flush=True,
        )


if __name__ == "__main__":
    app.run(main)
